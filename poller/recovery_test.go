package poller_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
)

// A server that fails one poll in three leaves rotation, and stays out until it has answered long enough.
func TestRun_Flapping(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		a.change(func(f *fake) { f.flap = 3 })
		r.pass(2 * time.Minute)
		for range 600 {
			r.pass(time.Second)
			if got := r.health("a"); got != poller.Suspect {
				t.Fatalf("after %s: %s", time.Since(r.start), got)
			}
		}
		if n := len(a.times(r.start, "getMeetings")); n > 110 { // 72 in time, and one more after each failure
			t.Errorf("%d polls in 12 minutes", n)
		}
		a.change(func(f *fake) { f.flap = 0 })
		r.pass(2 * time.Minute)
		r.expect("a", poller.Suspect)
		if reason := s(r, "a").Reason; !strings.HasPrefix(reason, "recovering, ") || !strings.Contains(reason, "of 16 clean polls") {
			t.Errorf("reason %q", reason)
		}
		if !s(r, "a").Failing.IsZero() || r.Failing("a") {
			t.Error("a server that recovers fails")
		}
		r.pass(time.Minute)
		r.expect("a", poller.Online)
	})
}

func s(r *rig, id string) poller.Status {
	st, _ := r.Server(id)
	return st
}

// A server that was cut off for 90 seconds comes back by itself with the meetings that it had: nothing is created twice
// and nothing is ended.
func TestRun_OutageOfOne(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		r.place("class", "a", "i-1")
		a.show(room("class", "i-1", 3))
		r.refresh(time.Second)
		a.set(down)
		r.pass(15 * time.Second)
		r.expect("a", poller.Suspect)
		r.pass(75 * time.Second)
		r.expect("a", poller.Offline)
		r.claims("while it is away", map[string]string{"class": "a"})
		r.list("while it is away", "i-1")
		a.set(behaviour{})
		r.pass(10500 * time.Millisecond)
		r.expect("a", poller.Online)
		r.pass(30 * time.Second)
		r.claims("when it is back", map[string]string{"class": "a"})
		r.list("when it is back", "i-1")
		for id, f := range r.net {
			if n := len(f.times(r.start, "end")); n != 0 {
				t.Errorf("%d meetings were ended on %s", n, id)
			}
		}
		if n := r.happened("a", "split"); n != 0 {
			t.Errorf("%d meetings were on two servers", n)
		}
	})
}

// What was created elsewhere while a server was away is there twice when it is back. The copy is reported, left alone
// with people in it, and ended once it is empty; what nobody has created anew is where it was.
func TestRun_ReturnWithCopies(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		r.place("stays", "a", "i-1")
		r.place("moves", "a", "i-2")
		a.show(room("stays", "i-1", 3), room("moves", "i-2", 4))
		r.refresh(time.Second)
		a.set(down)
		r.pass(time.Minute)
		r.expect("a", poller.Offline)
		r.place("moves", "b", "i-3")
		r.net["b"].show(room("moves", "i-3", 9))
		a.set(behaviour{})
		r.pass(time.Minute)
		r.claims("back", map[string]string{"stays": "a", "moves": "b"})
		r.list("back", "i-1", "i-3")
		want := "meeting moves is here, too, with 4 people: joins go to server b, where it is claimed; this copy is ended once it is empty"
		if got := r.last("a"); got != want || r.happened("a", "split") != 1 {
			t.Errorf("%d splits, last event %q", r.happened("a", "split"), got)
		}
		if n := len(a.times(r.start, "end")); n != 0 {
			t.Errorf("%d meetings with people in them were ended", n)
		}
		a.show(room("stays", "i-1", 0), room("moves", "i-2", 0))
		r.pass(21 * time.Second)
		if n := len(a.times(r.start, "end")); n != 1 {
			t.Errorf("%d ends, want that of the copy alone", n)
		}
		r.claims("healed", map[string]string{"stays": "a", "moves": "b"})
		if r.happened("a", "healed") != 1 || r.happened("a", "ended") != 1 {
			t.Errorf("events %v", r.Events("a"))
		}
	})
}

// A server that takes its time for everything is slow, not dead, also where it takes longer than the connect timeout. Where
// it takes so long that it is suspect, it fails at nothing.
func TestRun_SlowForEverything(t *testing.T) {
	tests := []struct {
		delay    time.Duration
		suspects int // times: none where the poll itself comes before a probe beside it is given up
		want     poller.Health
	}{
		{1500 * time.Millisecond, 0, poller.Online},
		{3 * time.Second, 0, poller.Online},
		{5 * time.Second, 1, poller.Suspect},
		{8 * time.Second, 1, poller.Suspect},
	}
	for _, test := range tests {
		t.Run(test.delay.String(), func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				if got := r.Patience("a"); got != r.config.Connect {
					t.Errorf("patience %s with a server that answers at once", got)
				}
				r.net["a"].set(behaviour{delay: test.delay})
				r.pass(2 * time.Minute)
				for range 600 {
					r.pass(time.Second)
					if s := s(r, "a"); s.Health != test.want || !s.Failing.IsZero() || time.Since(s.LastPoll) > 25*time.Second {
						t.Fatalf("after %s: %s, seen %s ago: %s", time.Since(r.start), s.Health, time.Since(s.LastPoll), s.Reason)
					}
				}
				if n := r.logs.count(`"health":"suspect"`); n != test.suspects {
					t.Errorf("suspected %d times, want %d", n, test.suspects)
				}
				got := r.Patience("a")
				if got < test.delay || got < r.config.Connect || got > r.config.Response || got != s(r, "a").Patience {
					t.Errorf("patience %s, in the status %s", got, s(r, "a").Patience)
				}
				r.net["a"].set(behaviour{})
				r.pass(10 * time.Minute)
				if got := r.Patience("a"); got != r.config.Connect {
					t.Errorf("patience %s when it has been fast for long", got)
				}
			})
		})
	}
	if got := newRig(t, config(), time.Now).Patience("nobody"); got != 2*time.Second {
		t.Errorf("patience %s with nobody", got)
	}
}

// Patience with slow servers ends at the response timeout: one that hangs goes offline, however slow it was before.
func TestRun_SlowThenHung(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(_ *testing.T, r *rig) {
		r.net["a"].set(behaviour{delay: 9 * time.Second})
		r.pass(5 * time.Minute)
		r.crawls("a")
		r.net["a"].set(hung)
		r.pass(75 * time.Second)
		r.expect("a", poller.Offline)
	})
}

// A name that does not resolve is told from a server that refuses.
func TestReport_ReasonOfCause(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	r.Report("a", r.Client("a"), &bbb.CallError{Call: "create", Reason: bbb.DNS, Err: errors.New("no such host")})
	if got := s(r, "a").Reason; got != "create: dns: no such host" {
		t.Errorf("reason %q", got)
	}
}
