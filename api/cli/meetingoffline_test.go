package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/poller"
)

// Whoever asks for a meeting on a server that is offline is told, and since when.
func TestMeetingCmds_Offline(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	p.seen["a"] = poller.Status{Health: poller.Offline, Failing: now.Add(-5 * time.Minute), Reason: "getMeetings: refused"}
	const since = ", offline since 2026-03-01T08:55:00Z: nobody can join until it is back, or the next create makes the meeting " +
		"anew elsewhere\n"
	for args, says := range map[string]string{
		"meeting show algebra":           "\nserver       a" + since,
		"meeting explain algebra":        "; server a" + since,
		"meeting list":                   "  a (offline)  ",
		"meeting show algebra --json":    `"offline_since": "2026-03-01T08:55:00Z"`,
		"meeting explain algebra --json": `"offline_since": "2026-03-01T08:55:00Z"`,
		"meeting list --json":            `"offline_since": "2026-03-01T08:55:00Z"`,
		"status": "\n  server a is offline, since 2026-03-01 08:55:00 UTC (5m0s): getMeetings: refused; nobody can join its 2 meetings " +
			`with 3 people until it is back, or the next create makes them anew elsewhere: algebra, evil\x1b[2J`,
	} {
		if o := p.run(t, "", strings.Fields(args)...); o.failed != nil || !strings.Contains(o.out, says) {
			t.Errorf("%s: %v\n%s", args, o.failed, o.out)
		}
	}
}
