package imports_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// spooled lets an archive of a recording wait in the spool.
func (r *rig) spooled(t testing.TB, id string, content []byte) (job, path string) {
	t.Helper()
	path = r.at(t, id+".tar", content, monday)
	r.put(t, store.Job{ID: id + ".tar", Path: path, State: store.JobWaiting, Source: "spool", Bytes: int64(len(content)), Modified: monday})
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return id + ".tar", path
}

// steps is a library that tells of what is done with stagings, in order, and can fail.
type steps struct {
	*library.Library
	done []string
	fail func(step string) error
}

func (s *steps) step(name string) error {
	s.done = append(s.done, name)
	if s.fail != nil {
		return s.fail(name)
	}
	return nil
}

func (s *steps) Stage(name string) (string, error) {
	if err := s.step("stage"); err != nil {
		return "", err
	}
	return s.Library.Stage(name)
}

func (s *steps) Seal(name string) error {
	if err := s.step("seal"); err != nil {
		return err
	}
	return s.Library.Seal(name)
}

func (s *steps) Place(name string, r *library.Held, formats []string, state store.RecordingState) error {
	if err := s.step("place"); err != nil {
		return err
	}
	return s.Library.Place(name, r, formats, state)
}

func (s *steps) Discard(name string) error {
	if err := s.step("discard"); err != nil {
		return err
	}
	return s.Library.Discard(name)
}

// committing is an index that tells of commits among the steps.
type committing struct {
	imports.Index
	steps *steps
}

func (c *committing) Commit(
	ctx context.Context, j store.Job, ids []string, change func(*store.Recording) error, tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	if err := c.steps.step("commit"); err != nil {
		return nil, err
	}
	return c.Index.Commit(ctx, j, ids, change, tell...)
}

// stepped has the steps of the rig's importer told.
func (r *rig) stepped() *steps {
	s := &steps{Library: r.lib}
	r.Library, r.Index = s, &committing{r.Index, s}
	return s
}

// What was unpacked is made durable before it is committed, and committed before it is put in place; the archive goes last.
func TestAttempt_Order(t *testing.T) {
	r := newRig(t)
	s := r.stepped()
	job, path := r.spooled(t, recordID(1), pack(t, recordID(1), "video"))
	s.fail = func(step string) error {
		if content(t, path) == "" {
			t.Errorf("the archive is gone before the step %q", step)
		}
		switch state := r.job(t, job).State; {
		case (step == "stage" || step == "seal" || step == "commit") && state != store.JobImporting,
			(step == "place" || step == "discard") && state != store.JobPlacing:
			t.Errorf("the job is %s at the step %q", state, step)
		}
		return nil
	}
	if got := r.Try(t.Context(), job); got.State != store.JobDone || content(t, path) != "" {
		t.Errorf("%+v", got)
	}
	if want := []string{"stage", "seal", "commit", "place", "discard"}; !slices.Equal(s.done, want) {
		t.Errorf("%v, want %v", s.done, want)
	}
	if r.Waits(job) {
		t.Error("waits for another try")
	}
}

// Whatever step fails: before the commit nothing has changed, and nothing of it is left; after it, the rest is done the next
// time, from there. The archive stays until all is done.
func TestAttempt_Fails(t *testing.T) {
	for _, c := range []struct {
		step  string
		state store.JobState
		again []string // the steps of the next try
	}{
		{"stage", store.JobWaiting, []string{"stage", "seal", "commit", "place", "discard"}},
		{"seal", store.JobWaiting, []string{"stage", "seal", "commit", "place", "discard"}},
		{"commit", store.JobWaiting, []string{"stage", "seal", "commit", "place", "discard"}},
		{"place", store.JobPlacing, []string{"place", "discard"}},
		{"discard", store.JobPlacing, []string{"place", "discard"}},
	} {
		t.Run(c.step, func(t *testing.T) {
			r := newRig(t)
			s := r.stepped()
			job, path := r.spooled(t, recordID(1), pack(t, recordID(1), "video"))
			s.fail = func(step string) error {
				if step == c.step {
					return syscall.EIO
				}
				return nil
			}
			got := r.Try(t.Context(), job)
			if got.State != c.state || got.Attempts != 1 || !strings.Contains(got.Reason, "input/output error") || !got.Next.After(r.now) {
				t.Errorf("%+v", got)
			}
			if !r.Waits(job) || content(t, path) == "" {
				t.Error("not tried again")
			}
			_, err := r.db.Recording(t.Context(), recordID(1))
			if committed := err == nil; committed != (c.state == store.JobPlacing) {
				t.Errorf("in the index: %v", err)
			}
			if left, _ := r.lib.Stagings(); (len(left) > 0) != (c.state == store.JobPlacing) {
				t.Errorf("staged: %v", left)
			}
			ids, err := r.Placing(t.Context())
			if err != nil || ids[recordID(1)] != (c.state == store.JobPlacing) {
				t.Errorf("being placed: %v %v", ids, err)
			}
			s.fail, s.done = nil, nil
			if got := r.Try(t.Context(), job); got.State != store.JobDone || got.Reason != "" || content(t, path) != "" {
				t.Errorf("again: %+v", got)
			}
			if !slices.Equal(s.done, c.again) {
				t.Errorf("again: %v, want %v", s.done, c.again)
			}
			if _, ok := r.lib.Path(recordID(1), "video"); !ok {
				t.Error("not in place")
			}
		})
	}
}

// That the program ends in the middle of an import is not the archive's fault.
func TestAttempt_BrokenOff(t *testing.T) {
	r := newRig(t)
	s := r.stepped()
	job, path := r.spooled(t, recordID(1), pack(t, recordID(1), "video"))
	ctx, cancel := context.WithCancel(t.Context())
	s.fail = func(step string) error {
		if step == "seal" {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	got := r.Try(ctx, job)
	if got.State != store.JobWaiting || got.Attempts != 0 || got.Reason != "it was broken off, and goes on by itself" || got.Next.After(r.now) {
		t.Errorf("%+v", got)
	}
	if left, err := r.lib.Stagings(); len(left) != 0 || err != nil || content(t, path) == "" {
		t.Errorf("left: %v %v", left, err)
	}
}

// A recording that somebody takes out of the index while its files are put in place is imported anew, from the start.
func TestAttempt_Vanished(t *testing.T) {
	r := newRig(t)
	s := r.stepped()
	job, path := r.spooled(t, recordID(1), pack(t, recordID(1), "video"))
	s.fail = func(step string) error {
		if step == "place" {
			return syscall.EIO
		}
		return nil
	}
	r.Try(t.Context(), job)
	if err := r.db.DeleteRecording(t.Context(), recordID(1)); err != nil {
		t.Fatal(err)
	}
	s.fail = func(step string) error {
		if step == "discard" {
			return syscall.EACCES
		}
		return nil
	}
	if got := r.Try(t.Context(), job); got.State != store.JobPlacing || !strings.Contains(got.Reason, "permission denied") {
		t.Errorf("while what is staged cannot be discarded: %+v", got)
	}
	s.fail = nil
	got := r.Try(t.Context(), job)
	if got.State != store.JobWaiting || got.Staging != "" || !got.Next.IsZero() || !strings.Contains(got.Reason, "was taken out of the index") {
		t.Errorf("%+v", got)
	}
	if left, err := r.lib.Stagings(); len(left) != 0 || err != nil || content(t, path) == "" || !r.Waits(job) {
		t.Errorf("left: %v %v", left, err)
	}
	if got := r.Try(t.Context(), job); got.State != store.JobDone {
		t.Errorf("from the start: %+v", got)
	}
}

// One that is deleted while its files are put in place is not brought back by them.
func TestAttempt_DeletedMeanwhile(t *testing.T) {
	for what, kept := range map[string]bool{"for good": false, "into the trash": true} {
		r := newRig(t)
		s := r.stepped()
		job, _ := r.spooled(t, recordID(1), pack(t, recordID(1), "video"))
		s.fail = func(step string) error {
			if step == "place" {
				return syscall.EIO
			}
			return nil
		}
		r.Try(t.Context(), job)
		if _, err := r.db.UpdateRecording(t.Context(), "default", recordID(1), func(r *store.Recording) error {
			r.State = store.Deleted
			if !kept {
				r.Formats = nil
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		s.fail = nil
		if got := r.Try(t.Context(), job); got.State != store.JobDone {
			t.Errorf("%s: %+v", what, got)
		}
		places, err := r.lib.Formats(recordID(1))
		if err != nil || len(places[store.Published]) != 0 || (len(places[store.Deleted]) == 1) != kept {
			t.Errorf("%s: %v %v", what, places, err)
		}
	}
}

// forgetful is an index that cannot write jobs down while a test wants it so.
type forgetful struct {
	imports.Index
	after, writes int // fails after so many writes
}

var errStore = errors.New("the store is full")

func (f *forgetful) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	if f.writes++; f.writes > f.after {
		return store.Job{}, errStore
	}
	return f.Index.UpdateJob(ctx, id, change)
}

// An archive goes to quarantine once its job says so, and not before: one there without a job would be nobody's.
func TestFail(t *testing.T) {
	r := newRig(t)
	index := r.Index
	job, path := r.spooled(t, recordID(1), broken(pack(t, recordID(1), "video")))
	r.Index = &forgetful{Index: index, after: 1}
	if got := r.Try(t.Context(), job); got.State != store.JobImporting || content(t, path) == "" || !r.Waits(job) {
		t.Errorf("while it cannot be noted: %+v", got)
	}
	if !strings.Contains(r.log.b.String(), `"error":"the store is full","archive":"`+job+`","message":"note how an import stands"`) {
		t.Errorf("log: %s", r.log.b.String())
	}
	r.Index = index
	quarantine := filepath.Join(r.Config.Spool, "quarantine")
	if err := os.Remove(quarantine); err != nil { // which is empty
		t.Fatal(err)
	}
	write(t, quarantine, nil) // so that it cannot be made
	got := r.Try(t.Context(), job)
	if got.State != store.JobFailed || got.Path != path || !strings.Contains(got.Reason, "; the archive stays in the spool: ") || r.Waits(job) {
		t.Errorf("without a quarantine: %+v", got)
	}
	if err := os.Remove(quarantine); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(quarantine, job), []byte("the one before"))
	if _, err := r.Retry(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	got = r.Try(t.Context(), job)
	want := filepath.Join(quarantine, recordID(1)+"-again2.tar")
	if got.State != store.JobFailed || got.Path != want || content(t, want) == "" || content(t, path) != "" || got.Attempts != 1 {
		t.Errorf("beside the one before: %+v", got)
	}
	if content(t, filepath.Join(quarantine, job)) != "the one before" {
		t.Error("the one before is gone")
	}
	if n := strings.Count(r.log.b.String(), "import failed: see bbbpool recording jobs"); n != 2 {
		t.Errorf("said %d times", n)
	}
}

// A job that is over is not tried, nor is one that is not there. Neither waits from then on.
func TestAttempt_Settled(t *testing.T) {
	r := newRig(t)
	s := r.stepped()
	for _, state := range []store.JobState{store.JobDone, store.JobDropped, store.JobFailed, ""} {
		id := string(state) + ".tar"
		if state != "" {
			r.put(t, store.Job{ID: id, State: state, Attempts: 3})
		}
		if got := r.Try(t.Context(), id); got.State != "" || r.Waits(id) || r.job(t, id).State != state || len(s.done) != 0 {
			t.Errorf("%s: %+v, %v", state, got, s.done)
		}
	}
	if text := r.log.b.String(); text != "" {
		t.Errorf("log: %s", text)
	}
}

// A job that finds no room is not blamed, and waits longer each time; so do all others meanwhile.
func TestAttempt_NoRoom(t *testing.T) {
	r := newRig(t)
	job, _ := r.spooled(t, recordID(1), pack(t, recordID(1), "video"))
	other, _ := r.spooled(t, recordID(2), pack(t, recordID(2), "video"))
	r.disk.set("", 1)
	longest := time.Duration(0)
	for n := range 12 {
		got := r.Try(t.Context(), job)
		wait := got.Next.Sub(r.now)
		ideal := min(10*time.Second<<n, imports.MaxPause)
		if got.State != store.JobWaiting || got.Attempts != 0 || wait > ideal || wait < ideal*4/5-time.Second {
			t.Errorf("the %d. time: after %s, of %s: %+v", n+1, wait, ideal, got)
		}
		longest = max(longest, wait)
		r.now = r.now.Add(wait)
	}
	if longest < imports.MaxPause*4/5 {
		t.Errorf("at most %s", longest)
	}
	if got := r.job(t, job); !strings.Contains(got.Reason, "do not fit") {
		t.Errorf("%+v", got)
	}
	r.disk.set("published is full", 0)
	if got := r.Try(t.Context(), other); got.Reason != "published is full" || got.Attempts != 0 {
		t.Errorf("on a disk with a problem: %+v", got)
	}
	r.disk.set("", 0)
	if got := r.Try(t.Context(), job); got.State != store.JobDone {
		t.Errorf("once there is room: %+v", got)
	}
}

// narrow is a library in which it is counted how many unpack at the same time, and of which recordings.
type narrow struct {
	*library.Library
	inside, most atomic.Int64
	enter        chan struct{}
}

func (n *narrow) Stage(name string) (string, error) {
	now := n.inside.Add(1)
	defer n.inside.Add(-1)
	for most := n.most.Load(); now > most && !n.most.CompareAndSwap(most, now); most = n.most.Load() {
	}
	<-n.enter
	return n.Library.Stage(name)
}

// So many are imported at a time as is set, and no more; what comes last of one recording has the last word.
func TestDispatch(t *testing.T) {
	r := newRig(t)
	slow := &narrow{Library: r.lib, enter: make(chan struct{})}
	r.Library = slow
	for n := range 5 {
		r.spooled(t, recordID(n), pack(t, recordID(n), "video"))
	}
	var editions []string
	for n, format := range []string{"video", "podcast", "video"} {
		id := recordID(9)
		path := r.at(t, id+string(rune('a'+n))+".tar", pack(t, id, format), monday.Add(time.Duration(n)*time.Minute))
		j := known(t, filepath.Base(path), path)
		j.State = store.JobWaiting
		r.put(t, j)
		editions = append(editions, j.ID)
	}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Dispatch(ctx)
	}()
	for n := range 8 {
		eventually(t, "as many as may are at work", func() bool { return slow.inside.Load() == min(2, int64(8-n)) })
		slow.enter <- struct{}{}
	}
	eventually(t, "all are done", func() bool {
		done, err := r.db.Jobs(t.Context(), store.JobFilter{States: []store.JobState{store.JobDone}})
		return err == nil && len(done) == 8
	})
	cancel()
	<-ended
	if slow.most.Load() != 2 {
		t.Errorf("%d at a time", slow.most.Load())
	}
	text := r.log.b.String()
	at := func(id string) int { return strings.Index(text, `"archive":"`+id+`"`) }
	if at(editions[0]) > at(editions[1]) || at(editions[1]) > at(editions[2]) {
		t.Errorf("out of order: %s", text)
	}
}
