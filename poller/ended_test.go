package poller_test

import (
	"context"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// end records that somebody has ended a meeting, on all servers that were seen with it.
func (r *rig) end(id string) {
	r.t.Helper()
	var copies []placement.Copy
	for server, m := range r.Copies(key(id)) {
		copies = append(copies, placement.Copy{Server: server, InternalID: m.InternalID})
	}
	ending, err := r.ledger.BeginEnd(context.Background(), key(id))
	if err != nil {
		r.t.Fatal(err)
	}
	defer ending.Release()
	if err := ending.Ended(context.Background(), copies); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) ends(id string) int { return len(r.net[id].times(r.start, "end")) }

// A meeting that was ended is ended on every server that lists it, also where two have given it the same internal ID, and
// with people in it; its breakout rooms are not listed any more either.
func TestRun_EndedTwins(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class", "b", "same")
		group := room("group", "i-group", 2)
		group.Breakout, group.ParentID = true, "same"
		r.net["b"].show(room("class", "same", 3), group)
		r.net["a"].show(room("class", "same", 5))
		r.pass(21 * time.Second)
		if n := r.ends("a") + r.ends("b"); n != 0 {
			t.Fatalf("%d ends", n)
		}
		r.end("class")
		r.list("right after the end")
		r.pass(11 * time.Second)
		if a, b := r.ends("a"), r.ends("b"); a != 1 || b != 1 {
			t.Errorf("%d ends on a, %d on b, want one each", a, b)
		}
		r.list("after the polls")
		r.claims("after the polls", map[string]string{})
	})
}

// A server that was away at the end of a meeting ends it when it is back, once, and says so.
func TestRun_EndedWhileAway(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		r.place("class", "a", "i-a")
		r.net["a"].show(room("class", "i-a", 5))
		r.pass(11 * time.Second)
		r.net["a"].set(down)
		r.pass(time.Minute)
		r.end("class")
		r.list("while it is away")
		r.pass(time.Minute)
		r.net["a"].set(behaviour{})
		r.pass(21 * time.Second)
		if n := r.ends("a"); n != 1 {
			t.Errorf("%d ends, want 1", n)
		}
		if got := r.happened("a", "ended"); got != 1 {
			t.Errorf("%d events, want 1", got)
		}
		if n := r.logs.count("meeting is on two servers"); n != 0 {
			t.Errorf("said %d times that it is on two servers", n)
		}
		r.claims("after it is back", map[string]string{})
	})
}

// While the meeting is created anew on that server nothing is ended there, nor is what has come of it.
func TestRun_EndedAndCreatedAnew(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class", "a", "old")
		r.net["a"].show(room("class", "old", 5))
		r.pass(11 * time.Second)
		r.net["a"].set(down, "getMeetingInfo")
		r.end("class")
		r.pass(11 * time.Second)
		r.place("class", "a", "new")
		r.net["a"].set(behaviour{}, "getMeetingInfo")
		r.net["a"].show(room("class", "new", 2))
		r.pass(31 * time.Second)
		if n := r.ends("a"); n != 0 {
			t.Errorf("%d ends", n)
		}
		r.claims("at the end", map[string]string{"class": "a"})
		r.list("at the end", "new")
	})
}

// A meeting that nobody knew of, made before the end on a server that was away, is over, too.
func TestRun_EndedUnknownCopy(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 1))
		r.pass(11 * time.Second)
		r.end("class")
		unknown := room("class", "i-a", 9)
		r.net["a"].show(unknown, bbb.Meeting{MeetingID: "other", InternalID: "o", CreateTime: 1})
		r.pass(11 * time.Second)
		r.claims("at the end", map[string]string{"other": "a"})
		r.list("at the end", "o")
		if n := r.ends("a"); n != 1 {
			t.Errorf("%d ends, want 1", n)
		}
	})
}

// So is one on a server whose clock is an hour ahead, and one by that name that comes up there later is a meeting of its own.
func TestRun_EndedUnknownCopyAhead(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		hour := time.Hour
		r.net["a"].change(func(f *fake) { f.skew = &hour })
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 1))
		r.pass(11 * time.Second)
		unknown := room("class", "i-a", 9)
		unknown.CreateTime = time.Now().Add(hour).UnixMilli()
		r.end("class")
		r.net["a"].show(unknown)
		r.pass(11 * time.Second)
		r.claims("after the end", map[string]string{})
		if n := r.ends("a"); n != 1 {
			t.Errorf("%d ends, want 1", n)
		}
		unknown.InternalID, unknown.CreateTime = "i-later", time.Now().Add(-hour).UnixMilli()
		r.net["c"].show(unknown)
		r.pass(11 * time.Second)
		r.claims("at the end", map[string]string{"class": "c"})
		if n := r.ends("c"); n != 0 {
			t.Errorf("%d ends of the new one", n)
		}
	})
}
