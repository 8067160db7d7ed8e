package waiting_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest"
	"github.com/bbbpool/bbbpool/store/storetest/outgoing"
	"github.com/bbbpool/bbbpool/store/waiting"
)

// An index that may be away is an index like any other.
func TestContract(t *testing.T) {
	storetest.RunIndex(t, func(t *testing.T) store.Index {
		f, s := pair(t)
		return waiting.New(t.Context(), waiting.Config{Index: f, Journal: s}).Index()
	})
}

var monday = time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)

// clock is a time that goes on by more than anything waits, each time that it is asked.
func clock() func() time.Time {
	tick := make(chan time.Time, 1)
	tick <- monday
	return func() time.Time {
		now := (<-tick).Add(10 * time.Second)
		tick <- now
		return now
	}
}

func session(id string) store.Session {
	return store.Session{ID: id, Tenant: "a", Server: "bbb1", Start: monday, End: monday.Add(time.Hour), Reason: "ended", Peak: 3}
}

func used(joins int) store.Usage { return store.Usage{Day: "2026-03-02", Tenant: "a", Joins: joins} }

// along is usage, and what somebody is told.
func along(used ...store.Usage) store.Along {
	return store.Along{Used: used, Callbacks: []store.Callback{outgoing.ACallback("with a session", monday)}}
}

func owed(id, server string) store.Recording {
	return store.Recording{
		RecordID: id, Tenant: "a", MeetingID: "m", State: store.Processing, Server: server, Start: monday,
		Owed: &store.Owed{Server: server, Step: store.OwedEnded},
	}
}

// write writes one of each that may wait.
func write(t testing.TB, x store.Index) {
	t.Helper()
	ctx := context.Background()
	must(t, x.AddSession(ctx, session("s1"), along(used(5), used(2))))
	must(t, x.AddUsage(ctx, used(10)))
	must(t, x.AddAudit(ctx, store.Audit{ID: "1", At: monday, Who: "uid 0"}))
	must(t, x.KeepEvents(ctx, "bbb1", []store.Event{{At: monday, Kind: "down", Text: "first"}}))
	must(t, x.KeepEvents(ctx, "bbb1", []store.Event{{At: monday, Kind: "up", Text: "last"}}))
	must(t, x.CreateRecording(ctx, owed("r1", "bbb1")))
	must(t, x.AddSession(ctx, session("s2"), along(used(100))))
	must(t, x.AddCallbacks(ctx, outgoing.ACallback("one", monday), outgoing.ACallback("two", monday)))
	must(t, x.KeepAnalysis(ctx, outgoing.AnAnalysis("m", "room", monday)))
}

// wanted is what an index has that was there all the time.
func wanted(t testing.TB) []string {
	f, s := pair(t)
	x := waiting.New(context.Background(), waiting.Config{Index: f, Journal: s}).Index()
	write(t, x)
	return rowsOf(t, x)
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// What is written while the index is away is there once it is back, each once, whoever writes it in the end, and however
// often that begins anew.
func TestIndex_Waits(t *testing.T) {
	want := wanted(t)
	f, s := pair(t)
	now := clock()
	f.set(true, false)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: now})
	write(t, x.Index())
	kept, err := s.Waiting(t.Context(), 100)
	must(t, err)
	if len(kept) != 8 || x.Waiting() != 8 {
		t.Fatalf("%d entries wait, %d are known of", len(kept), x.Waiting())
	}
	x.Look(t.Context())
	if len(rowsOf(t, f.Index)) > 0 {
		t.Fatal("it is not away")
	}
	f.set(false, false)
	for _, who := range []string{"who has kept it", "the next", "a third"} {
		x.Look(t.Context())
		same(t, who, rowsOf(t, x.Index()), want)
		if left, err := s.Waiting(t.Context(), 100); err != nil || len(left) > 0 || x.Waiting() != 0 {
			t.Errorf("%s: %d entries left, %d known, %v", who, len(left), x.Waiting(), err)
		}
		for _, w := range kept { // as if nobody had taken it away
			must(t, s.AddWaiting(t.Context(), w))
		}
		x = waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: now})
	}
}

// Wherever whoever writes what waits dies, the next goes on, and nothing is written twice.
func TestIndex_Killed(t *testing.T) {
	want := wanted(t)
	for after := range 12 {
		f, s := pair(t)
		now := clock()
		f.set(true, false)
		write(t, waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: now}).Index())
		f.set(false, false)
		ctx, cancel := context.WithCancel(t.Context())
		dying := &dying{journal: s, Index: f, left: after, die: cancel}
		waiting.New(ctx, waiting.Config{Index: dying, Journal: dying, Now: now}).Look(ctx)
		cancel()
		x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: now})
		x.Look(t.Context())
		same(t, fmt.Sprintf("after %d steps", after), rowsOf(t, x.Index()), want)
	}
}

// dying is the index and the journal of an instance that dies after some writes.
type dying struct {
	store.Index
	journal

	left int
	die  func()
}

func (d *dying) step() {
	if d.left--; d.left < 0 {
		d.die()
	}
}

func (d *dying) Close() error { return nil }

func (d *dying) AddSession(ctx context.Context, s store.Session, along ...store.Along) error {
	d.step()
	return d.Index.AddSession(ctx, s, along...)
}

func (d *dying) KeepEvents(ctx context.Context, server string, list []store.Event) error {
	d.step()
	return d.Index.KeepEvents(ctx, server, list)
}

func (d *dying) DeleteWaiting(ctx context.Context, ids ...string) error {
	d.step()
	return d.journal.DeleteWaiting(ctx, ids...)
}

// A write that was done while it was said not to be is not done again: neither a session with its usage, nor usage.
func TestIndex_Unsure(t *testing.T) {
	for name, add := range map[string]func(context.Context, store.Index) error{
		"session": func(ctx context.Context, x store.Index) error {
			return x.AddSession(ctx, session("s1"), along(used(5)))
		},
		"usage": func(ctx context.Context, x store.Index) error { return x.AddUsage(ctx, used(5)) },
		"audit": func(ctx context.Context, x store.Index) error {
			return x.AddAudit(ctx, store.Audit{ID: "1", At: monday})
		},
		"callbacks": func(ctx context.Context, x store.Index) error {
			return x.AddCallbacks(ctx, outgoing.ACallback("one", monday))
		},
		"analysis": func(ctx context.Context, x store.Index) error {
			return x.KeepAnalysis(ctx, outgoing.AnAnalysis("m", "room", monday))
		},
		"owed": func(ctx context.Context, x store.Index) error { return x.CreateRecording(ctx, owed("r1", "bbb1")) },
	} {
		t.Run(name, func(t *testing.T) {
			f, s := pair(t)
			must(t, add(t.Context(), waiting.New(t.Context(), waiting.Config{Index: f, Journal: s}).Index()))
			want := rowsOf(t, waiting.New(t.Context(), waiting.Config{Index: f, Journal: s}).Index())
			f, s = pair(t)
			now := monday
			x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: func() time.Time { return now }})
			f.set(false, true)
			must(t, add(t.Context(), x.Index()))
			f.set(false, false)
			x.Look(t.Context())
			if name == "session" && x.Waiting() != 1 {
				t.Error("what became of it was asked for too early")
			}
			now = now.Add(time.Minute)
			x.Look(t.Context())
			same(t, "written", rowsOf(t, x.Index()), want)
			if x.Waiting() != 0 {
				t.Error("it waits still")
			}
		})
	}
}

// Who writes while the index is away cannot know which sessions were counted before: each is counted once, and one that had only
// moved away is counted where it goes on.
func TestIndex_CountedBefore(t *testing.T) {
	f, s := pair(t)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock()})
	away := session("s2")
	away.Reason = "moved"
	must(t, x.Index().AddSession(t.Context(), session("s1"), along(used(5))))
	must(t, x.Index().AddSession(t.Context(), away))
	f.set(true, false)
	for _, id := range []string{"s1", "s2", "s3", "s3"} {
		must(t, x.Index().AddSession(t.Context(), session(id), along(used(5))))
	}
	f.set(false, false)
	x.Look(t.Context())
	got, err := x.Index().Usage(t.Context(), store.UsageFilter{})
	must(t, err)
	if want := []store.Usage{used(15)}; !cmp.Equal(got, want) {
		t.Errorf("used: %s", cmp.Diff(want, got))
	}
}

// While it is known to be away nobody waits for it: reads fail at once, and one call in a second may find out. What is
// written while something waits still is queued behind that.
func TestIndex_Circuit(t *testing.T) {
	f, s := pair(t)
	now := monday
	config := waiting.Config{Index: f, Journal: s, Now: func() time.Time { return now }}
	x := waiting.New(t.Context(), config)
	f.set(true, false)
	for range 2 {
		for range 5 {
			if _, _, err := x.Index().Recordings(t.Context(), store.RecordingFilter{Tenant: "a"}); !errors.Is(err, store.ErrAway) {
				t.Fatalf("recordings: %v", err)
			}
		}
		now = now.Add(time.Second)
	}
	if f.asked != 2 {
		t.Errorf("it was asked %d times", f.asked)
	}
	must(t, x.KeepEvents(t.Context(), "bbb1", []store.Event{{Kind: "old"}}))
	if list := x.Problems(t.Context()); len(list) != 1 || list[0].Unready || !strings.Contains(list[0].Text, "1 entry") {
		t.Errorf("problems: %+v", list)
	}
	f.set(false, false)
	now = now.Add(time.Second)
	if _, _, err := x.Index().Recordings(t.Context(), store.RecordingFilter{Tenant: "a"}); err != nil {
		t.Errorf("it is back: %v", err)
	}
	must(t, x.KeepEvents(t.Context(), "bbb1", []store.Event{{Kind: "new"}}))
	if _, err := x.Index().EraseSessions(t.Context(), "a", "x", 1); !errors.Is(err, store.ErrAway) {
		t.Errorf("erased while something waits: %v", err)
	}
	x.Look(t.Context())
	if events, err := f.Events(t.Context()); err != nil || len(events["bbb1"]) != 1 || events["bbb1"][0].Kind != "new" {
		t.Errorf("events: %+v, %v", events, err)
	}
	if list := x.Problems(t.Context()); len(list) > 0 {
		t.Errorf("problems: %+v", list)
	}
}

// A journal that is full keeps what it has. What comes later is lost, and said to be, and nothing fails for it. Where the
// state is away, too, nothing is acknowledged.
func TestIndex_Full(t *testing.T) {
	f, s := pair(t)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock(), MaxEntries: 2})
	f.set(true, false)
	for i := range 5 {
		must(t, x.AddSession(t.Context(), session(fmt.Sprint("s", i))))
	}
	list := x.Problems(t.Context())
	if len(list) != 2 || list[1].Name != "full" {
		t.Errorf("problems: %+v", list)
	}
	if err := x.AddCallbacks(t.Context(), outgoing.ACallback("one", monday)); !errors.Is(err, store.ErrAway) {
		t.Errorf("a server was told that what it has called back is kept: %v", err)
	}
	var page strings.Builder
	x.WriteMetrics(&page)
	if !strings.Contains(page.String(), "bbbpool_index_lost_writes_total 4") {
		t.Error(page.String())
	}
	f.set(false, false)
	x.Look(t.Context())
	sessions, err := x.Index().SessionsSince(t.Context(), time.Time{}, "", 10)
	if err != nil || len(sessions) != 2 || sessions[0].ID != "s0" || sessions[1].ID != "s1" {
		t.Errorf("%+v, %v", sessions, err)
	}
	f.set(true, false)
	x = waiting.New(t.Context(), waiting.Config{Index: f, Journal: awayJournal{s}, Now: clock()})
	if err := x.AddSession(t.Context(), session("s9")); !errors.Is(err, store.ErrAway) {
		t.Errorf("kept nowhere: %v", err)
	}
}

// A server that tells much while the index is away is told that it does not fit, and no end of a meeting is lost for it.
func TestIndex_FullOfCallbacks(t *testing.T) {
	f, s := pair(t)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock(), MaxBytes: 40_000})
	f.set(true, false)
	kept := 0
	for n := range 20 {
		a := store.Analysis{ID: fmt.Sprint("i-", n), Tenant: "a", MeetingID: "room", At: monday, Body: make([]byte, 2_000)}
		if err := x.KeepAnalysis(t.Context(), a); err == nil {
			kept++
		} else if !errors.Is(err, store.ErrAway) {
			t.Fatal(err)
		}
	}
	for n := range 20 {
		must(t, x.AddSession(t.Context(), session(fmt.Sprint("s", n))))
	}
	f.set(false, false)
	x.Look(t.Context())
	sessions, err := x.Index().SessionsSince(t.Context(), time.Time{}, "", 50)
	if err != nil || len(sessions) != 20 || kept == 0 || kept == 20 {
		t.Errorf("%d sessions and %d analytics are kept, %v", len(sessions), kept, err)
	}
}

type awayJournal struct{ journal }

// journal is store.Waiting, by a name that none of its methods has.
type journal = store.Waiting

func (awayJournal) AddWaiting(context.Context, store.Wait) error { return store.ErrAway }

// What nobody can write is given up, and what another version has put there is left to it: nothing is in the way of what
// follows. What a server owes is noted beside what another has sent.
func TestIndex_OddEntries(t *testing.T) {
	f, s := pair(t)
	other := owed("r1", "bbb2")
	other.Owed = nil
	must(t, f.Index.CreateRecording(t.Context(), other))
	foreign := session("s1")
	foreign.Server = "bbb9"
	must(t, f.Index.AddSession(t.Context(), foreign))
	for id, call := range map[string]string{"0": "unheard of", "00": "session", "000": "audit"} {
		must(t, s.AddWaiting(t.Context(), store.Wait{ID: id, Call: call, Data: []byte("{}")}))
	}
	must(t, s.AddWaiting(t.Context(), store.Wait{ID: "0000", Call: "usage", Data: []byte("{")}))
	f.set(true, false)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock()})
	must(t, x.AddSession(t.Context(), session("s1"))) // which is refused later
	must(t, x.AddSession(t.Context(), session("s2")))
	must(t, x.CreateRecording(t.Context(), owed("r1", "bbb1")))
	f.set(false, false)
	x.Look(t.Context())
	left, err := s.Waiting(t.Context(), 10)
	if err != nil || len(left) != 1 || left[0].ID != "0" {
		t.Errorf("left: %+v, %v", left, err)
	}
	if _, err := f.Session(t.Context(), "s2"); err != nil {
		t.Error(err)
	}
	r, err := f.Recording(t.Context(), "r1")
	if err != nil || r.Server != "bbb2" || r.Owed == nil || r.Owed.Server != "bbb1" {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, x.AddSession(t.Context(), session("s3")))
	if _, err := f.Session(t.Context(), "s3"); err != nil {
		t.Errorf("what nobody knows is waited for: %v", err)
	}
}

// A follower leaves to the leader what waits.
func TestIndex_Follower(t *testing.T) {
	f, s := pair(t)
	f.set(true, false)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock()})
	leads := false
	x.Attach(func() bool { return leads })
	must(t, x.AddSession(t.Context(), session("s1")))
	f.set(false, false)
	x.Look(t.Context())
	if x.Waiting() != 1 {
		t.Error("a follower has written what waits")
	}
	leads = true
	x.Look(t.Context())
	if _, err := f.Session(t.Context(), "s1"); err != nil {
		t.Error(err)
	}
}

// Once the leader has written what waits, a follower finds that out, and what it writes itself from then on does not wait any more.
func TestIndex_FollowerGoesOn(t *testing.T) {
	f, s := pair(t)
	f.set(true, false)
	leads := true
	follower := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock(), Leading: func() bool { return !leads }})
	must(t, follower.AddAudit(t.Context(), store.Audit{ID: "1", At: monday}))
	leader := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: clock(), Leading: func() bool { return leads }})
	f.set(false, false)
	follower.Look(t.Context())
	if follower.Waiting() != 1 {
		t.Errorf("%d entries wait, as the follower says, want 1", follower.Waiting())
	}
	leader.Look(t.Context())
	follower.Look(t.Context())
	if follower.Waiting() != 0 {
		t.Errorf("%d entries wait, as the follower says, and the leader has written them", follower.Waiting())
	}
	must(t, follower.AddAudit(t.Context(), store.Audit{ID: "2", At: monday}))
	if list, err := s.Waiting(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("what the follower writes waits: %d entries, %v", len(list), err)
	}
}

// Who comes to lead finds what the leader of before has left: it takes room in the journal, and what is written now comes after it.
func TestIndex_NextLeader(t *testing.T) {
	f, s := pair(t)
	f.set(true, false)
	leads := true
	config := waiting.Config{Index: f, Journal: s, Now: clock(), MaxEntries: 4}
	config.Leading = func() bool { return !leads }
	next := waiting.New(t.Context(), config)
	next.Look(t.Context())
	config.Leading = func() bool { return leads }
	first := waiting.New(t.Context(), config)
	for _, id := range []string{"1", "2", "3"} {
		must(t, first.AddAudit(t.Context(), store.Audit{ID: id, At: monday}))
	}
	leads = false
	next.Look(t.Context())
	if next.Waiting() != 3 {
		t.Errorf("%d entries wait, as the next leader says, want 3", next.Waiting())
	}
	for _, id := range []string{"4", "5"} {
		must(t, next.AddAudit(t.Context(), store.Audit{ID: id, At: monday}))
	}
	if list, err := s.Waiting(t.Context(), 10); err != nil || len(list) != 4 {
		t.Errorf("%d entries wait, want as many as may: %v", len(list), err)
	}
	f.set(false, false)
	next.Look(t.Context())
	if list, err := f.Audits(t.Context(), store.AuditFilter{Limit: 10}); err != nil || len(list) != 4 || next.Waiting() != 0 {
		t.Errorf("%d are written, %d wait: %v", len(list), next.Waiting(), err)
	}
}

// Run finds out by itself that the index is back.
func TestIndex_Run(t *testing.T) {
	f, s := pair(t)
	f.set(true, false)
	x := waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Pause: time.Millisecond})
	must(t, x.AddAudit(t.Context(), store.Audit{ID: "1", At: monday}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	f.set(false, false)
	for x.Waiting() > 0 {
		if t.Context().Err() != nil {
			t.Fatal("it waits still")
		}
	}
	cancel()
	must(t, <-done)
	if list, err := f.Audits(t.Context(), store.AuditFilter{Limit: 10}); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}
