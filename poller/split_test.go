package poller_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// divided is a class that is claimed on b with some people in it, while a has a copy with some.
func (r *rig) divided(claimed, copied int) {
	r.place("class", "b", "i-b")
	r.net["b"].show(room("class", "i-b", claimed))
	r.net["a"].show(room("class", "i-a", copied))
	r.pass(21 * time.Second)
}

// expectSplit checks what there is to see of the copy on a.
func (r *rig) expectSplit(when string, split, reported, healed, ends int) {
	r.t.Helper()
	if got := s(r, "a").Split; got != split {
		r.t.Errorf("%s: %d split meetings, want %d", when, got, split)
	}
	if got := r.happened("a", "split"); got != reported {
		r.t.Errorf("%s: reported %d times, want %d", when, got, reported)
	}
	if got := r.happened("a", "healed"); got != healed {
		r.t.Errorf("%s: healed %d times, want %d", when, got, healed)
	}
	if got := len(r.net["a"].times(r.start, "end")); got != ends {
		r.t.Errorf("%s: %d ends, want %d", when, got, ends)
	}
}

// Joins go to the claim, so the claim stays, also where people sit in the copy alone. The copy is ended once they have
// left, whatever people have decided about its server.
func TestRun_SplitClaimIsEmpty(t *testing.T) {
	for _, state := range []store.ServerState{store.Enabled, store.Cordoned, store.Draining} {
		t.Run(string(state), func(t *testing.T) {
			bubble(t, config(), []string{"a", "b"}, func(_ *testing.T, r *rig) {
				changed := record("a")
				changed.State = state
				r.SetServer(changed)
				r.divided(0, 5)
				r.expectSplit("with people", 1, 1, 0, 0)
				r.claims("with people", map[string]string{"class": "b"})
				r.list("with people", "i-b")
				r.net["a"].show(room("class", "i-a", 0))
				r.pass(21 * time.Second)
				r.expectSplit("empty", 0, 1, 1, 1)
				r.claims("empty", map[string]string{"class": "b"})
			})
		})
	}
}

// A split meeting is one still while its servers cannot be asked, and is reported no second time afterwards.
func TestRun_SplitServersFail(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c", "d", "e"}, func(_ *testing.T, r *rig) {
		r.divided(3, 5)
		r.net["a"].set(down)
		r.net["b"].set(down)
		r.pass(15 * time.Second)
		r.expect("a", poller.Suspect)
		r.expect("b", poller.Suspect)
		r.expectSplit("both fail", 1, 1, 0, 0)
		r.net["a"].set(behaviour{})
		r.net["b"].set(behaviour{})
		r.pass(15 * time.Second)
		r.expectSplit("both are back", 1, 1, 0, 0)
	})
}

// A report ends when the copy does, by whatever way: with its people, by somebody else's end, or because the claim has
// come here. An answer that could not be read whole ends none.
func TestRun_SplitHeals(t *testing.T) {
	over := room("class", "i-a", 0)
	over.Ended = true
	tests := []struct {
		name   string
		change func(r *rig)
		healed int
		how    string
	}{
		{"gone", func(r *rig) { r.net["a"].show() }, 1, "nobody is in the copy here any more"},
		{"ended", func(r *rig) { r.net["a"].show(over) }, 1, "nobody is in the copy here any more"},
		{"claimed here", func(r *rig) {
			r.place("class", "a", "i-a")
			r.net["b"].show()
		}, 1, "it is claimed here now"},
		{"unreadable", func(r *rig) { r.net["a"].show(bbb.Meeting{InternalID: "i-x"}) }, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
				r.divided(3, 5)
				test.change(r)
				r.pass(21 * time.Second)
				r.expectSplit("at the end", 1-test.healed, 1, test.healed, 0)
				if got := r.last("a"); test.healed > 0 && got != "meeting class is no longer on two servers: "+test.how {
					t.Errorf("last event %q, want one that says %q", got, test.how)
				}
				if n := r.logs.count("meeting is no longer on two servers"); n != test.healed {
					t.Errorf("logged %d times", n)
				}
			})
		})
	}
}

// The copy of a meeting that is over is left alone while there are people in it, and says so.
func TestRun_SplitClaimIsOver(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.divided(3, 5)
		found, err := r.ledger.Peek(key("class"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ledger.Close(t.Context(), found.Claim, "ended"); err != nil {
			t.Fatal(err)
		}
		r.net["b"].show()
		r.pass(21 * time.Second)
		r.claims("over", map[string]string{})
		r.expectSplit("over", 1, 1, 0, 0)
		r.net["a"].show(room("class", "i-a", 0))
		r.pass(21 * time.Second)
		r.expectSplit("and empty", 0, 1, 1, 1)
	})
}

// Tests of a server hold meetings there that the pool knows nothing of: they are claimed nowhere, count nowhere, are
// seen by no front end, and are left for the test to end.
func TestRun_TrialMeetings(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		trial := "bbbpool-probe-1"
		r.net["a"].show(room(trial, "i-1", 2), room("class", "i-2", 3))
		r.net["b"].show(room(trial, "i-3", 0))
		r.pass(31 * time.Second)
		r.claims("seen", map[string]string{"class": "a"})
		r.list("seen", "i-2")
		if _, ok := r.Meeting("a", key(trial)); ok {
			t.Error("the test's meeting is found")
		}
		if s := s(r, "a"); s.Meetings != 1 || s.Users != 3 || s.Load.People != 3 {
			t.Errorf("%d meetings with %d people, %d in the load", s.Meetings, s.Users, s.Load.People)
		}
		for id, f := range r.net {
			if n := len(f.times(r.start, "end")); n != 0 {
				t.Errorf("%d meetings were ended on %s", n, id)
			}
		}
	})
}

// A front end that names its meetings like a test hides none: what it created through the pool is seen.
func TestRun_MeetingNamedLikeATrial(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(_ *testing.T, r *rig) {
		r.place("bbbpool-probe-mine", "a", "i-1")
		r.net["a"].show(room("bbbpool-probe-mine", "i-1", 2))
		r.pass(31 * time.Second)
		r.claims("seen", map[string]string{"bbbpool-probe-mine": "a"})
		r.list("seen", "i-1")
	})
}

// While a copy is being ended its server may get another address, which knows nothing of it.
func TestRun_SplitAddressChanges(t *testing.T) {
	failed := "<response><returncode>FAILED</returncode><messageKey>no</messageKey><message>No.</message></response>"
	bubble(t, config(), []string{"a", "b", "new"}, func(_ *testing.T, r *rig) {
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 1))
		r.net["a"].show(room("class", "i-a", 0))
		r.net["a"].set(behaviour{delay: 3 * time.Second, body: failed}, "end")
		r.refresh(time.Second)
		moved := record("a")
		moved.URL = record("new").URL
		r.SetServer(moved)
		r.pass(21 * time.Second)
		r.expectSplit("moved", 0, 0, 0, 1)
		r.expect("a", poller.Online)
	})
}

// What a server calls its meetings is told in part, however long it is.
func TestRun_SplitOfLongID(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		long := strings.Repeat("x", 256)
		r.place(long, "b", "i-b")
		r.net["b"].show(room(long, "i-b", 1))
		r.net["a"].show(room(long, strings.Repeat("i", 900), 1))
		r.pass(21 * time.Second)
		if got := r.last("a"); !strings.Contains(got, "is here, too") || len(got) > 600 {
			t.Errorf("event of %d bytes: %q", len(got), got)
		}
	})
}
