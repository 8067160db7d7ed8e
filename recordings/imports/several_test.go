package imports_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// join makes another instance over the same records and directories, in an epoch.
func (r *rig) join(t *testing.T, epoch uint64) *rig {
	t.Helper()
	other := *r
	other.Importer = &imports.Importer{
		Config: r.Config, Index: r.db, Owners: r.Owners, Servers: r.db, Live: r.db, Library: r.lib, Disk: r.disk, Files: r.Files,
		Log: r.Log, Now: time.Now, Epoch: func() uint64 { return epoch },
	}
	other.Init()
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &other
}

// What any instance receives is imported by the one that imports, once, as what its sender has sent; whoever else is asked for it
// knows it.
func TestAccept_Elsewhere(t *testing.T) {
	r := newRig(t)
	leader, one, other := r.join(t, 2), r.join(t, 2), r.join(t, 2)
	if err := leader.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	leader.Working(true)
	told := make(chan struct{}, 1)
	one.Arrived = func() { told <- struct{}{} }
	film := pack(t, recordID(1), "video")
	u := r.sent(t, "bbb1", 1, film)
	name := recordID(1) + "-" + u.SHA256[:12] + ".tar"
	if err := one.Accept(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	<-told
	if state, known := other.Known(t.Context(), "bbb1", u.SHA256); !known || state != "waiting" {
		t.Errorf("at another instance: %q %t", state, known)
	}
	if err := other.Accept(t.Context(), r.sent(t, "bbb2", 1, film)); !errors.Is(err, imports.ErrBusy) {
		t.Errorf("the same from another server, at another instance: %v", err)
	}
	if one.Waits(name) || leader.Waits(name) {
		t.Error("it waits where nobody imports, or before anybody has looked")
	}
	if err := leader.LookForUploads(t.Context()); err != nil || !leader.Waits(name) {
		t.Errorf("the one that imports has looked, and it does not wait: %v", err)
	}
	leader.run(t)
	eventually(t, "it is done", func() bool { return r.job(t, name).State == store.JobDone })
	if j := r.job(t, name); j.Server != "bbb1" || j.Source != "upload" {
		t.Errorf("imported as %+v", j)
	}
}

// That an archive has come is found by a look through the spool, too, where the news of it was lost; and it stays its sender's.
func TestSpool_Elsewhere(t *testing.T) {
	r := newRig(t)
	leader, one := r.join(t, 2), r.join(t, 2)
	u := r.sent(t, "bbb1", 1, pack(t, recordID(1), "video"))
	if err := one.Accept(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	leader.Working(true)
	leader.run(t)
	name := recordID(1) + "-" + u.SHA256[:12] + ".tar"
	eventually(t, "it is done", func() bool { return r.job(t, name).State == store.JobDone })
	if j := r.job(t, name); j.Server != "bbb1" || j.Source != "upload" {
		t.Errorf("imported as %+v", j)
	}
}

// One archive that comes to several instances at the same time is accepted by each of them, and imported once.
func TestAccept_Together(t *testing.T) {
	r := newRig(t)
	film := pack(t, recordID(1), "video")
	var together sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d"} {
		instance := r.join(t, 2)
		path := filepath.Join(r.Config.Spool, ".upload-"+id)
		write(t, path, film)
		u := upload.Upload{Name: recordID(1) + ".tar", Server: "bbb1", SHA256: digestOf(film), Path: path, Bytes: int64(len(film))}
		together.Go(func() {
			if err := instance.Accept(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	leader := r.join(t, 2)
	leader.Working(true)
	leader.run(t)
	name := recordID(1) + "-" + digestOf(film)[:12] + ".tar"
	eventually(t, "it is done, and nothing is left", func() bool {
		return r.job(t, name).State == store.JobDone && !strings.Contains(strings.Join(names(t, r.Config.Spool), " "), ".tar")
	})
	if j := r.job(t, name); j.Server != "bbb1" || j.Source != "upload" {
		t.Errorf("imported as %+v", j)
	}
}

// An archive whose job is noted and that is still on its way into the spool is waited for: without its job it would be nobody's.
func TestTry_OnItsWay(t *testing.T) {
	r := newRig(t)
	leader := r.join(t, 2)
	if err := leader.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := recordID(1) + ".tar"
	note := func(created time.Time) {
		t.Helper()
		if _, err := r.db.UpdateJob(t.Context(), name, func(j *store.Job) error {
			*j = store.Job{
				ID: name, Path: filepath.Join(r.Config.Spool, name), Source: "upload", Server: "bbb1", State: store.JobWaiting, Created: created,
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	note(time.Now())
	if j := leader.Try(t.Context(), name); j.State != store.JobWaiting || j.Attempts > 0 {
		t.Errorf("on its way: %+v", j)
	}
	note(time.Now().Add(-time.Hour))
	if j := leader.Try(t.Context(), name); j.State != store.JobDropped || r.job(t, name).State != "" {
		t.Errorf("never came: %+v", j)
	}
}

// A job that a later epoch has begun is left alone.
func TestTry_Taken(t *testing.T) {
	r := newRig(t)
	former, later := r.join(t, 1), r.join(t, 2)
	for _, i := range []*rig{former, later} {
		if err := i.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	id := recordID(1)
	r.drop(t, id+".tar", pack(t, id, "video"))
	for _, i := range []*rig{former, later} {
		scan := i.Scan(t.Context())
		eventually(t, "it is noted", func() bool {
			scan()
			return i.Waits(id + ".tar")
		})
	}
	if j := later.Try(t.Context(), id+".tar"); j.State != store.JobDone {
		t.Fatalf("the later one: %+v", j)
	}
	done := r.job(t, id+".tar")
	_ = former.Try(t.Context(), id+".tar")
	if j := r.job(t, id+".tar"); j.State != done.State || j.Attempts != done.Attempts || !j.Changed.Equal(done.Changed) {
		t.Errorf("the former one has changed %+v to %+v", done, j)
	}
	if former.Waits(id + ".tar") {
		t.Error("it waits at the former one")
	}
}

func digestOf(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }
