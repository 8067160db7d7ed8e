// Package outgoing is the part of the contract about what front ends are told: the outbox, webhooks, and what servers have told
// of meetings. Package storetest runs it with the rest; it opens no store, and knows no adapter.
package outgoing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

// Cases are those of the group [store.Index].
func Cases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Callbacks/OneOfEach", Run: addedOnce},
		{Name: "Callbacks/List", Run: listed},
		{Name: "Callbacks/Update", Run: updated},
		{Name: "Callbacks/Delete", Run: deleted},
		{Name: "Callbacks/Keys", Run: keys},
		{Name: "Callbacks/WithSession", Run: withSession},
		{Name: "Callbacks/WithImport", Run: withImport},
		{Name: "Hooks", Run: hooks},
		{Name: "Analytics", Run: analytics},
		{Name: "Analytics/Keys", Run: analyticsKeys},
		{Name: "Races/AddCallbacks", Run: raceAdd},
		{Name: "Races/UpdateCallback", Run: raceUpdate},
	}
}

// Calls are all the methods that this package is about, none of which would fail on a store with the callback, the hook and the
// analysis that are called x.
func Calls(s store.Index) map[string]kit.Call {
	return map[string]kit.Call{
		"AddCallbacks": func(ctx context.Context) error { return s.AddCallbacks(ctx, ACallback("new", kit.Monday)) },
		"Callbacks":    func(ctx context.Context) error { return kit.Drop(s.Callbacks(ctx, store.CallbackFilter{})) },
		"Callback":     func(ctx context.Context) error { return kit.Drop(s.Callback(ctx, "x")) },
		"UpdateCallback": func(ctx context.Context) error {
			return kit.Drop(s.UpdateCallback(ctx, "x", func(c *store.Callback) error { c.Attempts++; return nil }))
		},
		"DeleteCallbacks": func(ctx context.Context) error {
			return kit.Drop(s.DeleteCallbacks(ctx, store.CallbackWaiting, kit.Monday.Add(time.Hour), store.Callback{}, 10))
		},
		"Hooks":        func(ctx context.Context) error { return kit.Drop(s.Hooks(ctx)) },
		"CreateHook":   func(ctx context.Context) error { return s.CreateHook(ctx, AHook("new")) },
		"DeleteHook":   func(ctx context.Context) error { return s.DeleteHook(ctx, "x") },
		"KeepAnalysis": func(ctx context.Context) error { return s.KeepAnalysis(ctx, AnAnalysis("new", "room", kit.Monday)) },
		"Analysis":     func(ctx context.Context) error { return kit.Drop(s.Analysis(ctx, "x")) },
		"Analytics":    func(ctx context.Context) error { return kit.Drop(s.Analytics(ctx, "a", "room", 10)) },
		"DeleteAnalytics": func(ctx context.Context) error {
			return kit.Drop(s.DeleteAnalytics(ctx, kit.Monday.Add(time.Hour), 10))
		},
		"EraseAnalytics": func(ctx context.Context) error { return kit.Drop(s.EraseAnalytics(ctx, "a", "room", 10)) },
	}
}

// Seed adds the records that [Calls] are about.
func Seed(ctx context.Context, s store.Index) error {
	return errors.Join(
		s.AddCallbacks(ctx, ACallback("x", kit.Monday)), s.CreateHook(ctx, AHook("x")),
		s.KeepAnalysis(ctx, AnAnalysis("x", "room", kit.Monday)),
	)
}

// ACallback fills every field.
func ACallback(id string, created time.Time) store.Callback {
	return store.Callback{
		ID: id, Kind: store.CallbackAnalytics, Tenant: "a", MeetingID: "room \xff", Subject: "183f0bf3-1",
		URL: "https://moodle.example.org/cb?token=1&x=<y>", Hook: "5e1f", Signer: "moodle", Body: []byte("{\"a\":\x00\xff}"),
		Marks: "true", Reason: "lost", Created: created, Due: created.Add(time.Second), Until: created.Add(time.Hour),
		State: store.CallbackWaiting, Attempts: 3, Tried: []string{"old", "\xff"}, Outcome: "503", Changed: created.Add(time.Minute),
	}
}

// AHook fills every field.
func AHook(id string) store.Hook {
	return store.Hook{
		ID: id, Tenant: "a", URL: "https://moodle.example.org/hook?x=\xff", MeetingID: "room", Events: []string{"user-joined", "x"},
		Raw: true, Signer: "moodle", Created: kit.Monday,
	}
}

// AnAnalysis fills every field.
func AnAnalysis(id, meetingID string, at time.Time) store.Analysis {
	return store.Analysis{ID: id, Tenant: "a", MeetingID: meetingID, At: at, Body: []byte("{\"duration\":20}\xff")}
}

func all(t *testing.T, s store.Index, f store.CallbackFilter) []store.Callback {
	t.Helper()
	list, err := s.Callbacks(t.Context(), f)
	kit.Must(t, err)
	return list
}

// What is there already stays as it is, also where it is done; what fails adds nothing.
func addedOnce(t *testing.T, s store.Index) {
	ctx, first := t.Context(), ACallback("one", kit.Monday)
	kit.Must(t, s.AddCallbacks(ctx))
	kit.Equal(t, "a new store", all(t, s, store.CallbackFilter{}), nil)
	kit.Must(t, s.AddCallbacks(ctx, first))
	again := first
	again.URL, again.State = "https://elsewhere.example.org", store.CallbackDead
	second := ACallback("two", kit.Monday)
	kit.Must(t, s.AddCallbacks(ctx, again, second, again))
	kit.Equal(t, "callbacks", all(t, s, store.CallbackFilter{}), []store.Callback{first, second})
	kit.Refused(t, "ID", s.AddCallbacks(ctx, ACallback("three", kit.Monday), ACallback(kit.TooLong, kit.Monday)))
	kit.Equal(t, "after an error", len(all(t, s, store.CallbackFilter{})), 2)
	got, err := s.Callback(ctx, "one")
	kit.Must(t, err)
	kit.Equal(t, "one", got, first)
	_, err = s.Callback(ctx, "three")
	kit.Want(t, "none", err, store.ErrNotFound)
}

// Lists are in the order of creation and, of one time, IDs, over all states; pages go on behind the last.
func listed(t *testing.T, s store.Index) {
	var want []store.Callback
	states := []store.CallbackState{store.CallbackWaiting, store.CallbackDone, store.CallbackDead}
	for i := range 9 {
		c := ACallback(fmt.Sprint("c", i), kit.Monday.Add(time.Duration(i/2)*time.Second))
		c.State, c.Tenant, c.MeetingID = states[i%3], []string{"a", "b"}[i%2], fmt.Sprint("room-", i%4)
		c.Kind = []store.CallbackKind{store.CallbackReady, store.CallbackEnd}[i%2]
		want = append(want, c)
	}
	backwards := slices.Clone(want)
	slices.Reverse(backwards)
	kit.Must(t, s.AddCallbacks(t.Context(), backwards...))
	for _, f := range []store.CallbackFilter{
		{},
		{States: []store.CallbackState{store.CallbackWaiting}},
		{States: []store.CallbackState{store.CallbackDead, store.CallbackWaiting, store.CallbackDead}},
		{States: []store.CallbackState{"none"}},
		{Tenant: "b"},
		{Tenant: "a", MeetingID: "room-2"},
		{Kinds: []store.CallbackKind{store.CallbackEnd}},
	} {
		var selected []store.Callback
		for _, c := range want {
			if f.Selects(c) {
				selected = append(selected, c)
			}
		}
		kit.Equal(t, fmt.Sprintf("of %+v", f), all(t, s, f), selected)
		var paged []store.Callback
		for f.Limit = 2; ; f.After = paged[len(paged)-1] {
			page := all(t, s, f)
			paged = append(paged, page...)
			if len(page) < f.Limit || len(paged) > len(want) {
				break
			}
		}
		kit.Equal(t, fmt.Sprintf("pages of %+v", f), paged, selected)
	}
}

// A change moves a callback to its new state; ID and time of creation stay, and an error changes nothing.
func updated(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Must(t, s.AddCallbacks(ctx, ACallback("one", kit.Monday), ACallback("two", kit.Monday)))
	got, err := s.UpdateCallback(ctx, "one", func(c *store.Callback) error {
		c.State, c.Body, c.Outcome, c.ID, c.Created = store.CallbackDone, nil, "200", "other", kit.Monday.Add(time.Hour)
		return nil
	})
	kit.Must(t, err)
	want := ACallback("one", kit.Monday)
	want.State, want.Body, want.Outcome = store.CallbackDone, nil, "200"
	kit.Equal(t, "updated", got, want)
	waiting := store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting}}
	kit.Equal(t, "waiting", all(t, s, waiting), []store.Callback{ACallback("two", kit.Monday)})
	kit.Equal(t, "done", all(t, s, store.CallbackFilter{States: []store.CallbackState{store.CallbackDone}}), []store.Callback{want})
	_, err = s.UpdateCallback(ctx, "two", func(c *store.Callback) error { c.State = store.CallbackDead; return kit.ErrOwn })
	kit.Want(t, "refused", err, kit.ErrOwn)
	kit.Equal(t, "waiting still", len(all(t, s, waiting)), 1)
	_, err = s.UpdateCallback(ctx, "none", func(*store.Callback) error { return nil })
	kit.Want(t, "none", err, store.ErrNotFound)
}

// Those of one state go, the oldest first, no more than asked for, and those that have changed late stay: a look goes on behind
// them.
func deleted(t *testing.T, s store.Index) {
	ctx, before := t.Context(), kit.Monday.Add(5*time.Second)
	for i := range 6 {
		c := ACallback(fmt.Sprint("c", i), kit.Monday.Add(time.Duration(i)*time.Second))
		waits := ACallback(fmt.Sprint("w", i), c.Created)
		if c.State, c.Changed = store.CallbackDone, c.Created; i == 1 || i == 2 {
			c.Changed = before
		}
		kit.Must(t, s.AddCallbacks(ctx, c, waits))
	}
	forget := func(what string, after store.Callback, limit int, next string, want ...string) store.Callback {
		t.Helper()
		got, err := s.DeleteCallbacks(ctx, store.CallbackDone, before, after, limit)
		kit.Must(t, err)
		kit.Equal(t, what+": where to go on", got.ID, next)
		var left []string
		for _, c := range all(t, s, store.CallbackFilter{States: []store.CallbackState{store.CallbackDone}}) {
			left = append(left, c.ID)
		}
		kit.Equal(t, what+": left", left, want)
		return got
	}
	forget("none", store.Callback{}, 0, "", "c0", "c1", "c2", "c3", "c4", "c5")
	forget("less than none", store.Callback{}, -1, "", "c0", "c1", "c2", "c3", "c4", "c5")
	last := forget("two", store.Callback{}, 2, "c1", "c1", "c2", "c3", "c4", "c5")
	last = forget("two more", last, 2, "c3", "c1", "c2", "c4", "c5")
	forget("the rest", last, 2, "", "c1", "c2", "c5")
	forget("as many as there are", store.Callback{}, 2, "c2", "c1", "c2", "c5")
	_, err := s.UpdateCallback(ctx, "c2", func(c *store.Callback) error { c.Changed = before.Add(-1); return nil })
	kit.Must(t, err)
	forget("again", store.Callback{}, 10, "", "c1", "c5")
	kit.Equal(t, "waiting", len(all(t, s, store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting}})), 6)
}

// IDs that some store could confuse are apart.
func keys(t *testing.T, s store.Index) {
	ctx, texts := t.Context(), kit.Texts()
	for _, id := range texts {
		kit.Must(t, s.AddCallbacks(ctx, ACallback(id, kit.Monday)))
	}
	for _, id := range texts {
		got, err := s.Callback(ctx, id)
		kit.Must(t, err)
		kit.Equal(t, "callback", got, ACallback(id, kit.Monday))
	}
	kit.Equal(t, "all", len(all(t, s, store.CallbackFilter{})), len(texts))
}

// What front ends are told of an end is there with the session, and neither without the other; the same end, told of again,
// adds nothing; a session without the addresses leaves them as they were.
func withSession(t *testing.T, s store.Index) {
	ctx := t.Context()
	back := &store.Back{Ended: "https://a.example.org/x?y&z", Meta: []store.MetaField{{Name: store.MetaEnd, Value: "https://\xff"}}}
	session := store.Session{
		ID: "s", Tenant: "a", Server: "bbb1", Start: kit.Monday, End: kit.Monday, Reason: "ended", Signer: "moodle", Back: back,
	}
	tell := store.Along{Callbacks: []store.Callback{ACallback("one", kit.Monday), ACallback("two", kit.Monday)}}
	broken := store.Along{Callbacks: []store.Callback{ACallback("three", kit.Monday), ACallback(kit.TooLong, kit.Monday)}}
	kit.Refused(t, "ID", s.AddSession(ctx, session, broken))
	_, err := s.Session(ctx, "s")
	kit.Want(t, "without what is told", err, store.ErrNotFound)
	kit.Must(t, s.AddSession(ctx, session, tell))
	_, err = s.UpdateCallback(ctx, "one", func(c *store.Callback) error { c.State = store.CallbackDone; return nil })
	kit.Must(t, err)
	kit.Must(t, s.AddSession(ctx, session, tell))
	kit.Equal(t, "told", len(all(t, s, store.CallbackFilter{})), 2)
	kit.Equal(t, "waiting", len(all(t, s, store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting}})), 1)
	foreign := session
	foreign.Server = "bbb2"
	more := store.Along{Callbacks: []store.Callback{ACallback("four", kit.Monday)}}
	kit.Want(t, "of another server", s.AddSession(ctx, foreign, more), store.ErrExists)
	kit.Equal(t, "of another server", len(all(t, s, store.CallbackFilter{})), 2)
	bare := session
	bare.Back, bare.Signer = nil, ""
	kit.Must(t, s.AddSession(ctx, bare))
	got, err := s.Session(ctx, "s")
	kit.Must(t, err)
	kit.Equal(t, "session", got, session)
}

// What front ends are told of an import is there with it: what is made of the recordings as they are by then.
func withImport(t *testing.T, s store.Index) {
	ctx := t.Context()
	job := store.Job{ID: "j", State: store.JobPlacing}
	name := func(r *store.Recording) error { r.Tenant, r.State, r.Name = "a", store.Published, "named"; return nil }
	tell := func(r store.Recording) []store.Callback {
		c := ACallback("of "+r.RecordID, kit.Monday)
		c.Outcome = r.Name
		return []store.Callback{c}
	}
	_, err := s.Commit(ctx, job, []string{"r1"}, func(*store.Recording) error { return kit.ErrOwn }, tell)
	kit.Want(t, "refused", err, kit.ErrOwn)
	kit.Equal(t, "refused", all(t, s, store.CallbackFilter{}), nil)
	for range 2 {
		_, err = s.Commit(ctx, job, []string{"r1", "r2"}, name, tell)
		kit.Must(t, err)
	}
	var got []string
	for _, c := range all(t, s, store.CallbackFilter{}) {
		got = append(got, c.ID+" "+c.Outcome)
	}
	kit.Equal(t, "told", got, []string{"of r1 named", "of r2 named"})
}

func hooks(t *testing.T, s store.Index) {
	ctx := t.Context()
	list := func() []store.Hook {
		list, err := s.Hooks(ctx)
		kit.Must(t, err)
		return list
	}
	kit.Equal(t, "a new store", list(), nil)
	kit.Must(t, errors.Join(s.CreateHook(ctx, AHook("b")), s.CreateHook(ctx, AHook("a"))))
	other := AHook("a")
	other.URL = "https://elsewhere.example.org"
	kit.Want(t, "again", s.CreateHook(ctx, other), store.ErrExists)
	kit.Refused(t, "ID", s.CreateHook(ctx, AHook(kit.TooLong)))
	kit.Equal(t, "hooks", list(), []store.Hook{AHook("a"), AHook("b")})
	kit.Must(t, s.DeleteHook(ctx, "a"))
	kit.Want(t, "deleted again", s.DeleteHook(ctx, "a"), store.ErrNotFound)
	kit.Equal(t, "left", list(), []store.Hook{AHook("b")})
}

// What is kept of a meeting is found by it, newest first, replaced by what has its ID, and goes by its age or with its meeting.
func analytics(t *testing.T, s store.Index) {
	ctx := t.Context()
	of := func(meeting string, limit int) []store.Analysis {
		list, err := s.Analytics(ctx, "a", meeting, limit)
		kit.Must(t, err)
		return list
	}
	var room []store.Analysis // newest first
	for i := range 4 {
		room = append(room, AnAnalysis(fmt.Sprint("m", i), "room", kit.Monday.Add(-time.Duration(i)*time.Hour)))
		kit.Must(t, errors.Join(s.KeepAnalysis(ctx, AnAnalysis(room[i].ID, "before", kit.Monday)), s.KeepAnalysis(ctx, room[i])))
	}
	foreign := AnAnalysis("f", "room", kit.Monday)
	foreign.Tenant = "b"
	kit.Must(t, errors.Join(s.KeepAnalysis(ctx, foreign), s.KeepAnalysis(ctx, AnAnalysis("r", "room 2", kit.Monday))))
	kit.Equal(t, "of the room", of("room", 10), room)
	kit.Equal(t, "two of the room", of("room", 2), room[:2])
	kit.Equal(t, "of none", of("before", 10), nil)
	got, err := s.Analysis(ctx, "m2")
	kit.Must(t, err)
	kit.Equal(t, "one", got, room[2])
	n, err := s.DeleteAnalytics(ctx, kit.Monday.Add(-2*time.Hour), 10)
	kit.Must(t, err)
	kit.Equal(t, "deleted", n, 1)
	for _, c := range [][2]int{{0, 0}, {1, 1}, {10, 2}, {10, 0}} {
		n, err := s.EraseAnalytics(ctx, "a", "room", c[0])
		kit.Must(t, err)
		kit.Equal(t, fmt.Sprintf("erased of %d", c[0]), n, c[1])
	}
	_, err = s.Analysis(ctx, "m0")
	kit.Want(t, "erased", err, store.ErrNotFound)
	_, err = s.Analysis(ctx, "f")
	kit.Want(t, "of another tenant", err, nil)
	kit.Equal(t, "of another room", len(of("room 2", 10)), 1)
}

func analyticsKeys(t *testing.T, s store.Index) {
	ctx := t.Context()
	for _, id := range kit.Texts() {
		kit.Must(t, s.KeepAnalysis(ctx, AnAnalysis(id, id, kit.Monday)))
	}
	for _, id := range kit.Texts() {
		got, err := s.Analytics(ctx, "a", id, 10)
		kit.Must(t, err)
		kit.Equal(t, "of "+id, got, []store.Analysis{AnAnalysis(id, id, kit.Monday)})
	}
	kit.Refused(t, "ID", s.KeepAnalysis(ctx, AnAnalysis(kit.TooLong, "room", kit.Monday)))
	kit.Refused(t, "meeting", s.KeepAnalysis(ctx, AnAnalysis("x", kit.TooLong, kit.Monday)))
}

// Of those who add the same at once, in whatever order, one does, and nobody fails.
func raceAdd(t *testing.T, s store.Index) {
	kit.Race(kit.Racers, func(i int) {
		var list []store.Callback
		for n := range 8 {
			c := ACallback(fmt.Sprint("c", (n+i)%8), kit.Monday)
			c.Attempts = i
			list = append(list, c)
		}
		if session := (store.Session{ID: fmt.Sprint("s", i%4), Tenant: "a", Server: "bbb1"}); i%2 == 0 {
			kit.Want(t, "add", s.AddCallbacks(t.Context(), list...), nil)
		} else {
			kit.Want(t, "add", s.AddSession(t.Context(), session, store.Along{Callbacks: list}), nil)
		}
	})
	kit.Equal(t, "callbacks", len(all(t, s, store.CallbackFilter{})), 8)
}

// Of changes that race none is lost.
func raceUpdate(t *testing.T, s store.Index) {
	c := ACallback("x", kit.Monday)
	c.Attempts = 0
	kit.Must(t, s.AddCallbacks(t.Context(), c))
	kit.Race(kit.Racers, func(int) {
		_, err := s.UpdateCallback(t.Context(), "x", func(c *store.Callback) error { c.Attempts++; return nil })
		kit.Want(t, "update", err, nil)
	})
	got, err := s.Callback(t.Context(), "x")
	kit.Must(t, err)
	kit.Equal(t, "attempts", got.Attempts, kit.Racers)
}
