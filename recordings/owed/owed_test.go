package owed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/owed"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

var (
	monday   = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	errStore = errors.New("the store is gone")
)

// world is everything that debts work with, in memory.
type world struct {
	*owed.Debts

	mu         sync.Mutex
	recordings map[string]store.Recording
	sessions   map[string]store.Session
	jobs       []store.Job
	servers    []string                   // in the pool
	told       map[string]store.Recording // by the servers
	silent     error                      // why servers do not answer
	asked      []string
	fail       error // of the store
	log        bytes.Buffer
	now        time.Time
}

func newWorld() *world {
	w := &world{
		recordings: map[string]store.Recording{}, sessions: map[string]store.Session{}, servers: []string{"bbb1"},
		told: map[string]store.Recording{}, now: monday,
	}
	w.Debts = &owed.Debts{
		Overdue: 24 * time.Hour, Index: w, History: w, Jobs: jobs{w}, Servers: w, Files: &record.Files{Library: held{}},
		Log: zerolog.New(zerolog.SyncWriter(&w.log)), Now: func() time.Time { return w.now },
	}
	return w
}

// held is a library of which nothing is asked but who holds what.
type held struct{ record.Library }

func (held) Hold(id string) *library.Held {
	var locks library.Locks
	return locks.Hold(id)
}

type jobs struct{ *world }

func (j jobs) Jobs(context.Context, store.JobFilter) ([]store.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.jobs, j.fail
}

// failing has the store fail from now on, or no longer; questions are how many servers were asked.
func (w *world) failing(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

func (w *world) questions() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

func (w *world) OwedRecordings(context.Context) (list []store.Recording, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(w.recordings)) {
		if r := w.recordings[id]; r.Owed != nil {
			list = append(list, r)
		}
	}
	return list, w.fail
}

func (w *world) Recording(_ context.Context, id string) (store.Recording, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.recordings[id]
	if !ok && w.fail == nil {
		return r, store.ErrNotFound
	}
	return r, w.fail
}

func (w *world) CreateRecording(_ context.Context, r store.Recording) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.recordings[r.RecordID]; ok {
		return store.ErrExists
	}
	w.recordings[r.RecordID] = r
	return w.fail
}

func (w *world) UpdateRecording(_ context.Context, tenant, id string, change func(*store.Recording) error) (store.Recording, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.recordings[id]
	if !ok || r.Tenant != tenant {
		return r, store.ErrNotFound
	}
	if err := errors.Join(w.fail, change(&r)); err != nil {
		return store.Recording{}, err
	}
	w.recordings[id] = r
	return r, nil
}

func (w *world) DeleteRecording(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.recordings, id)
	return w.fail
}

func (w *world) AddSession(_ context.Context, s store.Session, _ ...store.Along) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.sessions[s.ID]; ok {
		return store.ErrExists
	}
	w.sessions[s.ID] = s
	return w.fail
}

func (w *world) Session(_ context.Context, id string) (store.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.sessions[id]
	if !ok {
		return s, store.ErrNotFound
	}
	return s, nil
}

func (w *world) Server(_ context.Context, id string) (store.Server, error) {
	if slices.Contains(w.servers, id) {
		return store.Server{ID: id}, nil
	}
	return store.Server{}, store.ErrNotFound
}

func (w *world) Recordings(_ context.Context, server string, ids []string) (list []store.Recording, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf("%s %d", server, len(ids)))
	for _, id := range ids {
		if r, ok := w.told[id]; ok {
			list = append(list, r)
		}
	}
	return list, w.silent
}

// end tells of the end of a meeting with so many people.
func (w *world) end(t *testing.T, server, id string, people int) {
	t.Helper()
	claim := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "school", MeetingID: "room"}, Server: server, InternalID: id, Recorded: true,
	}
	err := w.Remember(t.Context(), claim, store.Session{
		ID: id, Tenant: "school", Server: server, Start: w.now.Add(-time.Hour), End: w.now, Peak: people, Meeting: "hash",
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pursue asks for what is owed, after a while.
func (w *world) pursue(t *testing.T, later time.Duration) {
	t.Helper()
	w.now = w.now.Add(later)
	if err := w.Pursue(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

// step is how far a recording is that is owed; "" where nothing is owed of it.
func (w *world) step(id string) store.OwedStep {
	if o := w.recordings[id].Owed; o != nil {
		return o.Step
	}
	return ""
}

func as(state store.RecordingState, formats ...string) store.Recording {
	r := store.Recording{RecordID: "a", State: state, Name: "Algebra", Participants: 9, Meta: map[string]string{"tenant-id": "x", "course": "1"}}
	for _, f := range formats {
		r.Formats = append(r.Formats, store.Format{Type: f})
	}
	return r
}

// What a server tells decides what is owed, and what front ends see until the recording is here.
func TestDebts_Steps(t *testing.T) {
	for _, c := range []struct {
		what   string
		people int
		later  time.Duration
		told   []store.Recording
		step   store.OwedStep
		state  store.RecordingState
	}{
		{"not yet", 3, 9 * time.Minute, nil, store.OwedEnded, store.Processing},
		{"nothing", 3, 10 * time.Minute, nil, store.OwedMissing, store.Awaited},
		{"nothing of a meeting that was empty", 0, 10 * time.Minute, nil, store.OwedMissing, store.Awaited},
		{"not yet of a meeting that was empty", 0, time.Minute, nil, store.OwedEnded, store.Awaited},
		{"in the making", 3, time.Minute, []store.Recording{as(store.Processing)}, store.OwedProcessing, store.Processing},
		{"in the making, and empty as it seemed", 0, time.Minute, []store.Recording{as(store.Processing)}, store.OwedProcessing, store.Processing},
		{"made", 3, time.Minute, []store.Recording{as(store.Processed)}, store.OwedProcessed, store.Processed},
		{"published there", 3, time.Minute, []store.Recording{as(store.Published, "video")}, store.OwedPublished, store.Processed},
		{"unpublished there", 3, time.Minute, []store.Recording{as(store.Unpublished, "video")}, store.OwedPublished, store.Processed},
		{"deleted there", 3, time.Hour, []store.Recording{as(store.Deleted)}, store.OwedMissing, store.Awaited},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld()
			w.end(t, "bbb1", "a", c.people)
			for _, r := range c.told {
				w.told["a"] = r
			}
			w.pursue(t, c.later)
			r := w.recordings["a"]
			if w.step("a") != c.step || r.State != c.state {
				t.Errorf("got %s, %s; want %s, %s", w.step("a"), r.State, c.step, c.state)
			}
			if len(c.told) > 0 && (r.Name != "Algebra" || r.Participants != 9 || r.Meta["tenant-id"] != "" || r.Meta["course"] != "1") {
				t.Errorf("described: %+v", r)
			}
		})
	}
}

// A look at a server writes nothing unless something has changed, and what has is logged.
func TestDebts_Unchanged(t *testing.T) {
	w := newWorld()
	w.end(t, "bbb1", "a", 3)
	w.told["a"] = as(store.Processing)
	w.pursue(t, time.Minute)
	since := w.recordings["a"].Owed.Since
	w.fail = nil
	for range 5 {
		w.pursue(t, time.Minute)
	}
	if got := w.recordings["a"].Owed.Since; !got.Equal(since) {
		t.Errorf("the step began %s, and then %s", since, got)
	}
	if n := strings.Count(w.log.String(), "recording on its way"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// Servers are asked often at first, and then ever more rarely; of many recordings in several calls.
func TestDebts_Intervals(t *testing.T) {
	w := newWorld()
	w.end(t, "bbb1", "a", 3)
	w.told["a"] = as(store.Processing)
	for _, c := range []struct{ from, every time.Duration }{
		{0, 5 * time.Second}, {10 * time.Minute, 30 * time.Second}, {time.Hour, 5 * time.Minute}, {6 * time.Hour, 30 * time.Minute},
	} {
		w.now = monday.Add(c.from)
		w.pursue(t, 0)
		w.asked = nil
		w.pursue(t, c.every-time.Second)
		if len(w.asked) != 0 {
			t.Errorf("after %s: asked again after less than %s", c.from, c.every)
		}
		if w.pursue(t, time.Second); len(w.asked) != 1 {
			t.Errorf("after %s: not asked again after %s", c.from, c.every)
		}
	}
	for n := range 120 {
		w.end(t, "bbb1", fmt.Sprint("b", n), 1)
	}
	w.asked = nil
	w.pursue(t, time.Hour)
	if slices.Sort(w.asked); !slices.Equal(w.asked, []string{"bbb1 21", "bbb1 50", "bbb1 50"}) {
		t.Errorf("asked %v", w.asked)
	}
}

// Nothing is expected for ever: of what nobody has recorded, of what its server has lost, and of a server that has left.
func TestDebts_GivenUp(t *testing.T) {
	const days = 24 * time.Hour
	imported := func(r *store.Recording) { r.State, r.Imported = store.Published, monday }
	for what, c := range map[string]struct {
		before func(w *world)
		later  []time.Duration
		gone   bool // from the index
		paid   bool
	}{
		"nobody pressed the button": {later: []time.Duration{time.Hour, 25 * time.Hour}, gone: true},
		"it may still come":         {later: []time.Duration{time.Hour, 23 * time.Hour}},
		"the raw material is gone": {
			before: func(w *world) { w.told["a"] = as(store.Processing) }, later: []time.Duration{time.Hour, 14 * days}, gone: true,
		},
		"silence":          {before: func(w *world) { w.silent = errors.New("no answer") }, later: []time.Duration{13 * days}},
		"silence for ever": {before: func(w *world) { w.silent = errors.New("no answer") }, later: []time.Duration{15 * days}, gone: true},
		"silence of a server that has left": {
			before: func(w *world) { w.silent, w.servers = errors.New("no such server"), nil }, later: []time.Duration{13 * days},
		},
		"here, and its server has left": {
			before: func(w *world) {
				w.silent, w.servers = errors.New("no such server"), nil
				r := w.recordings["a"]
				imported(&r)
				w.recordings["a"] = r
			},
			later: []time.Duration{time.Minute}, paid: true,
		},
		"here, and its server knows nothing of it": {
			before: func(w *world) {
				r := w.recordings["a"]
				imported(&r)
				w.recordings["a"] = r
			},
			later: []time.Duration{time.Minute}, paid: true,
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld()
			w.end(t, "bbb1", "a", 3)
			if c.before != nil {
				c.before(w)
			}
			for _, later := range c.later {
				w.pursue(t, later)
			}
			_, there := w.recordings["a"]
			if there == c.gone || (w.step("a") == "") != (c.gone || c.paid) {
				t.Errorf("%+v", w.recordings["a"])
			}
			if said := strings.Contains(w.log.String(), "no recording of this meeting is expected any more"); said != c.gone {
				t.Errorf("said: %t", said)
			}
		})
	}
}

// A recording that was faster than the news of the end is owed nothing, unless another server has sent it.
func TestDebts_Beside(t *testing.T) {
	here := func(server string, state store.RecordingState) store.Recording {
		return store.Recording{RecordID: "a", Tenant: "school", Server: server, State: state, Imported: monday}
	}
	for what, c := range map[string]struct {
		known store.Recording
		want  store.OwedStep
	}{
		"its own":         {here("bbb1", store.Published), ""},
		"nobody's":        {here("", store.Published), ""},
		"another's":       {here("bbb2", store.Published), store.OwedEnded},
		"another's, gone": {here("bbb2", store.Deleted), ""},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld()
			w.recordings["a"] = c.known
			if w.end(t, "bbb1", "a", 3); w.step("a") != c.want {
				t.Errorf("got %q, want %q", w.step("a"), c.want)
			}
		})
	}
	w := newWorld()
	if err := w.Remember(t.Context(), store.Claim{Server: "bbb1", InternalID: "a"}, store.Session{ID: "a"}); err != nil {
		t.Error(err)
	}
	if len(w.recordings) != 0 || len(w.sessions) != 1 {
		t.Errorf("owed of what was not recorded: %v", w.recordings)
	}
	w.fail = errStore
	if err := w.Remember(t.Context(), store.Claim{}, store.Session{ID: "b"}); !errors.Is(err, errStore) {
		t.Errorf("a store that fails: %v", err)
	}
}

// A server that has got another name owes what it owed under the old one; one that is still there has used the ID of
// another's meeting, and owes nothing.
func TestDebts_Inherit(t *testing.T) {
	for what, c := range map[string]struct {
		servers []string
		forget  bool // the recording is not in the index
		want    string
	}{
		"renamed":                       {[]string{"new"}, false, "new"},
		"renamed, and was never owed":   {[]string{"new"}, true, "new"},
		"another one, with the same ID": {[]string{"old", "new"}, false, "old"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld()
			w.end(t, "old", "a", 3)
			w.servers = c.servers
			if c.forget {
				delete(w.recordings, "a")
			}
			for range 2 {
				w.end(t, "new", "a", 3)
			}
			if r := w.recordings["a"]; r.Owed == nil || r.Owed.Server != c.want || r.Server != c.want {
				t.Errorf("%+v", r)
			}
			if said := strings.Contains(w.log.String(), "the internal ID of another meeting"); said != (c.want == "old") {
				t.Errorf("said: %t", said)
			}
		})
	}
	w := newWorld()
	w.end(t, "old", "a", 3)
	w.servers = []string{"new"}
	r := w.recordings["a"]
	r.Owed = nil
	w.recordings["a"] = r
	if w.end(t, "new", "a", 3); w.step("a") != "" {
		t.Error("what was paid is owed again")
	}
}

// It is looked every five seconds until the end, whatever goes wrong.
func TestDebts_Run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.Now = time.Now
		w.now = time.Now()
		w.end(t, "bbb1", "a", 3)
		w.failing(errStore)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Run(ctx, w)
		}()
		time.Sleep(16 * time.Second)
		synctest.Wait()
		if n := strings.Count(w.log.String(), "look for what servers owe"); n != 3 || w.questions() != 0 {
			t.Errorf("%d tries: %s", n, w.log.String())
		}
		w.failing(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := w.questions(); n != 2 {
			t.Errorf("%d questions", n)
		}
		cancel()
		<-ended
	})
}
