package poller_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// list checks which meetings the default tenant sees, by internal ID.
func (r *rig) list(when string, want ...string) {
	r.t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, r.internals()); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// refresh is Refresh with a deadline. It returns how long it took.
func (r *rig) refresh(deadline time.Duration) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	before := time.Now()
	r.Refresh(ctx)
	return time.Since(before)
}

// Refresh asks everybody and waits for the answers, but asks nobody anew who was asked just now.
func TestRefresh(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.net["a"].show(room("one", "i-1", 0))
		r.net["b"].show(room("two", "i-2", 0))
		r.net["b"].set(behaviour{delay: 5 * time.Millisecond})
		if took := r.refresh(time.Second); took != 5*time.Millisecond {
			t.Errorf("took %s", took)
		}
		r.list("refreshed", "i-1", "i-2")
		r.net["a"].show()
		r.pass(2 * time.Millisecond)
		r.refresh(time.Second)
		r.list("asked just now", "i-1", "i-2")
		r.pass(time.Millisecond)
		r.refresh(time.Second)
		r.list("asked eight milliseconds ago, in a pool of two", "i-2")
	})
}

// Refresh waits no longer than its caller. Nobody waits for a server that has been silent for a while, or fails; what
// was last seen of it is still there.
func TestRefresh_SilentServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("one", "a", "i-1")
		r.net["a"].show(room("one", "i-1", 3))
		r.net["b"].show(room("two", "i-2", 0))
		r.refresh(time.Second)
		r.pass(time.Second)
		r.net["a"].set(hung)
		if took := r.refresh(100 * time.Millisecond); took != 100*time.Millisecond {
			t.Errorf("the first took %s", took)
		}
		for range 100 { // until it is suspect, and on
			if took := r.refresh(100 * time.Millisecond); took > 0 {
				t.Errorf("after %s: took %s", time.Since(r.start), took)
			}
			r.list("while it is silent", "i-1", "i-2")
			r.pass(500 * time.Millisecond)
		}
		r.expect("a", poller.Offline)
	})
}

// Sweep waits until the ledger has what all servers list, but for those that fail, and says whether it has it of all.
func TestSweep(t *testing.T) {
	bubble(t, config(), []string{"a", "b", "c"}, func(t *testing.T, r *rig) {
		sweep := func(deadline time.Duration) bool {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			return r.Sweep(ctx)
		}
		r.net["a"].show(room("one", "i-1", 0))
		r.net["b"].show(room("two", "i-2", 0))
		r.net["b"].set(behaviour{delay: 5 * time.Millisecond})
		r.net["c"].set(down)
		r.pass(2 * time.Minute)
		r.net["a"].show(room("one", "i-1", 0), room("three", "i-3", 0))
		r.net["b"].set(behaviour{delay: 900 * time.Millisecond})
		if sweep(time.Second) || r.claimed("two") != "b" || r.claimed("three") != "a" {
			t.Errorf("one fails, and of the others not all is in the ledger: %q, %q", r.claimed("two"), r.claimed("three"))
		}
		r.net["c"].set(behaviour{})
		r.pass(2 * time.Minute)
		if !sweep(time.Second) {
			t.Error("not all have been asked")
		}
		if sweep(100 * time.Millisecond) {
			t.Error("a server that has not answered yet has been asked")
		}
	})
	r := newRig(t, config(), time.Now, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r.Sweep(ctx) {
		t.Error("swept while nothing runs")
	}
}

// Before Run, and after it, nobody is asked and nobody waits.
func TestRefresh_NotRunning(t *testing.T) {
	r := newRig(t, config(), time.Now, "a")
	r.Refresh(t.Context())
	if n := len(r.net["a"].calls); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// Ending stray meetings on a server that is slow at it does not hold back the list of the others.
func TestRefresh_WaitsForNoStrays(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.place("class", "b", "i-b")
		r.net["b"].show(room("class", "i-b", 3))
		r.net["a"].show(room("class", "i-a", 0))
		r.net["a"].set(hung, "end")
		if took := r.refresh(time.Second); took > 0 {
			t.Errorf("took %s", took)
		}
		r.list("refreshed", "i-b")
	})
}

// A meeting that was just created is listed although no poll has seen it, until one has looked that began later.
func TestCreated(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		a.set(behaviour{delay: 200 * time.Millisecond})
		r.refresh(100 * time.Millisecond) // a poll that began before the create, and knows nothing of it
		r.Created("a", room("class", "i-1", 0))
		r.list("created", "i-1")
		r.pass(time.Second)
		r.list("after the poll that was on its way", "i-1")
		a.show(room("class", "i-1", 3))
		r.refresh(time.Second)
		r.list("seen", "i-1")
		if m, ok := r.Meeting("a", key("class")); !ok || m.Participants != 3 {
			t.Errorf("meeting %v %+v, want what the poll saw", ok, m)
		}
		a.show()
		r.pass(time.Second)
		r.Created("a", room("short", "i-2", 0))
		r.list("another", "i-1", "i-2")
		r.pass(time.Second)
		r.refresh(time.Second)
		r.list("ended before any poll saw it")
		r.Created("nobody", room("x", "i-3", 0))
		r.list("created on a server that has left")
	})
}

// Tenants see their own meetings alone, under whatever ID. Meetings without a mark are the default tenant's.
func TestMeetings_Tenants(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		theirs := room("class", "i-2", 2)
		theirs.Tenant = "other"
		r.net["a"].show(room("class", "i-1", 1))
		r.net["b"].show(theirs)
		r.refresh(time.Second)
		r.list("default", "i-1")
		if got := r.Meetings("other"); len(got) != 1 || got[0].InternalID != "i-2" {
			t.Errorf("the other tenant sees %v", got)
		}
		if got := r.Meetings("third"); len(got) != 0 {
			t.Errorf("a third tenant sees %v", got)
		}
		if m, ok := r.Meeting("b", key("class")); ok {
			t.Errorf("the default tenant finds %v", m)
		}
		if m, ok := r.Meeting("b", store.MeetingKey{Tenant: "other", MeetingID: "class"}); !ok || m.InternalID != "i-2" {
			t.Errorf("the other tenant finds %v %v", m, ok)
		}
		if _, ok := r.Meeting("nobody", key("class")); ok {
			t.Error("a server that is not there has a meeting")
		}
	})
}

// Of a meeting that is on two servers people see the one that is claimed, wherever it stands in the list; of one that
// was created anew on its server they see the one that goes on.
func TestMeetings_Twins(t *testing.T) {
	ended := func(id, internal string) bbb.Meeting {
		m := room(id, internal, 0)
		m.Ended = true
		return m
	}
	tests := []struct {
		name    string
		claimed string // the server
		a, b    []bbb.Meeting
		want    string
	}{
		{"claimed on the first", "a", []bbb.Meeting{room("class", "i-a", 1)}, []bbb.Meeting{room("class", "i-b", 1)}, "i-a"},
		{"claimed on the second", "b", []bbb.Meeting{room("class", "i-a", 1)}, []bbb.Meeting{room("class", "i-b", 1)}, "i-b"},
		{"ended elsewhere", "b", []bbb.Meeting{ended("class", "i-a")}, []bbb.Meeting{room("class", "i-b", 1)}, "i-b"},
		{"ended before", "a", []bbb.Meeting{ended("class", "i-1"), room("class", "i-2", 1)}, nil, "i-2"},
		{"ended before, listed after", "a", []bbb.Meeting{room("class", "i-2", 1), ended("class", "i-1")}, nil, "i-2"},
		{"ended", "", []bbb.Meeting{ended("class", "i-1")}, nil, "i-1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, config(), []string{"a", "b"}, func(_ *testing.T, r *rig) {
				if test.claimed != "" {
					r.place("class", test.claimed, test.want)
				}
				r.net["a"].show(test.a...)
				r.net["b"].show(test.b...)
				r.refresh(time.Second)
				r.list("twins", test.want)
			})
		})
	}
}

// What a failing server was last seen with stays listed for as long as it is claimed there, breakout rooms along with
// their parents. Once it answers, what it shows counts.
func TestMeetings_FailingServer(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(_ *testing.T, r *rig) {
		breakout := func(id, internal, parent string) bbb.Meeting {
			m := room(id, internal, 1)
			m.Breakout, m.ParentID = true, parent
			return m
		}
		r.place("stays", "a", "i-1")
		r.place("moves", "a", "i-2")
		r.net["a"].show(breakout("group-1", "i-3", "i-1"), room("stays", "i-1", 3), room("moves", "i-2", 3),
			breakout("group-2", "i-4", "i-2"))
		r.refresh(time.Second)
		r.net["a"].set(down)
		r.pass(11 * time.Second)
		r.list("failing", "i-3", "i-1", "i-2", "i-4")
		r.place("moves", "b", "i-5")
		r.Created("b", room("moves", "i-5", 0))
		r.list("one has moved", "i-3", "i-1", "i-5")
		r.net["a"].set(behaviour{})
		r.pass(5 * time.Second)
		r.list("the server is back", "i-3", "i-1", "i-5", "i-4")
	})
}

// A disabled server has no meetings, and does not get the old ones back when it is enabled.
func TestMeetings_DisabledServer(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		r.net["a"].show(room("class", "i-1", 3))
		r.refresh(time.Second)
		off := record("a")
		off.State = store.Disabled
		r.SetServer(off)
		r.list("disabled")
		r.Created("a", room("late", "i-2", 0))
		r.list("created by a create that was on its way")
		if s, _ := r.Server("a"); s.Meetings != 0 || !s.LastPoll.IsZero() {
			t.Errorf("status %+v", s)
		}
		r.net["a"].set(hung)
		r.SetServer(record("a"))
		r.list("enabled")
	})
}

// Alive tells a blip from a failure: it waits until the server answers, or has failed for as long as a blip may last.
func TestAlive(t *testing.T) {
	tests := []struct {
		name     string
		heal     time.Duration // 0: never
		deadline time.Duration
		want     bool
		min, max time.Duration
	}{
		{"a blip", time.Second, time.Minute, true, time.Second, 1600 * time.Millisecond},
		{"no blip", 0, time.Minute, false, 3 * time.Second, 3 * time.Second},
		{"no time to wait", 0, time.Second, false, time.Second, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				if !r.Alive(t.Context(), "a") || r.Failing("a") {
					t.Error("a server that does not fail is not alive")
				}
				r.net["a"].set(down)
				if test.heal > 0 {
					time.AfterFunc(test.heal, func() { r.net["a"].set(behaviour{}) })
				}
				r.Report("a", r.Client("a"), errDown)
				if !r.Failing("a") {
					t.Error("it does not fail")
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				before := time.Now()
				alive, took := r.Alive(ctx, "a"), time.Since(before)
				if alive != test.want || took < test.min || took > test.max {
					t.Errorf("%v after %s, want %v after %s to %s", alive, took, test.want, test.min, test.max)
				}
			})
		})
	}
}

// Whoever waits for a server that leaves the pool need not wait to the end. One that has failed for long is not waited
// for at all.
func TestAlive_Gone(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		r.net["a"].set(down)
		r.Report("a", r.Client("a"), errDown)
		alive := make(chan bool)
		before := time.Now()
		go func() { alive <- r.Alive(t.Context(), "a") }()
		synctest.Wait()
		if err := r.RemoveServer(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if <-alive || time.Since(before) > 0 || !r.Failing("a") {
			t.Errorf("alive, or waited for, %s after it has left", time.Since(before))
		}
		r.net["b"].set(down)
		r.pass(15 * time.Second)
		before = time.Now()
		if r.Alive(t.Context(), "b") || time.Since(before) > 0 {
			t.Errorf("alive, or waited for %s", time.Since(before))
		}
	})
}
