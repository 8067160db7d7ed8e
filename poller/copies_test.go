package poller_test

import (
	"fmt"
	"slices"
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

// When a meeting is over the people in its copy have no other: it is theirs, and claimed where it is. Where nobody is in
// it, it is ended.
func TestRun_SplitClaimIsOver(t *testing.T) {
	tests := []struct {
		name   string
		people int
		claims map[string]string
		ends   int
	}{
		{"with people", 5, map[string]string{"class": "a"}, 0},
		{"empty", 0, map[string]string{}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
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
				r.net["a"].show(room("class", "i-a", test.people))
				r.pass(21 * time.Second)
				r.claims("over", test.claims)
				r.expectSplit("over", 0, 1, 1, test.ends)
			})
		})
	}
}

// One machine may be in the pool under two names: what is empty there is the very meeting that is claimed under the other
// name, and is ended under neither.
func TestRun_SplitIsTheSame(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class", "b", "i-1")
		for _, people := range []int{0, 3} {
			r.net["a"].show(room("class", "i-1", people))
			r.net["b"].show(room("class", "i-1", people))
			r.pass(21 * time.Second)
		}
		r.expectSplit("with people", 1, 1, 0, 0)
		want := "meeting class is here, too, with 3 people: joins go to server b, where it is claimed; it has the same internal " +
			"ID there, so nothing is ended; is one machine in the pool under two names?"
		if got := r.last("a"); got != want {
			t.Errorf("event %q, want %q", got, want)
		}
		r.claims("at the end", map[string]string{"class": "b"})
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

// Nobody knows what a server that is offline still has. What is shown of it is what is claimed there: no copies, neither
// those that polls saw nor those that were made by creating a meeting elsewhere meanwhile. When it is back they are told
// of no second time.
func TestRun_SplitOfOfflineServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		r.place("stays", "a", "i-1")
		r.place("moves", "a", "i-2")
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 3))
		a.show(room("class", "i-a", 2), room("stays", "i-1", 4), room("moves", "i-2", 8))
		r.pass(21 * time.Second)
		r.expectSplit("seen", 1, 1, 0, 0)
		a.set(down)
		r.pass(time.Hour)
		r.expect("a", poller.Offline)
		if st := s(r, "a"); st.Split != 0 || st.Meetings != 2 || st.Users != 12 || st.Largest != 8 {
			t.Errorf("offline: %d split, %d meetings, %d people, largest %d", st.Split, st.Meetings, st.Users, st.Largest)
		}
		r.place("moves", "b", "i-3")
		r.net["b"].show(room("class", "i-b", 3), room("moves", "i-3", 1))
		r.pass(time.Minute)
		if st := s(r, "a"); st.Split != 0 || st.Meetings != 1 || st.Users != 4 {
			t.Errorf("moved: %d split, %d meetings, %d people", st.Split, st.Meetings, st.Users)
		}
		a.set(behaviour{})
		r.pass(21 * time.Second)
		r.expect("a", poller.Online)
		r.expectSplit("back", 2, 2, 0, 0)
	})
}

// A server that lists copies by the hundred floods neither the log nor its events, and whatever happened before can be
// read still. The metrics count them all.
func TestRun_SplitFlood(t *testing.T) {
	const n = 300
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		var here, there, empty []bbb.Meeting
		for i := range n {
			id := fmt.Sprintf("class-%03d", i)
			r.place(id, "b", "b-"+id)
			there = append(there, room(id, "b-"+id, 1))
			here = append(here, room(id, "a-"+id, 2))
			empty = append(empty, room(id, "a-"+id, 0))
		}
		told := func(when, kind, line, more, text string) {
			t.Helper()
			if got := r.happened("a", kind); got != 6 {
				t.Errorf("%s: %d events, want 6", when, got)
			}
			if one, sum := r.logs.count(line), r.logs.count(more); one != 5 || sum != 1 {
				t.Errorf("%s: %d lines and %d that sum up, want 5 and 1", when, one, sum)
			}
			if !slices.ContainsFunc(r.Events("a"), func(e poller.Event) bool { return e.Kind == kind && e.Text == text }) {
				t.Errorf("%s: no event %q among %v", when, text, r.Events("a"))
			}
			if want := fmt.Sprintf("bbbpool_server_events_total{server=\"a\",event=%q} %d\n", kind, n); !strings.Contains(r.metrics(), want) {
				t.Errorf("%s: metrics without %s", when, want)
			}
		}
		r.net["b"].show(there...)
		r.net["a"].show(here...)
		r.pass(21 * time.Second)
		if got := s(r, "a").Split; got != n {
			t.Errorf("%d split meetings", got)
		}
		told("split", "split", `"meeting is on two servers"`, `"more meetings are on two servers"`,
			"295 more meetings are here, too, with people in them; what is a copy is ended once it is empty")
		r.net["a"].show(empty...)
		r.pass(21 * time.Second)
		told("healed", "healed", `"meeting is no longer on two servers"`, `"more meetings are no longer on two servers"`,
			"295 more meetings are no longer on two servers")
		told("ended", "ended", `"ended an empty meeting that is claimed on another server"`,
			`"ended more empty meetings that are claimed on other servers"`,
			"ended 295 more empty copies of meetings here: they are claimed on other servers, or over")
		if first := r.Events("a")[0]; first.Kind != string(poller.Online) {
			t.Errorf("first event %v, want the very first of all", first)
		}
	})
}

// Nor does one that refuses to end them.
func TestRun_SplitFloodRefused(t *testing.T) {
	failed := "<response><returncode>FAILED</returncode><messageKey>no</messageKey><message>No.</message></response>"
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		var here, there []bbb.Meeting
		for i := range 50 {
			id := fmt.Sprintf("class-%03d", i)
			r.place(id, "b", "b-"+id)
			there, here = append(there, room(id, "b-"+id, 1)), append(here, room(id, "a-"+id, 0))
		}
		r.net["b"].show(there...)
		r.net["a"].show(here...)
		r.net["a"].set(behaviour{body: failed}, "end")
		r.pass(time.Minute)
		if one, sum := r.logs.count("is claimed on another server cannot be ended"), r.logs.count(`"meetings":45`); one != 5 || sum != 1 {
			t.Errorf("%d lines and %d that sum up, want 5 and 1", one, sum)
		}
	})
}
