package meetings

import (
	"bufio"
	"errors"

	"github.com/bbbpool/bbbpool/api/cli"

	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ExportCmd prints the sessions of the past.
type ExportCmd struct {
	Since grammar.When `placeholder:"WHEN" help:"Only those that ended then or later: an age as 30d, or a time as 2026-03-01T09:00:00Z."`
	Until grammar.When `placeholder:"WHEN" help:"Only those that ended before."`
}

// Run prints a line of JSON for each session, the one that ended first on top, and
// says beside that how many were left out.
func (c *ExportCmd) Run(env *cli.Env) error {
	now := env.Time()
	since, until := c.Since.At(now), c.Until.At(now)
	if !until.IsZero() && !until.After(since) {
		return grammar.Misused("--until: want a time after --since")
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		out := bufio.NewWriter(env.Out)
		left, err := pool.History.Export(env.Ctx, since, until, jsonLines{out})
		if err := errors.Join(err, out.Flush()); err != nil || left == 0 {
			return err
		}
		return terminal.Say(env.Err,
			"note: %s left out, which bbbpool simulate would not read: without a length, or of more than 7 days\n",
			terminal.Plural(left, "session"))
	})
}

// jsonLines passes on JSON that comes in whole lines, in a form that is safe for terminals.
type jsonLines struct{ out *bufio.Writer }

// Write writes one or more lines.
func (l jsonLines) Write(lines []byte) (int, error) {
	_, err := l.out.WriteString(terminal.HarmlessJSON(string(lines)))
	return len(lines), err
}
