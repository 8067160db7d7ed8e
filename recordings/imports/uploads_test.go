package imports_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// sent is an archive that a server has sent, beside the spool.
func (r *rig) sent(t testing.TB, server string, n int, content []byte) upload.Upload {
	t.Helper()
	path := filepath.Join(r.Config.Spool, ".upload-"+server)
	write(t, path, content)
	return upload.Upload{
		Name: recordID(n) + ".tar", Server: server, SHA256: fmt.Sprintf("%x", sha256.Sum256(content)), Path: path,
		Bytes: int64(len(content)),
	}
}

// What a server sends twice is taken once, and known as long as what came of it is here.
func TestAccept(t *testing.T) {
	r := newRig(t)
	film := pack(t, recordID(1), "video")
	u := r.sent(t, "bbb1", 1, film)
	name := recordID(1) + "-" + u.SHA256[:12] + ".tar"
	if _, known := r.Known(t.Context(), "bbb1", u.SHA256); known {
		t.Error("known before it came")
	}
	if err := r.Accept(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if j := r.job(t, name); j.State != store.JobWaiting || j.Server != "bbb1" || j.SHA256 != u.SHA256 || j.Source != "upload" {
		t.Errorf("%+v", j)
	}
	if state, known := r.Known(t.Context(), "bbb1", u.SHA256); !known || state != "waiting" {
		t.Errorf("waiting: %q %t", state, known)
	}
	if _, known := r.Known(t.Context(), "bbb2", u.SHA256); known {
		t.Error("another server's, and not decided about")
	}
	if err := r.Accept(t.Context(), r.sent(t, "bbb2", 1, film)); !errors.Is(err, imports.ErrBusy) {
		t.Errorf("the same from another one: %v", err)
	}
	again := r.sent(t, "bbb1", 1, film)
	if err := r.Accept(t.Context(), again); err != nil || content(t, again.Path) != "" {
		t.Errorf("the same again: %v", err)
	}
	r.run(t)
	eventually(t, "it is done", func() bool { return r.job(t, name).State == store.JobDone })
	if _, known := r.Known(t.Context(), "bbb2", u.SHA256); !known {
		t.Error("decided about, and not known")
	}
	if _, err := r.db.UpdateRecording(t.Context(), "default", recordID(1), func(r *store.Recording) error {
		r.State = store.Deleted
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, known := r.Known(t.Context(), "bbb1", u.SHA256); !known {
		t.Error("deleted by somebody, and to be sent again")
	}
	if err := r.db.DeleteRecording(t.Context(), recordID(1)); err != nil {
		t.Fatal(err)
	}
	if _, known := r.Known(t.Context(), "bbb1", u.SHA256); known {
		t.Error("gone, and known")
	}
	r.disk.set("published is not mounted", 0)
	if _, known := r.Known(t.Context(), "bbb1", u.SHA256); !known {
		t.Error("gone, as far as one can tell without the disk")
	}
}

// What cannot be accepted is an error for its sender, and no job is left that is in the way.
func TestAccept_Fails(t *testing.T) {
	r := newRig(t)
	u := r.sent(t, "bbb1", 1, []byte("x"))
	name := recordID(1) + "-" + u.SHA256[:12] + ".tar"
	r.put(t, store.Job{ID: name, State: store.JobPlacing})
	if err := r.Accept(t.Context(), u); !errors.Is(err, imports.ErrBusy) {
		t.Errorf("while one of its name is being placed: %v", err)
	}
	r.put(t, store.Job{ID: name, State: store.JobDone})
	if err := os.Remove(u.Path); err != nil {
		t.Fatal(err)
	}
	if err := r.Accept(t.Context(), u); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of what is gone: %v", err)
	}
}

// The job of what was sent is there before the archive is, which nobody may take for one without a sender; and a crash in
// between leaves a job that keeps nobody from sending it again, and is forgotten at its first try.
func TestAccept_Crash(t *testing.T) {
	r := newRig(t)
	index := r.Index
	film := pack(t, recordID(1), "video")
	r.Index = &noting{index, func(string) {
		if left := names(t, r.Config.Spool); len(left) != 1 || left[0] != ".upload-bbb1" {
			t.Errorf("in the spool when the job is noted: %v", left)
		}
		if id, _ := r.Take(); id != "" {
			t.Errorf("%s is taken before it came", id)
		}
	}}
	job := r.accepted(t, "bbb1", 1, film)
	if left := names(t, r.Config.Spool); len(left) != 1 || left[0] != job {
		t.Errorf("in the spool after that: %v", left)
	}
	r.Index = index
	if err := os.Remove(filepath.Join(r.Config.Spool, job)); err != nil { // as if it had never come
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(film))
	if state, known := r.Known(t.Context(), "bbb1", sum); known || state != "" {
		t.Errorf("known: %q", state)
	}
	if got := r.Try(t.Context(), job); got.State != store.JobDropped || r.job(t, job).State != "" || r.Waits(job) {
		t.Errorf("%+v", got)
	}
	if again := r.accepted(t, "bbb1", 1, film); again != job || r.job(t, job).State != store.JobWaiting {
		t.Errorf("sent again: %s, %+v", again, r.job(t, job))
	}
}

// What was accepted is known again after a restart, as long as its job is remembered, and by how that stands. What could not
// be imported may be sent again.
func TestKnown(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(r.Config.Spool, "a.tar")
	write(t, path, nil)
	for state, want := range map[store.JobState]bool{
		store.JobWaiting: true, store.JobImporting: true, store.JobPlacing: true, store.JobDone: true, store.JobDropped: true,
		store.JobFailed: false,
	} {
		r.put(t, store.Job{ID: string(state), Path: path, State: state, Server: "bbb1", SHA256: "sum of " + string(state)})
		if _, known := r.Known(t.Context(), "bbb1", "sum of "+string(state)); known {
			t.Errorf("%s: known before the jobs were loaded", state)
		}
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, known := r.Known(t.Context(), "bbb1", "sum of "+string(state))
		if known != want || known != (got == string(state)) {
			t.Errorf("%s: %q %t", state, got, known)
		}
	}
	if err := r.DropJob(t.Context(), string(store.JobDone)); err != nil {
		t.Fatal(err)
	}
	if _, known := r.Known(t.Context(), "bbb1", "sum of done"); known {
		t.Error("known after its job was dropped")
	}
	if err := r.db.DeleteJob(t.Context(), string(store.JobDropped)); err != nil {
		t.Fatal(err)
	}
	if _, known := r.Known(t.Context(), "bbb1", "sum of dropped"); known {
		t.Error("known without a job")
	}
	// The same came again since, under another name: that one is known when the first is forgotten.
	r.put(t, store.Job{ID: "older", Path: path, State: store.JobFailed, Server: "bbb1", SHA256: "twice"})
	r.put(t, store.Job{ID: "younger", Path: path, State: store.JobWaiting, Server: "bbb1", SHA256: "twice"})
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, path, nil)
	j := r.job(t, "older")
	j.Keep = true // the file is the other one's
	r.put(t, j)
	if err := r.DropJob(t.Context(), "older"); err != nil {
		t.Fatal(err)
	}
	if _, known := r.Known(t.Context(), "bbb1", "twice"); !known {
		t.Error("not known by its younger job")
	}
}

// While an archive is at work, its sender is told that it is here, and another one to come again later.
func TestAccept_AtWork(t *testing.T) {
	r := newRig(t)
	film := pack(t, recordID(1), "video")
	job := r.accepted(t, "bbb1", 1, film)
	giveUp := r.Begin(job)
	again, other := r.sent(t, "bbb1", 1, film), r.sent(t, "bbb2", 1, film)
	if err := r.Accept(t.Context(), again); err != nil || content(t, again.Path) != "" {
		t.Errorf("the same again: %v", err)
	}
	if err := r.Accept(t.Context(), other); !errors.Is(err, imports.ErrBusy) || content(t, other.Path) == "" {
		t.Errorf("from another one: %v", err)
	}
	giveUp()
	if got := r.Try(t.Context(), job); got.State != store.JobDone {
		t.Fatalf("%+v", got)
	}
	if err := r.Accept(t.Context(), other); err != nil || content(t, other.Path) != "" {
		t.Errorf("once it is decided about: %v", err)
	}
	if jobs, err := r.db.Jobs(t.Context(), store.JobFilter{}); len(jobs) != 1 || err != nil {
		t.Errorf("%+v %v", jobs, err)
	}
}
