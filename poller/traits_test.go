package poller_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
)

// crawls checks that a server fails at nothing, and is suspect for its slowness alone.
func (r *rig) crawls(id string) {
	r.t.Helper()
	if got := s(r, id); got.Health != poller.Suspect || !got.Failing.IsZero() || !strings.HasPrefix(got.Reason, "it answers in ") {
		r.t.Errorf("after %s: %s is %s, failing since %s: %s", time.Since(r.start), id, got.Health, got.Failing, got.Reason)
	}
}

// slow checks how a slow server is shown, and what placement makes of it.
func (r *rig) slow(when string, health poller.Health, weight float64, warning string) {
	r.t.Helper()
	r.expect("a", health)
	got := s(r, "a")
	if got.Load.Weight != weight {
		r.t.Errorf("%s: weight %g, want %g", when, got.Load.Weight, weight)
	}
	switch {
	case warning == "" && len(got.Warnings) > 0, warning != "" && len(got.Warnings) != 1:
		r.t.Errorf("%s: warnings %q", when, got.Warnings)
	case warning != "" && !strings.HasPrefix(got.Warnings[0], warning):
		r.t.Errorf("%s: warning %q, want %q", when, got.Warnings[0], warning)
	}
	if health == poller.Suspect && got.Reason != "it answers in 8 s" {
		r.t.Errorf("%s: reason %q, want %q", when, got.Reason, warning)
	}
}

// A server that answers slowly counts double, then comes after all others, and is named. It is back when it answers well
// below that.
func TestRun_SlownessCounts(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		set := func(d time.Duration) {
			r.net["a"].set(behaviour{delay: d}, "getMeetings")
			r.pass(80 * time.Second)
		}
		set(1900 * time.Millisecond)
		r.slow("nearly slow", poller.Online, 1, "")
		set(3 * time.Second)
		r.slow("slow", poller.Online, 0.5, "it answers in 3 s")
		set(1600 * time.Millisecond)
		r.slow("hardly faster", poller.Online, 0.5, "it answers in 1.6 s")
		set(8 * time.Second)
		r.slow("very slow", poller.Suspect, 0.5, "it answers in 8 s")
		if got := r.happened("a", "warning"); got != 2 {
			t.Errorf("%d warnings, want one for each level", got)
		}
		r.stands("a", placement.Unproven)
		set(100 * time.Millisecond)
		r.slow("quick again", poller.Online, 1, "")
		r.stands("a", placement.Open)
		if got := r.happened("a", "cleared"); got != 1 {
			t.Errorf("cleared %d times, want once", got)
		}
	})
}

// One slow answer is no news.
func TestRun_OneSlowAnswer(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(_ *testing.T, r *rig) {
		r.pass(31 * time.Second)
		r.net["a"].set(behaviour{delay: 9 * time.Second}, "getMeetings")
		r.pass(10 * time.Second)
		r.net["a"].set(behaviour{}, "getMeetings")
		for range 6 {
			r.pass(10 * time.Second)
			r.slow("after one", poller.Online, 1, "")
		}
	})
}
