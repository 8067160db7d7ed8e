package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// world is an index, a library and a disk in memory, and everything else that files need.
type world struct {
	*record.Files
	library.Locks

	index   map[string]store.Recording
	moved   map[string]store.RecordingState
	notes   map[string][]byte
	formats map[store.RecordingState][]string
	looked  chan struct{} // hears of each look at the formats
	deny    error         // of the library
	problem string
	hung    bool
	checked int
	stuck   bool // notes cannot be written
	log     bytes.Buffer
	now     time.Time
}

func newWorld(list ...store.Recording) *world {
	w := &world{
		index: map[string]store.Recording{}, moved: map[string]store.RecordingState{}, notes: map[string][]byte{}, now: monday,
	}
	for _, r := range list {
		w.index[r.RecordID] = r
	}
	w.Files = &record.Files{Index: w, Library: w, Disk: w, Log: zerolog.New(&w.log), Now: func() time.Time { return w.now }}
	return w
}

func (w *world) Recording(_ context.Context, id string) (store.Recording, error) {
	if w.index == nil {
		return store.Recording{}, errStore
	}
	r, ok := w.index[id]
	if !ok {
		return r, store.ErrNotFound
	}
	return r, nil
}

func (w *world) UpdateRecording(_ context.Context, _, id string, change func(*store.Recording) error) (store.Recording, error) {
	r, ok := w.index[id]
	if !ok {
		return r, store.ErrNotFound
	}
	err := change(&r)
	w.index[id] = r
	return r, err
}

func (w *world) ScanRecordings(_ context.Context, after string, limit int) (page []store.Recording, err error) {
	if w.index == nil {
		return nil, errStore
	}
	for _, id := range slices.Sorted(maps.Keys(w.index)) {
		if id > after && len(page) < limit {
			page = append(page, w.index[id])
		}
	}
	return page, nil
}

func (w *world) Hold(id string) *library.Held { return w.Locks.Hold(id) }
func (w *world) Prepare() error               { return w.deny }

func (w *world) Move(r *library.Held, state store.RecordingState) error {
	if w.deny == nil {
		w.moved[r.ID] = state
	}
	return w.deny
}

func (w *world) Protect(*library.Held, bool) error { return nil }

func (w *world) Remove(r *library.Held) error {
	if w.deny == nil {
		w.moved[r.ID] = "gone"
	}
	return w.deny
}

func (w *world) Formats(string) (map[store.RecordingState][]string, error) {
	formats := w.formats
	if w.looked != nil {
		w.looked <- struct{}{}
	}
	return formats, w.deny
}

func (w *world) SetNote(r *library.Held, note []byte) error {
	if w.stuck {
		return errors.New("no space left on device")
	}
	w.notes[r.ID] = note
	return nil
}

func (w *world) Note(r *library.Held) ([]byte, error) { return w.notes[r.ID], nil }
func (w *world) Problem() string                      { return w.problem }
func (w *world) Hung() bool                           { return w.hung }
func (w *world) Check(context.Context)                { w.checked++ }

// follow has the files of a recording follow the index.
func (w *world) follow(t *testing.T, id string) error {
	t.Helper()
	held := w.Files.Hold(id)
	defer held.Release()
	return w.Follow(t.Context(), held, w.index[id])
}

// Files go where the state says, those of what was deleted for good go away, and what is yet to come has none.
func TestFiles_Follow(t *testing.T) {
	format := []store.Format{{Type: "video"}}
	w := newWorld(
		store.Recording{RecordID: "plays", State: store.Published, Formats: format},
		store.Recording{RecordID: "trash", State: store.Deleted, Formats: format},
		store.Recording{RecordID: "deleted", State: store.Deleted},
		store.Recording{RecordID: "owed", State: store.Processing},
		store.Recording{RecordID: "awaited", State: store.Awaited},
	)
	for id := range w.index {
		if err := w.follow(t, id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	same(t, w.moved, map[string]store.RecordingState{"plays": store.Published, "trash": store.Deleted, "deleted": "gone"})
	same(t, slices.Sorted(maps.Keys(w.notes)), []string{"plays", "trash"})
}

// What the disk does not allow is written to the index, said once in the log and by Behind, and tried again ever more
// rarely until it works.
func TestFiles_Behind(t *testing.T) {
	w := newWorld(store.Recording{RecordID: "a", State: store.Published})
	w.deny = errors.New("permission denied")
	if err := w.follow(t, "a"); err == nil {
		t.Error("no error")
	}
	if r := w.index["a"]; r.Behind != "permission denied" {
		t.Errorf("in the index: %q", r.Behind)
	}
	if err := w.Behind("a"); !errors.Is(err, record.ErrBehind) || !strings.HasSuffix(err.Error(), ": permission denied") {
		t.Errorf("behind: %v", err)
	}
	retry := func(later time.Duration) {
		t.Helper()
		w.now = w.now.Add(later)
		if err := w.Retry(t.Context()); err != nil {
			t.Error(err)
		}
	}
	tried := func() int { return strings.Count(w.log.String(), "did not follow") }
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{59 * time.Second, 1}, {time.Second, 2}, {time.Minute, 2}, {time.Minute, 3}, {3 * time.Minute, 3}, {time.Minute, 4}} {
		if retry(c.later); tried() != c.want {
			t.Errorf("after another %s: tried %d times, want %d", c.later, tried(), c.want)
		}
	}
	if n := strings.Count(w.log.String(), `"level":"error"`); n != 1 {
		t.Errorf("said %d times", n)
	}
	w.deny = nil
	retry(time.Hour)
	if err := w.Behind("a"); err != nil || w.index["a"].Behind != "" || w.moved["a"] != store.Published {
		t.Errorf("once it works: %v, %+v", err, w.index["a"])
	}
	if !strings.Contains(w.log.String(), "have followed its state") {
		t.Errorf("log: %s", w.log.String())
	}
}

// Nothing is tried while the disk has a problem, or hangs; a recording that is gone is not tried again.
func TestFiles_Retry(t *testing.T) {
	w := newWorld(store.Recording{RecordID: "a", State: store.Published})
	w.deny = errors.New("denied")
	_ = w.follow(t, "a")
	w.problem, w.deny, w.now = "published is full", nil, w.now.Add(time.Hour)
	if err := w.Retry(t.Context()); err != nil || len(w.moved) != 0 {
		t.Errorf("with a problem: %v, %v", err, w.moved)
	}
	w.problem = ""
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Retry(ended); err != nil || len(w.moved) != 0 {
		t.Errorf("at the end: %v, %v", err, w.moved)
	}
	w.hung, w.problem = true, "published is hung"
	if err := w.follow(t, "a"); err == nil || err.Error() != "published is hung" || len(w.moved) != 0 {
		t.Errorf("hung: %v", err)
	}
	w.hung, w.problem = false, ""
	delete(w.index, "a")
	w.now = w.now.Add(time.Hour)
	if err := w.Retry(t.Context()); err != nil || w.Behind("a") != nil {
		t.Errorf("gone: %v, %v", err, w.Behind("a"))
	}
	w.Meet(store.Recording{RecordID: "a", Behind: "x"})
	w.index = nil
	if err := w.Retry(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("a store that fails: %v", err)
	}
}

// What a former run has left is known, and tried at once; what is known already is not tried sooner for it.
func TestFiles_Meet(t *testing.T) {
	w := newWorld(store.Recording{RecordID: "a", State: store.Published, Behind: "denied"})
	w.Meet(store.Recording{RecordID: "well"})
	w.Meet(w.index["a"])
	w.deny = errors.New("still denied")
	if err := w.Retry(t.Context()); err != nil || w.index["a"].Behind != "still denied" {
		t.Errorf("%v, %+v", err, w.index["a"])
	}
	w.Meet(w.index["a"])
	w.deny = nil
	if err := w.Retry(t.Context()); err != nil || len(w.moved) != 0 {
		t.Errorf("tried too soon: %v", w.moved)
	}
	if w.Behind("well") != nil {
		t.Error("what is not behind is")
	}
}

// The problems say how many are behind, name a few of them, and tell the deleted ones from the others.
func TestFiles_Problems(t *testing.T) {
	w := newWorld()
	if got := w.Problems(t.Context()); got != nil {
		t.Errorf("none: %v", got)
	}
	for n := range 5 {
		w.Meet(store.Recording{RecordID: fmt.Sprint("d", n), State: store.Deleted, Behind: fmt.Sprint("reason ", n)})
	}
	w.Meet(store.Recording{RecordID: "b", State: store.Published, Behind: "denied"})
	w.Meet(store.Recording{RecordID: "a", State: store.Unpublished, Behind: "read-only"})
	subject := problems.Subject{Kind: problems.Volume}
	same(t, w.Problems(t.Context()), []problems.Problem{
		{
			Severity: problems.Stuck, Subject: subject, Name: "undeleted", Logged: true,
			Text: "files of deleted recordings are still there, and it is tried again: d0, d1, d2 and 2 more: reason 0",
		},
		{
			Severity: problems.Stuck, Subject: subject, Name: "unmoved", Logged: true,
			Text: "files of recordings are not where their state says, and it is tried again: a, b: read-only",
		},
	})
}

// Nothing is made ready on a disk that is not the right one.
func TestFiles_Prepare(t *testing.T) {
	w := newWorld()
	if err := w.Files.Prepare(t.Context()); err != nil || w.checked != 1 {
		t.Errorf("%v, looked %d times", err, w.checked)
	}
	w.problem = "published is not mounted"
	err := w.Files.Prepare(t.Context())
	if !errors.Is(err, volume.ErrUnusable) || err.Error() != "the volume is not as it should be: published is not mounted" {
		t.Error(err)
	}
	w.problem, w.deny = "", errStore
	if err := w.Files.Prepare(t.Context()); !errors.Is(err, errStore) {
		t.Error(err)
	}
}

// A recording is complete with all of its formats where they can play.
func TestFiles_Complete(t *testing.T) {
	w := newWorld()
	w.formats = map[store.RecordingState][]string{store.Published: {"presentation"}, store.Deleted: {"video"}}
	for _, c := range []struct {
		formats []string
		want    bool
	}{{[]string{"presentation"}, true}, {[]string{"presentation", "video"}, false}, {nil, true}} {
		r := store.Recording{RecordID: "a"}
		for _, name := range c.formats {
			r.Formats = append(r.Formats, store.Format{Type: name})
		}
		if got, err := w.Complete(r); got != c.want || err != nil {
			t.Errorf("%v: %t %v", c.formats, got, err)
		}
	}
	w.deny = errStore
	if _, err := w.Complete(store.Recording{}); !errors.Is(err, errStore) {
		t.Error(err)
	}
}

// What seems to be missing is looked for once more by somebody who holds the recording: it may have been on its way. What is
// there is seen while others hold it.
func TestFiles_Missing(t *testing.T) {
	w := newWorld()
	slides, film := store.Format{Type: "presentation"}, store.Format{Type: "video"}
	r := store.Recording{RecordID: "a", Formats: []store.Format{film, slides}}
	w.formats = map[store.RecordingState][]string{store.Published: {"presentation", "video"}}
	held := w.Hold("a")
	if got, err := w.Missing(r); len(got) != 0 || err != nil {
		t.Errorf("%v %v", got, err)
	}
	w.formats = map[store.RecordingState][]string{store.Unpublished: {"presentation"}}
	w.looked = make(chan struct{}, 1)
	moved := make(chan []store.Format)
	go func() {
		got, err := w.Missing(r)
		if err != nil {
			t.Error(err)
		}
		moved <- got
	}()
	<-w.looked
	select {
	case got := <-moved:
		t.Errorf("did not wait for whoever moves it: %v", got)
	case <-time.After(10 * time.Millisecond):
	}
	w.looked, w.formats = nil, map[store.RecordingState][]string{store.Unpublished: {"presentation", "video"}}
	held.Release()
	if got := <-moved; len(got) != 0 {
		t.Errorf("was on its way: %v", got)
	}
	w.formats = map[store.RecordingState][]string{store.Unpublished: {"presentation"}}
	if got, err := w.Missing(r); err != nil || len(got) != 1 || got[0].Type != "video" || len(r.Formats) != 2 {
		t.Errorf("%v %v", got, err)
	}
}

// What the index knows beyond the files is written beside them where it has changed, and makes a recording again as it was.
func TestFiles_Note(t *testing.T) {
	w := newWorld()
	held := w.Files.Hold("a")
	defer held.Release()
	r := store.Recording{
		RecordID: "a", Tenant: "school", Server: "bbb1", Protected: true, Imported: monday,
		Meta:  map[string]string{"title": "edited", "course": "1"},
		Edits: store.Edits{State: true, Protected: true, Meta: map[string]string{"title": "edited", "secret": ""}},
	}
	w.WriteNote(held, r)
	again := store.Recording{RecordID: "a", Meta: map[string]string{"title": "server's", "secret": "x", "course": "1"}}
	w.ApplyNote(held, &again)
	same(t, again, r)

	before := w.notes["a"]
	w.WriteNote(held, r)
	if &before[0] != &w.notes["a"][0] {
		t.Error("written again, and nothing has changed")
	}
	r.Tenant, w.stuck = "college", true
	if w.WriteNote(held, r); !w.TakeLookAgain() || w.TakeLookAgain() {
		t.Error("what could not be written is not looked for again, or for ever")
	}
	for _, note := range []string{"", "{", "[]"} {
		w.notes["a"] = []byte(note)
		none := store.Recording{RecordID: "a", Tenant: "x"}
		if w.ApplyNote(held, &none); none.Tenant != "x" {
			t.Errorf("%q: %+v", note, none)
		}
	}
}

// All recordings are visited once, page by page, until somebody has seen enough or the store fails.
func TestAll(t *testing.T) {
	w := newWorld()
	for n := range 1203 {
		id := fmt.Sprintf("%05d", n)
		w.index[id] = store.Recording{RecordID: id}
	}
	last, seen := "", 0
	err := record.All(t.Context(), w, func(r store.Recording) error {
		if r.RecordID <= last {
			t.Fatalf("%s after %s", r.RecordID, last)
		}
		last, seen = r.RecordID, seen+1
		return nil
	})
	if err != nil || seen != 1203 {
		t.Errorf("%d seen: %v", seen, err)
	}
	enough := errors.New("enough")
	if err := record.All(t.Context(), w, func(store.Recording) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	w.index = nil
	if err := record.All(t.Context(), w, func(store.Recording) error { return nil }); !errors.Is(err, errStore) {
		t.Error(err)
	}
}
