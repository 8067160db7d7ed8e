package imports_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// put stores a job as it is.
func (r *rig) put(t testing.TB, j store.Job) {
	t.Helper()
	if _, err := r.db.UpdateJob(t.Context(), j.ID, func(now *store.Job) error {
		*now = j
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// An archive in the spool becomes a recording that plays, and is gone then; the metrics say so, and all of them are declared.
func TestImporter(t *testing.T) {
	r := newRig(t)
	r.run(t)
	id := recordID(1)
	r.drop(t, id+".tar", pack(t, id, "presentation", "video"))
	eventually(t, "it is done", func() bool { return r.job(t, id+".tar").State == store.JobDone })
	got, err := r.db.Recording(t.Context(), id)
	if err != nil || got.State != store.Published || len(got.Formats) != 2 || got.Tenant != "default" || got.Name != "Algebra" {
		t.Errorf("%+v %v", got, err)
	}
	if f, err := r.lib.Open(id, "video", "media.txt"); err != nil {
		t.Error(err)
	} else {
		_ = f.Close()
	}
	if left := names(t, r.Config.Spool); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	var b bytes.Buffer
	eventually(t, "it is counted, after it was done", func() bool {
		b.Reset()
		r.WriteMetrics(t.Context(), &b)
		return strings.Contains(b.String(), "bbbpool_imports_total 1\n")
	})
	for _, want := range []string{
		"bbbpool_imports_failed_total 0\n", `bbbpool_import_jobs{state="waiting"} 0`,
		"bbbpool_import_oldest_seconds 0\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	written := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		written[line[:strings.IndexAny(line, "{ ")]] = true
	}
	for _, f := range imports.Families {
		if !written[f.Name] || f.Help == "" || f.Type == "" {
			t.Errorf("%+v of %v", f, written)
		}
		delete(written, f.Name)
	}
	if len(written) > 0 {
		t.Errorf("not declared: %v", written)
	}
}

// Of a page of jobs, what is ignored is a part where it belongs; one that nobody has tried waits for what keeps all.
func TestJobs(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"b.zip", "d.zip"} {
		write(t, filepath.Join(r.Config.Spool, name), []byte("x"))
	}
	for _, id := range []string{"a.tar", "c.tar", "e.tar"} {
		r.put(t, store.Job{ID: id, State: store.JobWaiting})
	}
	list := func(f store.JobFilter) (ids []string) {
		t.Helper()
		jobs, err := r.Jobs(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			ids = append(ids, j.ID)
		}
		return ids
	}
	for _, c := range []struct {
		f    store.JobFilter
		want []string
	}{
		{store.JobFilter{}, []string{"a.tar", "b.zip", "c.tar", "d.zip", "e.tar"}},
		{store.JobFilter{Limit: 2}, []string{"a.tar", "b.zip"}},
		{store.JobFilter{After: "b.zip", Limit: 2}, []string{"c.tar", "d.zip"}},
		{store.JobFilter{After: "d.zip", Limit: 2}, []string{"e.tar"}},
		{store.JobFilter{States: []store.JobState{imports.JobIgnored}}, []string{"b.zip", "d.zip"}},
		{store.JobFilter{States: []store.JobState{store.JobWaiting}}, []string{"a.tar", "c.tar", "e.tar"}},
	} {
		if got := list(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.f, got, c.want)
		}
	}
	r.disk.set("published is full", 0)
	jobs, err := r.Jobs(t.Context(), store.JobFilter{})
	if err != nil || len(jobs) != 3 || jobs[0].Reason != "published is full" {
		t.Errorf("on a disk with a problem: %+v %v", jobs, err)
	}
}

// A job can be tried again or dropped unless it is over, at work, or not there.
func TestJobs_Changed(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(r.Config.Spool, "quarantine", "a.tar")
	write(t, path, []byte("mended"))
	r.put(t, store.Job{ID: "a.tar", Path: path, State: store.JobFailed, Attempts: 5, Reason: "bad", Next: monday.Add(time.Hour)})
	j, err := r.Retry(t.Context(), "a.tar")
	if err != nil || j.State != store.JobWaiting || j.Attempts != 0 || j.Reason != "" || !j.Next.IsZero() || j.Bytes != 6 {
		t.Errorf("retried: %+v %v", j, err)
	}
	for state, want := range map[store.JobState]error{
		store.JobDone: imports.ErrOver, store.JobDropped: imports.ErrOver, store.JobPlacing: nil, store.JobImporting: nil,
	} {
		r.put(t, store.Job{ID: string(state), State: state})
		if _, err := r.Retry(t.Context(), string(state)); !errors.Is(err, want) {
			t.Errorf("retry of what is %s: %v", state, err)
		}
	}
	if _, err := r.Retry(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("retry of nothing: %v", err)
	}
	if err := r.DropJob(t.Context(), string(store.JobPlacing)); !errors.Is(err, imports.ErrBusy) {
		t.Errorf("drop of what is being placed: %v", err)
	}
	if err := r.DropJob(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("drop of nothing: %v", err)
	}
	if err := r.DropJob(t.Context(), "a.tar"); err != nil || r.job(t, "a.tar").State != "" || content(t, path) != "" {
		t.Errorf("dropped: %v, %+v", err, r.job(t, "a.tar"))
	}
	kept := filepath.Join(t.TempDir(), "kept.tar")
	write(t, kept, []byte("x"))
	r.put(t, store.Job{ID: kept, Path: kept, State: store.JobFailed, Keep: true})
	if err := r.DropJob(t.Context(), kept); err != nil || content(t, kept) != "x" {
		t.Errorf("an operator's own: %v", err)
	}
}

// The store waits for nothing but itself: a disk that does not answer must not keep the whole pool from writing.
func TestRetry_LooksBefore(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(r.Config.Spool, "a.tar")
	write(t, path, []byte("mended"))
	r.put(t, store.Job{ID: "a.tar", Path: path, State: store.JobFailed})
	r.Index = &within{r.Index, func() { write(t, path, []byte("grown since")) }}
	if j, err := r.Retry(t.Context(), "a.tar"); err != nil || j.Bytes != 6 || j.Modified.IsZero() {
		t.Errorf("looked at the disk within a transaction: %+v %v", j, err)
	}
}

// within is an index that calls something within each transaction on a job.
type within struct {
	imports.Index
	call func()
}

func (w *within) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	return w.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		w.call()
		return change(j)
	})
}

// Jobs that are over are remembered for a week, and those that left something behind for longer.
func TestForgetOld(t *testing.T) {
	r := newRig(t)
	old := monday.Add(-8 * 24 * time.Hour)
	for _, j := range []store.Job{
		{ID: "done", State: store.JobDone, Changed: old},
		{ID: "dropped", State: store.JobDropped, Reason: "deleted", Changed: old},
		{ID: "left", State: store.JobDone, Reason: "the archive cannot be removed", Changed: old},
		{ID: "failed", State: store.JobFailed, Changed: old},
		{ID: "new", State: store.JobDone, Changed: monday.Add(-time.Hour)},
	} {
		r.put(t, j)
	}
	if err := r.ForgetOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	jobs, err := r.db.Jobs(t.Context(), store.JobFilter{})
	var ids []string
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	if !slices.Equal(ids, []string{"failed", "left", "new"}) || err != nil {
		t.Errorf("left: %v %v", ids, err)
	}
}

// Jobs that were open when the program ended go on: those that were committed first of all, and the others in their time.
func TestLoad(t *testing.T) {
	r := newRig(t)
	r.Config.Precompress = true
	first, second := recordID(1), recordID(2)
	path := filepath.Join(r.Config.Spool, second+".tar")
	write(t, path, pack(t, second, "video"))
	dir, err := r.lib.Stage("staging")
	if err != nil {
		t.Fatal(err)
	}
	tree(t, dir, first, "video")
	if err := errors.Join(r.lib.Seal("staging"), r.db.CreateRecording(t.Context(), store.Recording{
		RecordID: first, Tenant: "default", State: store.Published, Formats: []store.Format{{Type: "video"}},
	})); err != nil {
		t.Fatal(err)
	}
	r.put(t, store.Job{
		ID: first + ".tar", Path: filepath.Join(r.Config.Spool, first+".tar"), State: store.JobPlacing, Staging: "staging",
		Recordings: []string{first}, Next: r.now.Add(time.Hour),
	})
	waiting := known(t, second+".tar", path)
	waiting.State = store.JobImporting
	r.put(t, waiting)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j := r.job(t, first+".tar"); j.State != store.JobDone || j.Staging != "" {
		t.Errorf("%+v", j)
	}
	if _, ok := r.lib.Path(first, "video"); !ok {
		t.Error("not placed")
	}
	r.run(t)
	eventually(t, "the other is done", func() bool { return r.job(t, second+".tar").State == store.JobDone })
}

// What was cut off by the end of the program, again and again, is what ends it.
func TestAttempt_CutOff(t *testing.T) {
	r, path := newRig(t), filepath.Join(t.TempDir(), "a.tar")
	write(t, path, pack(t, recordID(1), "video"))
	j := known(t, "a.tar", path)
	j.State, j.Attempts, j.Keep = store.JobImporting, 5, true
	r.put(t, j)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.run(t)
	eventually(t, "it has failed", func() bool { return r.job(t, "a.tar").State == store.JobFailed })
	if j := r.job(t, "a.tar"); !strings.Contains(j.Reason, "bbbpool ended, each time") || content(t, path) == "" {
		t.Errorf("%+v", j)
	}
}

// ailing is a library that fails where a test wants it.
type ailing struct {
	*library.Library
	fail map[string]error // by the name of the method
}

func (a *ailing) Stage(name string) (string, error) {
	if err := a.fail["Stage"]; err != nil {
		return "", err
	}
	return a.Library.Stage(name)
}

func (a *ailing) Discard(name string) error {
	if err := a.fail["Discard"]; err != nil {
		return err
	}
	return a.Library.Discard(name)
}

// What comes of an attempt depends on what went wrong, and what is in the way of the outcome is said with it.
func TestConclude(t *testing.T) {
	for what, c := range map[string]struct {
		content func(archive []byte) []byte
		library map[string]error
		before  func(t *testing.T, r *rig, path string)
		state   store.JobState
		reason  string
	}{
		"good":      {state: store.JobDone},
		"bad":       {content: broken, state: store.JobFailed, reason: "metadata.xml"},
		"cut off":   {content: func(b []byte) []byte { return b[:600] }, state: store.JobWaiting, reason: "perhaps it is still being copied"},
		"no room":   {library: map[string]error{"Stage": syscall.ENOSPC}, state: store.JobWaiting, reason: "no space left"},
		"read-only": {library: map[string]error{"Stage": syscall.EROFS}, state: store.JobWaiting, reason: "read-only"},
		"denied":    {library: map[string]error{"Stage": syscall.EACCES}, state: store.JobWaiting, reason: "permission denied"},
		"not tidied": {
			library: map[string]error{"Discard": syscall.EIO}, state: store.JobPlacing, reason: "input/output error",
		},
		"deleted here": {
			before: func(t *testing.T, r *rig, _ string) {
				t.Helper()
				if err := r.db.CreateRecording(t.Context(), store.Recording{
					RecordID: recordID(1), Tenant: "default", State: store.Deleted,
				}); err != nil {
					t.Fatal(err)
				}
			},
			state: store.JobDropped, reason: "was deleted here",
		},
		"directory of a recording that is gone": {
			before: func(t *testing.T, _ *rig, path string) {
				t.Helper()
				if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o750)); err != nil {
					t.Fatal(err)
				}
			},
			state: store.JobWaiting, reason: "a directory holds one recording",
		},
	} {
		t.Run(what, func(t *testing.T) {
			r, path := newRig(t), filepath.Join(t.TempDir(), "a.tar")
			r.Library = &ailing{r.lib, c.library}
			archive := pack(t, recordID(1), "video")
			if c.content != nil {
				archive = c.content(archive)
			}
			write(t, path, archive)
			j := known(t, path, path)
			if c.before != nil {
				c.before(t, r, path)
			}
			j.State, j.Keep = store.JobWaiting, true
			r.put(t, j)
			if err := r.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				r.Dispatch(ctx)
			}()
			eventually(t, "it was tried", func() bool {
				j := r.job(t, path)
				return j.State != store.JobImporting && (j.State != store.JobWaiting || j.Reason != "") &&
					(j.State != store.JobPlacing || j.Reason != "")
			})
			cancel()
			<-ended
			if j := r.job(t, path); j.State != c.state || !strings.Contains(j.Reason, c.reason) {
				t.Errorf("%+v", j)
			}
		})
	}
}

// A job whose archive is gone is forgotten, and so is one whose archive is another one by now: that gets a job of its own.
func TestConclude_Gone(t *testing.T) {
	r := newRig(t)
	gone, changed := filepath.Join(r.Config.Spool, "gone.tar"), filepath.Join(r.Config.Spool, "changed.tar")
	write(t, changed, pack(t, recordID(1), "video"))
	r.put(t, store.Job{ID: "gone.tar", Path: gone, State: store.JobWaiting, SHA256: "x", Bytes: 7, Modified: monday})
	r.put(t, store.Job{ID: "changed.tar", Path: changed, State: store.JobWaiting, Bytes: 7, Modified: monday})
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Dispatch(ctx)
	}()
	eventually(t, "both are forgotten", func() bool {
		return r.job(t, "gone.tar").State == "" && r.job(t, "changed.tar").State == ""
	})
	cancel()
	<-ended
	if content(t, changed) == "" {
		t.Error("removed an archive that it was not made for")
	}
	if _, known := r.Known(t.Context(), "bbb1", "x"); known {
		t.Error("still known")
	}
}

// What has arrived is merged with what is known: people's choices win, other formats stay, and what was deleted stays so.
func TestMerge(t *testing.T) {
	film := []store.Format{{Type: "video", Bytes: 2}}
	come := store.Recording{
		RecordID: "a", Tenant: "school", Server: "bbb1", MeetingID: "room", Name: "Algebra", State: store.Published, Formats: film,
		Meta: map[string]string{"course": "1"},
	}
	for _, c := range []struct {
		what   string
		known  store.Recording
		come   func(*store.Recording)
		config imports.Config
		want   func(*store.Recording)
	}{
		{
			what: "new", known: store.Recording{RecordID: "a"},
			want: func(r *store.Recording) { r.Changed = monday },
		},
		{
			what: "new, hidden and protected", known: store.Recording{RecordID: "a"},
			config: imports.Config{Hidden: true, Protect: true},
			want: func(r *store.Recording) {
				r.State, r.Protected, r.Changed = store.Unpublished, true, monday
			},
		},
		{
			what:  "published by somebody",
			known: store.Recording{RecordID: "a", Tenant: "college", State: store.Unpublished, Edits: store.Edits{State: true}, Imported: monday},
			want: func(r *store.Recording) {
				r.Tenant, r.State, r.Edits.State = "college", store.Unpublished, true
			},
		},
		{
			what: "one more format",
			known: store.Recording{
				RecordID: "a", Tenant: "school", Server: "bbb2", State: store.Published, Imported: monday.Add(-time.Hour),
				Formats: []store.Format{{Type: "presentation", Bytes: 1}, {Type: "video", Bytes: 1}},
			},
			want: func(r *store.Recording) {
				r.Server, r.Formats = "bbb2", []store.Format{{Type: "presentation", Bytes: 1}, film[0]}
			},
		},
		{
			what:  "the tenant that it names is here by now",
			known: store.Recording{RecordID: "a", Tenant: "default", Claimed: "school", State: store.Published, Imported: monday},
			want:  func(*store.Recording) {},
		},
		{
			what:  "the tenant that it names is not here yet",
			known: store.Recording{RecordID: "a", Tenant: "default", Claimed: "school", State: store.Published, Imported: monday},
			come:  func(r *store.Recording) { r.Tenant, r.Claimed = "default", "school" },
			want:  func(r *store.Recording) { r.Tenant, r.Claimed = "default", "school" },
		},
		{
			what:   "unpublished again where new ones are",
			known:  store.Recording{RecordID: "a", Tenant: "school", State: store.Unpublished, Imported: monday},
			config: imports.Config{Hidden: true},
			want:   func(r *store.Recording) { r.State = store.Unpublished },
		},
		{
			what: "owed",
			known: store.Recording{
				RecordID: "a", Tenant: "school", State: store.Processing,
				Owed: &store.Owed{Step: store.OwedPublished, Formats: []string{"video", "notes"}},
			},
			want: func(r *store.Recording) {
				r.Owed, r.Changed = &store.Owed{Step: store.OwedPublished, Formats: []string{"notes"}}, monday
			},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			arrived, want := come, come
			if c.come != nil {
				c.come(&arrived)
			}
			want.Imported = monday
			c.want(&want)
			got, err := imports.Merged(c.known, arrived, false, monday, c.config)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	deleted := store.Recording{RecordID: "a", Tenant: "school", State: store.Deleted, Name: "old", Edits: store.Edits{State: true}}
	if _, err := imports.Merged(deleted, come, false, monday, imports.Config{}); err == nil {
		t.Error("a late archive brought it back")
	}
	got, err := imports.Merged(deleted, come, true, monday, imports.Config{})
	if err != nil || got.State != store.Published || got.Edits.State || got.Name != "Algebra" {
		t.Errorf("by force: %+v %v", got, err)
	}
}
