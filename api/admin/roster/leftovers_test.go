package roster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// What is left on a server is counted and said alike, whatever it is.
func TestLeftovers(t *testing.T) {
	const anew = "nobody can join its meetings any more: the next create makes them anew on another server"
	for name, test := range map[string]struct {
		left                 leftovers
		count                int
		has, follows, waited string
	}{
		"nothing": {leftovers{}, 0, "", "", "nothing left"},
		"a meeting": {
			leftovers{meetings: 1, people: 2}, 1, "has 1 meeting with 2 people", anew, "1 meeting with 2 people left",
		},
		"meetings, offline": {
			leftovers{meetings: 2, offline: true},
			2, "has 2 meetings with 0 people", anew,
			"2 meetings with 0 people left, claimed on a server that is offline: nobody can see or end them there; bbbpool server panic " +
				"forgets them",
		},
		"copies": {
			leftovers{people: 1},
			1, "has 1 person left in copies of meetings that run elsewhere",
			"nobody ends the copies, or looks after them, any more", "1 person left in copies of meetings that run elsewhere",
		},
		"recordings": {
			leftovers{owed: []string{"r"}}, 1, "owes 1 recording", "nobody waits for its recordings any more", "waiting for 1 recording: r",
		},
		"all of it": {
			leftovers{meetings: 3, people: 4, owed: []string{"r", "s"}},
			5, "has 3 meetings with 4 people and owes 2 recordings",
			anew + "; nobody waits for its recordings any more", "3 meetings with 4 people left",
		},
		"copies and recordings": {
			leftovers{people: 4, owed: []string{"r", "s"}},
			3,
			"has 4 people left in copies of meetings that run elsewhere and owes 2 recordings",
			"nobody ends the copies, or looks after them, any more; nobody waits for its recordings any more",
			"4 people left in copies of meetings that run elsewhere",
		},
	} {
		got := []any{test.left.count(), test.left.has(), test.left.follows(), test.left.String(), test.left.nothing()}
		want := []any{test.count, test.has, test.follows, test.waited, test.count == 0}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	status := poller.Status{Server: store.Server{State: store.Disabled}, Load: placement.Load{People: 3}}
	if People(status) != 0 {
		t.Error("people in copies on a disabled server count")
	}
	if status.Load.Meetings = 1; People(status) != 3 {
		t.Error("people in a meeting of a disabled server do not count")
	}
}

// Recordings that a server says it does not have are not waited for, and told by themselves.
func TestDebts(t *testing.T) {
	owing := func(id, server string, step store.OwedStep) recordings.Owing {
		return recordings.Owing{Recording: store.Recording{RecordID: id, Owed: &store.Owed{Server: server, Step: step}}}
	}
	debts := Debts(func(context.Context) ([]recordings.Owing, error) {
		return []recordings.Owing{
			owing("r1", "a", store.OwedEnded), owing("r2", "b", store.OwedArrived), owing("r3", "a", store.OwedMissing),
			owing("r4", "a", store.OwedProcessing),
		}, nil
	})
	owed, notMade, err := debts.sorted(t.Context())
	if diff := cmp.Diff(map[string][]string{"a": {"r1", "r4"}, "b": {"r2"}}, owed); err != nil || diff != "" {
		t.Errorf("owed, %v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(map[string][]string{"a": {"r3"}}, notMade); diff != "" {
		t.Errorf("not made (-want +got):\n%s", diff)
	}
	if owed, err := Debts(nil).ByServer(t.Context()); err != nil || owed == nil || len(owed) != 0 {
		t.Errorf("no recordings: %v, %v", owed, err)
	}
	failing := Debts(func(context.Context) ([]recordings.Owing, error) { return nil, errors.New("no disk") })
	if _, err := failing.ByServer(t.Context()); errorText(err) != "no disk" {
		t.Errorf("a store that fails: %v", err)
	}
}

// What a drain and a test are asked for has limits, which are said.
func TestLimits(t *testing.T) {
	span := func(d time.Duration) *time.Duration { return &d }
	for _, test := range []struct {
		asked *time.Duration
		want  time.Duration
		ok    bool
	}{
		{nil, 24 * time.Hour, true},
		{span(0), 0, true},
		{span(14 * 24 * time.Hour), 14 * 24 * time.Hour, true},
		{span(14*24*time.Hour + 1), 0, false},
		{span(-1), 0, false},
	} {
		if got, err := drainLimit(v1.Drain{RecordingsTimeout: test.asked}); got != test.want || (err == nil) != test.ok {
			t.Errorf("%v became %v, %v", test.asked, got, err)
		}
	}
	for _, test := range []struct {
		asked v1.Trial
		want  *trial.Load
		wrong string
	}{
		{v1.Trial{}, nil, ""},
		{v1.Trial{Concurrency: 3}, nil, ""},
		{v1.Trial{Meetings: 20}, &trial.Load{Meetings: 20, Concurrency: 5}, ""},
		{v1.Trial{Meetings: 2}, &trial.Load{Meetings: 2, Concurrency: 2}, ""},
		{
			v1.Trial{Meetings: trial.MaxMeetings, Concurrency: trial.MaxConcurrency},
			&trial.Load{Meetings: trial.MaxMeetings, Concurrency: trial.MaxConcurrency}, "",
		},
		{v1.Trial{Meetings: trial.MaxMeetings + 1}, nil, "meetings: want"},
		{v1.Trial{Meetings: -1}, nil, "meetings: want"},
		{v1.Trial{Concurrency: trial.MaxConcurrency + 1}, nil, "concurrency: want"},
		{v1.Trial{Concurrency: -1}, nil, "concurrency: want"},
	} {
		got, err := TrialOptions(test.asked)
		if diff := cmp.Diff(test.want, got.Load); diff != "" || !strings.HasPrefix(errorText(err), test.wrong) || (err == nil) != (test.wrong == "") {
			t.Errorf("%+v, %v (-want +got):\n%s", test.asked, err, diff)
		}
	}
}

// A server that the others could not stand in for is not drained unless somebody insists; one that nobody counts on is.
func TestRoster_Spare(t *testing.T) {
	r, pool := newRoster(t)
	pool.capacity = placement.Capacity{
		Carries: 300, Now: placement.Crowd{People: 150}, Today: placement.Crowd{People: 250.4},
		Servers: []placement.Share{
			share("a", 200, placement.Open), share("b", 100, placement.Unproven), share("gone", 500, placement.Gone),
		},
	}
	status := func(id string) poller.Status { return poller.Status{Server: store.Server{ID: id}} }
	want := "server a cannot be spared: the other servers that take meetings carry 100 people; of the 150 that are here or expected now " +
		"50 would have no room; of the 250 at the busiest time of the coming 24 hours, as that was in the last weeks, 150 would have " +
		"no room; enable or add another server, drain it at a quieter time, or insist with --force"
	room, err := r.spare(status("a"), false)
	if errorText(err) != want || room != (v1.Room{Server: "a", Carries: 100, Now: -50, Tightest: -150.4, Short: true}) {
		t.Errorf("%+v, %v", room, err)
	}
	if _, err := r.spare(status("a"), true); err != nil {
		t.Errorf("insisted on: %v", err)
	}
	if _, err := r.spare(status("b"), false); err == nil || strings.Contains(err.Error(), "expected now") || !strings.Contains(err.Error(), "busiest") {
		t.Errorf("b, at the busiest time alone: %v", err)
	}
	if room, err := r.spare(status("gone"), false); err != nil || room.Carries != 300 {
		t.Errorf("one that takes no meetings: %+v, %v", room, err)
	}
	if _, err := r.spare(status("nope"), false); err == nil || !strings.HasPrefix(err.Error(), `there is no server "nope"`) {
		t.Errorf("what is not there: %v", err)
	}
	pool.capacity.Servers = pool.capacity.Servers[:1]
	if _, err := r.spare(status("a"), false); err != nil {
		t.Errorf("the only one: %v", err)
	}
}

// A drain waits for people, then for recordings as long as it was told to, counted from when the last of them had gone; who
// comes back stops the clock.
func TestDrainage_Look(t *testing.T) {
	r, pool := newRoster(t)
	now := then
	r.Now = func() time.Time { return now }
	pool.add(t, r, store.Server{ID: "a", State: store.Enabled, URL: "https://a/bigbluebutton/api", Weight: 1})
	pool.capacity.Servers = []placement.Share{share("a", 100, placement.Open)}
	var fault error
	r.Debts = func(context.Context) ([]recordings.Owing, error) {
		return []recordings.Owing{
			{Recording: store.Recording{RecordID: "r1", Owed: &store.Owed{Server: "a", Step: store.OwedProcessing}}},
			{Recording: store.Recording{RecordID: "r2", Owed: &store.Owed{Server: "a", Step: store.OwedMissing}}},
		}, fault
	}
	limit, log := time.Hour, zerolog.Nop()
	pool.load["a"] = placement.Load{Meetings: 2, People: 5}
	w, err := r.Drain(t.Context(), "a", v1.Drain{RecordingsTimeout: &limit}, &log)
	if err != nil {
		t.Fatal(err)
	}
	look := func(want bool, progress v1.Progress) {
		t.Helper()
		done, err := w.look(t.Context())
		if diff := cmp.Diff(progress, w.progress(err)); done != want || diff != "" {
			t.Errorf("at %s: done %v, %v (-want +got):\n%s", now.Sub(then), done, err, diff)
		}
	}
	look(false, v1.Progress{Done: 0, Total: 3, Current: "2 meetings with 5 people left"})
	pool.load["a"] = placement.Load{}
	look(false, v1.Progress{Done: 2, Total: 3, Current: "waiting for 1 recording: r1"})
	now = now.Add(59 * time.Minute)
	fault = errors.New("no disk")
	told := v1.Progress{Done: 2, Total: 3, Current: "waiting for 1 recording: r1"}
	once := told
	once.Problem = "what is left cannot be looked at, or the server not be disabled: it is tried again, and the log says why"
	look(false, once)
	look(false, told)
	fault = nil
	pool.load["a"] = placement.Load{People: 1}
	look(false, v1.Progress{Done: 1, Total: 3, Current: "1 person left in copies of meetings that run elsewhere"})
	pool.load["a"] = placement.Load{}
	now = now.Add(2 * time.Minute)
	look(false, told)
	now = now.Add(time.Hour)
	look(true, told)
	drained, err := w.Look(t.Context())
	if err == nil || drained.Done || !strings.HasPrefix(err.Error(), "server a was drained, and is disabled now") {
		t.Errorf("it is disabled, and owes still: %+v, %v", drained, err)
	}
	if diff := cmp.Diff([]string{"r1"}, drained.Missing); diff != "" || drained.State != "disabled" || len(drained.NotMade) != 1 || drained.Owed != 1 {
		t.Errorf("%+v, missing (-want +got):\n%s", drained, diff)
	}
}

// Whoever changes the state of a server ends its drain.
func TestDrainage_Overtaken(t *testing.T) {
	r, pool := newRoster(t)
	pool.add(t, r, store.Server{ID: "a", State: store.Enabled, URL: "https://a/bigbluebutton/api", Weight: 1})
	pool.capacity.Servers = []placement.Share{share("a", 100, placement.Open)}
	log := zerolog.Nop()
	pool.load["a"] = placement.Load{Meetings: 1}
	w, err := r.Drain(t.Context(), "a", v1.Drain{}, &log)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Cordon(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	const want = "server a was drained, and is cordoned now: somebody has changed its state meanwhile, which ends this drain"
	if _, err := w.Wait(t.Context(), func(v1.Progress) { t.Error("it goes on") }); errorText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := w.disable(t.Context()); errorText(err) != want {
		t.Errorf("in between: %v", err)
	}
	if s, _ := pool.Server("a"); s.State != store.Cordoned {
		t.Errorf("it is %s", s.State)
	}
	if _, err := r.Drain(t.Context(), "nope", v1.Drain{}, &log); err == nil || !strings.HasPrefix(err.Error(), `there is no server "nope"`) {
		t.Errorf("what is not there: %v", err)
	}
}
