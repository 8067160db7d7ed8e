package cli

import (
	"bufio"
	"errors"
	"fmt"
	"time"
)

// HistoryExportCmd prints the sessions of the past.
type HistoryExportCmd struct {
	Since When `placeholder:"WHEN" help:"Only those that ended then or later: an age as 30d, or a time as 2026-03-01T09:00:00Z."`
	Until When `placeholder:"WHEN" help:"Only those that ended before."`
}

// Run prints a line of JSON for each session, the one that ended first on top, and
// says beside that how many were left out.
func (c *HistoryExportCmd) Run(env *Env) error {
	now := env.now()
	since, until := c.Since.at(now), c.Until.at(now)
	if !until.IsZero() && !until.After(since) {
		return misused("--until: want a time after --since")
	}
	return env.with(look, func(pool *connection) error {
		out := bufio.NewWriter(env.Out)
		left, err := pool.History.Export(env.Ctx, since, until, jsonLines{out})
		if err := errors.Join(err, out.Flush()); err != nil || left == 0 {
			return err
		}
		return say(env.Err, "note: %s left out, which bbbpool simulate would not read: without a length, or of more than 7 days\n",
			plural(left, "session"))
	})
}

// When is a time, or how long ago that is. The zero value is neither.
type When struct {
	time time.Time
	ago  time.Duration
}

// UnmarshalText reads 30d, 36h, 2026-03-01 or 2026-03-01T09:00:00Z.
func (w *When) UnmarshalText(b []byte) error {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, string(b)); err == nil {
			*w = When{time: t}
			return nil
		}
	}
	var age Age
	if err := age.UnmarshalText(b); err != nil {
		return fmt.Errorf("%q is no time: want an age as 30d or 36h, or a time as 2026-03-01T09:00:00Z", b)
	}
	*w = When{ago: time.Duration(age)}
	return nil
}

func (w When) at(now time.Time) time.Time {
	if w.ago > 0 {
		return now.Add(-w.ago)
	}
	return w.time
}

// jsonLines passes on JSON that comes in whole lines, in a form that is safe for terminals.
type jsonLines struct{ out *bufio.Writer }

// Write writes one or more lines.
func (l jsonLines) Write(lines []byte) (int, error) {
	_, err := l.out.WriteString(harmless(string(lines)))
	return len(lines), err
}
