package trial

import "fmt"

// mark is the sign of a level.
func (l Level) mark() string {
	return map[Level]string{Pass: "ok", Warning: "WARNING", Fail: "FAIL", Skipped: "-"}[l]
}

// Words returns everything that a report says, line by line, so that tests can look at it.
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
