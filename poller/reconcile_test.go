package poller_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
)

// claims checks where the meetings are claimed that have a claim.
func (r *rig) claims(when string, want map[string]string) {
	r.t.Helper()
	got := map[string]string{}
	for _, m := range r.ledger.Meetings() {
		got[m.MeetingID] = m.Server
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// What polls see ends up in the claims: unknown meetings are adopted, those that are gone are closed. Breakout rooms
// have no claims, nor has what nobody can ask for.
func TestRun_Reconciles(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(_ *testing.T, r *rig) {
		breakout := room("group", "i-2", 1)
		breakout.Breakout = true
		r.net["a"].show(room("class", "i-1", 3), breakout, room("not,allowed", "i-3", 1), room("x", "i-4", 1),
			room(strings.Repeat("x", 300), "i-5", 1))
		r.pass(11 * time.Second)
		r.claims("seen", map[string]string{"class": "a"})
		r.net["a"].show()
		r.pass(11 * time.Second)
		r.claims("missing once", map[string]string{"class": "a"})
		r.pass(11 * time.Second)
		r.claims("missing twice", map[string]string{})
	})
}

// A breakout room that a front end has created keeps its claim for as long as it is there.
func TestRun_ReconcilesBreakouts(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(_ *testing.T, r *rig) {
		breakout := room("group", "i-2", 4)
		breakout.Breakout = true
		r.place("group", "a", "i-2")
		r.net["a"].show(room("class", "i-1", 3), breakout)
		r.pass(time.Minute)
		r.claims("there", map[string]string{"class": "a", "group": "a"})
		r.net["a"].show(room("class", "i-1", 3))
		r.pass(time.Minute)
		r.claims("gone", map[string]string{"class": "a"})
	})
}

// A list that could not be read whole tells what is there, never what is not.
func TestRun_BrokenListsCloseNothing(t *testing.T) {
	group := room("group", "i-9", 0)
	group.Breakout = true
	many := append(slices.Repeat([]bbb.Meeting{group}, 20_000), room("new", "i-2", 1))
	for name, body := range map[string]string{
		"a meeting without an ID":  strings.Replace(list(room("x", "i-9", 1)), "<meetingID>x</meetingID>", "", 1),
		"more than anybody has":    list(many...),
		"an answer that is cut":    list(room("other", "i-9", 1))[:200],
		"an answer that is FAILED": "<response><returncode>FAILED</returncode></response>",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				r.place("class", "a", "i-1")
				r.net["a"].set(behaviour{body: body}, "getMeetings")
				r.pass(31 * time.Second)
				r.claims("after three polls", map[string]string{"class": "a"})
				if n := r.logs.count("could not be read"); n > 1 {
					t.Errorf("logged %d times", n)
				}
			})
		})
	}
}

// A meeting that is claimed on another server is ended once it is empty, with the server's own ID in the log. With
// people in it, it is left alone and reported: once in the log, and all the time in the metrics.
func TestRun_Strays(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class & more", "b", "i-b")
		r.net["b"].show(room("class & more", "i-b", 3))
		r.net["a"].show(room("class & more", "i-a", 2), room("other", "i-o", 0))
		r.pass(31 * time.Second)
		if n := len(r.net["a"].times(r.start, "end")); n != 0 {
			t.Errorf("%d meetings with people in them were ended", n)
		}
		if n := r.logs.count("meeting is on two servers"); n != 1 {
			t.Errorf("reported %d times, want once", n)
		}
		if s, _ := r.Server("a"); s.Split != 1 {
			t.Errorf("%d split meetings", s.Split)
		}
		r.net["a"].show(room("class & more", "i-a", 0), room("other", "i-o", 0))
		r.pass(21 * time.Second)
		if n := len(r.net["a"].times(r.start, "end")); n != 1 {
			t.Errorf("%d ends, want 1", n)
		}
		if n := r.logs.count("ended an empty meeting"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		if s, _ := r.Server("a"); s.Split != 0 {
			t.Errorf("%d split meetings", s.Split)
		}
		r.claims("at the end", map[string]string{"class & more": "b", "other": "a"})
		r.list("at the end", "i-o", "i-b")
	})
}

// A server that hangs when a meeting is to be ended fails like any other, and costs no more than one call's time.
func TestRun_StraysOnHungServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		for _, id := range []string{"one", "two", "six"} {
			r.place(id, "b", "b-"+id)
		}
		r.net["b"].show(room("one", "b-one", 1), room("two", "b-two", 1), room("six", "b-six", 1))
		r.net["a"].show(room("one", "a-one", 0), room("two", "a-two", 0), room("six", "a-six", 0))
		r.net["a"].set(hung, "end")
		r.pass(22500 * time.Millisecond)
		if n := r.logs.count(`"health":"suspect"`); n != 1 {
			t.Errorf("suspected %d times", n)
		}
		if n := len(r.net["a"].times(r.start, "end")); n > 2 {
			t.Errorf("%d ends in 22s", n)
		}
		if n := r.logs.count("ended an empty meeting"); n != 0 {
			t.Errorf("%d meetings were ended, says the log", n)
		}
	})
}

// A server may refuse to end a meeting. The log says so, once, and it is not to blame.
func TestRun_StraysRefused(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 1))
		r.net["a"].show(room("class", "i-a", 0))
		failed := "<response><returncode>FAILED</returncode><messageKey>no</messageKey><message>No.</message></response>"
		r.net["a"].set(behaviour{body: failed}, "end")
		r.pass(time.Minute)
		if n := r.logs.count("cannot be ended"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		r.expect("a", poller.Online)
	})
}

// Between the poll and the end of a meeting time passes. A create may have put it back where it is to be ended.
func TestRun_StraysThatAreClaimedAgain(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("one", "b", "b-one")
		r.place("two", "b", "b-two")
		r.net["b"].show(room("one", "b-one", 1), room("two", "b-two", 1))
		r.net["a"].show(room("one", "a-one", 0), room("two", "a-two", 0))
		r.net["a"].set(behaviour{delay: time.Second}, "end")
		r.refresh(time.Second)
		r.place("two", "a", "a-two")
		r.pass(5 * time.Second)
		if n := len(r.net["a"].times(r.start, "end")); n != 1 {
			t.Errorf("%d ends, want that of the first meeting alone", n)
		}
	})
}

// With the end of a meeting that of its breakout rooms comes. A copy that nobody is in but whose rooms have people is
// left alone and reported, until the rooms are empty, too.
func TestRun_StraysWithBreakouts(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		group := func(id string, people int) bbb.Meeting {
			return bbb.Meeting{
				MeetingID: id, InternalID: "i-" + id, Name: "Group", CreateTime: 1, Participants: people, Breakout: true, ParentID: "old",
			}
		}
		over := group("three", 9)
		over.Ended = true
		r.place("class", "b", "new")
		r.net["b"].show(room("class", "new", 3))
		r.net["a"].show(group("one", 5), room("class", "old", 0), group("two", 7), group("not,allowed", 1), over)
		r.pass(31 * time.Second)
		r.expectSplit("with rooms", 1, 1, 0, 0)
		want := "meeting class is here, too, with 0 people, and 13 in its breakout rooms: joins go to server b, where it is " +
			"claimed; this copy is ended once it is empty"
		if got := r.last("a"); got != want {
			t.Errorf("event %q, want %q", got, want)
		}
		r.net["a"].show(group("one", 0), room("class", "old", 0), over)
		r.pass(11 * time.Second)
		r.expectSplit("empty", 0, 1, 1, 1)
	})
}

// What could not be read may be a breakout room with people in it.
func TestRun_StraysInBrokenLists(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(_ *testing.T, r *rig) {
		r.place("class", "b", "new")
		r.net["b"].show(room("class", "new", 3))
		r.net["a"].show(room("class", "old", 0), bbb.Meeting{InternalID: "group", Participants: 5, Breakout: true, ParentID: "old"})
		r.pass(31 * time.Second)
		r.expectSplit("unreadable", 0, 0, 0, 0)
		r.net["a"].show(room("class", "old", 0))
		r.pass(11 * time.Second)
		r.expectSplit("readable", 0, 0, 0, 1)
	})
}

// Before a meeting is ended its server is asked about it once more: what has changed since the poll is not ended.
func TestRun_StraysThatChange(t *testing.T) {
	refused := "<response><returncode>FAILED</returncode><messageKey>no</messageKey><message>No.</message></response>"
	tests := []struct {
		name   string
		change func(r *rig)
		body   string // that the server answers
		logged int    // that it cannot be ended
	}{
		{"somebody joins", func(r *rig) { r.net["a"].show(room("class", "i-a", 1)) }, "", 0},
		{"it is another session", func(r *rig) { r.net["a"].show(room("class", "i-x", 0)) }, "", 0},
		{"it is over", func(r *rig) { r.net["a"].show() }, "", 0},
		{"it is claimed here", func(r *rig) { r.place("class", "a", "i-a") }, "", 0},
		{"nobody may know", func(*rig) {}, refused, 1},
		{"the answer says nothing", func(*rig) {}, "<response><returncode>SUCCESS</returncode></response>", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
				r.place("class", "b", "i-b")
				r.net["b"].show(room("class", "i-b", 1))
				r.net["a"].show(room("class", "i-a", 0))
				r.net["a"].set(behaviour{delay: 2 * time.Second, body: test.body}, "getMeetingInfo")
				for range 100 { // until it is asked
					if len(r.net["a"].times(r.start, "getMeetingInfo")) > 0 {
						break
					}
					r.pass(100 * time.Millisecond)
				}
				r.net["a"].set(behaviour{body: list(room("class", "i-a", 0))}, "getMeetings") // as at the poll
				test.change(r)
				r.pass(5 * time.Second)
				if n := len(r.net["a"].times(r.start, "end")); n != 0 {
					t.Errorf("%d ends", n)
				}
				r.pass(15 * time.Second)
				if n := r.logs.count("cannot be ended"); n != test.logged {
					t.Errorf("logged %d times, want %d", n, test.logged)
				}
				r.expect("a", poller.Online)
			})
		})
	}
}

// A server that does not say whether a meeting is empty still fails like any other.
func TestRun_StraysNobodyTellsOf(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(_ *testing.T, r *rig) {
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 1))
		r.net["a"].show(room("class", "i-a", 0))
		r.net["a"].set(hung, "getMeetingInfo")
		r.pass(21 * time.Second)
		r.expectSplit("hung", 0, 0, 0, 0)
		if n := r.logs.count(`"health":"suspect"`); n != 1 {
			r.t.Errorf("suspected %d times", n)
		}
	})
}
