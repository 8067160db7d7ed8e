package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/bbbpool/bbbpool/api/bbb"
)

const (
	maxQuote  = 200 // bytes that are repeated of what a server says
	maxDetail = 600 // bytes of a detail
)

// why says what is wrong with an answer and what to do about it.
func (t *trial) why(err error) string {
	refused, isAnswer := errors.AsType[*bbb.Error](err)
	failed, isCall := errors.AsType[*bbb.CallError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "the test was cut off before this was known: run it again"
	case errors.Is(err, context.DeadlineExceeded) && !isCall:
		return "there was no time left for this: the server answers too slowly; look at its load"
	case isAnswer && refused.Key == bbb.ErrChecksum.Key:
		return "the server does not accept the secret any more: run bbb-conf --secret there and copy it once more"
	case isAnswer:
		return fmt.Sprintf("the server refuses, with %s: look for that in its /var/log/bigbluebutton/bbb-web.log",
			clean(refused.Error(), maxQuote))
	case isCall && failed.Reason == bbb.NotBBB && failed.Status == 200:
		return "the answer is none of BigBlueButton's: check what stands between here and the server, then bbb-conf --check there"
	}
	return bbb.Explain(t.target.Endpoint.URL, err).Error()
}

// clean makes what a server may have had a hand in fit for a terminal: one line, of bounded length.
func clean(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:limit]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	if cut {
		s += "…"
	}
	return s
}

// mark is the sign of a level.
func (l Level) mark() string {
	return map[Level]string{Pass: "ok", Warning: "WARNING", Fail: "FAIL", Skipped: "-"}[l]
}

// Words returns the report for people, line by line.
func (r Report) Words() []string {
	lines := []string{r.headline()}
	for _, c := range r.Checks {
		line := fmt.Sprintf("  %-8s %-10s %s", c.Level.mark(), c.Name, c.Detail)
		if c.Latency > 0 {
			line += " (" + inMilliseconds(c.Latency) + ")"
		}
		lines = append(lines, line)
	}
	if r.Load != nil {
		lines = append(lines, r.Load.words()...)
	}
	return lines
}

func (r Report) headline() string {
	count := map[Level]int{}
	for _, c := range r.Checks {
		count[c.Level]++
	}
	switch {
	case !r.Passed:
		return fmt.Sprintf("%s is not fit for the pool: %s", r.URL, counted(count[Fail], "check failed", "checks failed"))
	case count[Warning] > 0:
		return fmt.Sprintf("%s is fit for the pool, with %s", r.URL, counted(count[Warning], "warning", "warnings"))
	}
	return r.URL + " is fit for the pool"
}

// words are the lines of a load test.
func (l LoadReport) words() []string {
	lines := []string{
		fmt.Sprintf("load test: %s, %d at once, %d failed: %s", counted(l.Meetings, "meeting", "meetings"), l.Concurrency,
			l.Failed, l.Verdict),
		fmt.Sprintf("  %-15s %6s %6s %9s %9s %9s %9s %9s", "ms", "calls", "failed", "p50", "p95", "p99", "max", "pool p50"),
	}
	for _, c := range l.Calls {
		pool := "-"
		if c.Pool > 0 {
			pool = fmt.Sprintf("%.1f", c.Pool)
		}
		lines = append(lines, fmt.Sprintf("  %-15s %6d %6d %9.1f %9.1f %9.1f %9.1f %9s",
			c.Call, c.Count, c.Failed, c.P50, c.P95, c.P99, c.Max, pool))
	}
	return lines
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// inMilliseconds prints milliseconds with no more digits than tell something.
func inMilliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// round prints a duration of any length with as few digits.
func round(d time.Duration) string {
	if d < time.Second {
		return inMilliseconds(milliseconds(d))
	}
	return d.Round(100 * time.Millisecond).String()
}
