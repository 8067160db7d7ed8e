package recordings_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// balky is a library that does not put anything in place for a while.
type balky struct {
	recordings.Library
	refuse atomic.Bool
	tried  atomic.Int64
}

func (b *balky) Place(name string, r *library.Held, formats []string, state store.RecordingState) error {
	b.tried.Add(1)
	if b.refuse.Load() {
		return &fs.PathError{Op: "rename", Path: r.ID, Err: syscall.EIO}
	}
	return b.Library.Place(name, r, formats, state)
}

// placing is a pool with an import that the index has, and whose files cannot be put in place yet.
func placing(t *testing.T, change func(*recordings.Service)) (p *pool, b *balky, id, name string) {
	t.Helper()
	b = &balky{}
	b.refuse.Store(true)
	p = start(t, func(s *recordings.Service) {
		b.Library, s.Library = s.Library, b
		if change != nil {
			change(s)
		}
	})
	id = recordID(1)
	p.drop(t, id+".tar", pack(t, made{id: id, format: "video", meetingID: "room", media: "film"}))
	p.waitFor(t, id+".tar", store.JobPlacing)
	return p, b, id, id + ".tar"
}

// Whatever operators do while files are being put in place, the recording arrives.
func TestPlacing_Disturbed(t *testing.T) {
	for name, disturb := range map[string]func(p *pool, b *balky, job string){
		"repaired": func(p *pool, _ *balky, _ string) { p.verify(t, recordings.VerifyOptions{Repair: true}) },
		"tidied":   func(p *pool, _ *balky, _ string) { _ = p.Tidy(t.Context()) },
		"dropped": func(p *pool, _ *balky, job string) {
			for range 50 {
				if err := p.DropJob(t.Context(), job); !errors.Is(err, recordings.ErrBusy) {
					t.Errorf("drop: %v", err)
				}
			}
		},
		"tried often": func(_ *pool, b *balky, _ string) {
			eventually(t, "it was tried more often than a bad archive is", func() bool { return b.tried.Load() > 6 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, b, id, job := placing(t, nil)
			disturb(p, b, job)
			b.refuse.Store(false)
			p.waitFor(t, job, store.JobDone)
			if p.get(t, id).State != store.Published || p.media(t, id, "video") != "film" {
				t.Errorf("%+v", p.get(t, id))
			}
			p.sound(t)
		})
	}
}

// What is taken out of the index while its files are put in place is taken from the archive once more.
func TestPlacing_Vanished(t *testing.T) {
	p, b, id, job := placing(t, nil)
	if err := p.db.DeleteRecording(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.refuse.Store(false)
	p.waitFor(t, job, store.JobDone)
	if p.get(t, id).State != store.Published || p.media(t, id, "video") != "film" {
		t.Errorf("%+v", p.get(t, id))
	}
	p.sound(t)
}

// Deleted while its files are being put in place, they go to the trash, and can be restored from there.
func TestPlacing_Deleted(t *testing.T) {
	p, b, id, job := placing(t, func(s *recordings.Service) { s.Config.KeepDeleted = quantity.Age(24 * time.Hour) })
	if n, err := p.Delete(t.Context(), "default", []string{id}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b.refuse.Store(false)
	p.waitFor(t, job, store.JobDone)
	if r, err := p.Restore(t.Context(), id); err != nil || p.media(t, id, "video") != "film" {
		t.Errorf("%+v %v", r, err)
	}
	p.sound(t)
}

// A format whose files are lost does not keep further archives of its recording out, and comes back with one of them.
func TestImport_LostFormat(t *testing.T) {
	p := start(t, nil)
	id := recordID(1)
	slides, film := made{id: id, format: "presentation", meetingID: "room", media: "a"}, made{id: id, format: "video", meetingID: "room", media: "b"}
	p.drop(t, id+".tar", pack(t, slides, film))
	p.waitFor(t, id+".tar", store.JobDone)
	if err := os.RemoveAll(filepath.Join(p.Config.Published, "video", id)); err != nil {
		t.Fatal(err)
	}
	p.drop(t, id+"-1.tar", pack(t, slides))
	p.waitFor(t, id+"-1.tar", store.JobDone)
	if got := kinds(p.verify(t, recordings.VerifyOptions{})); len(got) != 1 || got[0] != "missing" {
		t.Errorf("found %v", got)
	}
	p.take(t, slides, film) // as verify says
	p.sound(t)
}

// What lies beside a recording and is no format of it does not take it along out of the trash.
func TestTrash_Stranger(t *testing.T) {
	p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.KeepDeleted = quantity.Age(24 * time.Hour) })
	id := recordID(1)
	p.take(t, made{id: id, format: "video", meetingID: "room", media: "film"})
	odd := filepath.Join(p.Config.Published, "notes", id)
	if err := os.MkdirAll(odd, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(odd, "notes.pdf"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Delete(t.Context(), "default", []string{id}); err != nil {
		t.Fatal(err)
	}
	if err := p.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Restore(t.Context(), id); err != nil || p.media(t, id, "video") != "film" {
		t.Errorf("restore: %v, %v", err, files(t, p.Config.Root))
	}
}

// without takes pieces out of an archive's metadata.
func without(content []byte, pieces ...string) []byte {
	for _, piece := range pieces {
		content = []byte(strings.Replace(string(content), piece, strings.Repeat(" ", len(piece)), 1))
	}
	return content
}

// Retention deletes nothing whose age nobody knows, and an archive that tells less takes nothing away.
func TestImport_TellsLittle(t *testing.T) {
	p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.MaxAge = quantity.Age(180 * 24 * time.Hour) })
	p.Now = func() time.Time { return monday.Add(2 * time.Hour) }
	rich, poor := recordID(1), recordID(2)
	end := fmt.Sprintf("<end_time>%d</end_time>", monday.Add(time.Hour).UnixMilli())
	take := func(content []byte) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "a.tar")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := p.Import(t.Context(), recordings.ImportOptions{Path: path}, func(recordings.Progress) {})
		if err != nil || len(report.Failed) > 0 {
			t.Fatalf("%+v %v", report, err)
		}
	}
	take(pack(t, made{id: rich, format: "presentation", meetingID: "room", media: "a"}))
	for _, id := range []string{rich, poor} {
		take(without(pack(t, made{id: id, format: "notes", meetingID: "room", media: "n"}), end,
			` name="Algebra"`, "<meetingName>Algebra</meetingName>", "<participants>3</participants>"))
	}
	if err := p.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := p.get(t, rich); r.Name != "Algebra" || r.End.IsZero() || r.Participants != 3 || len(r.Formats) != 2 {
		t.Errorf("%+v", r)
	}
	if r := p.get(t, poor); r.State != store.Published {
		t.Errorf("two hours old, and gone: %+v", r)
	}
}

// When the disk goes away during a repair, nothing is taken for lost.
func TestVerify_DiskGoesAway(t *testing.T) {
	v := &vanishing{}
	p := open(t, t.TempDir(), func(s *recordings.Service) { v.Library, s.Library = s.Library, v })
	for n := range 10 {
		p.take(t, made{id: recordID(n), format: "video", meetingID: "room", media: "film"})
	}
	v.gone = func() {
		if err := errors.Join(os.Rename(p.Config.Published, p.Config.Published+".away"), os.Mkdir(p.Config.Published, 0o750)); err != nil {
			t.Error(err)
		}
		p.disk.set("published is not mounted", nil)
	}
	v.armed.Store(true)
	_, err := p.Verify(t.Context(), recordings.VerifyOptions{Repair: true}, func(recordings.Progress) {})
	if n := len(p.everything(t)); n != 10 || !errors.Is(err, recordings.ErrVolume) {
		t.Errorf("%d of 10 left in the index: %v", n, err)
	}
}

// vanishing is a library whose disk is gone from the second look on.
type vanishing struct {
	recordings.Library
	gone  func()
	armed atomic.Bool
	n     atomic.Int64
}

func (v *vanishing) Formats(id string) (map[store.RecordingState][]string, error) {
	if v.armed.Load() && v.n.Add(1) == 2 {
		v.gone()
	}
	return v.Library.Formats(id)
}

// While the disk has no room, jobs are not tried one after the other for ever.
func TestImport_NoRoomNoFlood(t *testing.T) {
	p := start(t, nil)
	p.disk.set("", errors.New("no room"))
	for n := range 50 {
		p.drop(t, recordID(n)+".tar", pack(t, made{id: recordID(n), format: "video", meetingID: "room", media: "film"}))
	}
	eventually(t, "the first was tried", func() bool { return strings.Contains(p.log.text(), "import waits") })
	eventually(t, "all are known", func() bool {
		jobs, err := p.Jobs(t.Context(), store.JobFilter{})
		return err == nil && len(jobs) == 50
	})
	if n := strings.Count(p.log.text(), "import waits"); n > 25 {
		t.Errorf("%d tries by the time that all were known", n)
	}
	p.disk.set("", nil)
	eventually(t, "all are imported", func() bool { return len(files(t, p.Config.Spool)) == 0 })
}

// A full disk keeps nobody from deleting what is too old.
func TestTidy_FullDisk(t *testing.T) {
	p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.MaxSize = 1 })
	p.take(t, made{id: recordID(1), format: "video", meetingID: "room", media: "film"})
	p.disk.set("published is full", nil)
	_ = p.Tidy(t.Context()) // says that the disk is full
	if p.get(t, recordID(1)).State == store.Published {
		t.Error("retention did not run")
	}
}

// A bad archive is replaced by a good one in the moment in which it goes to quarantine: the good one is imported.
func TestQuarantine_Replaced(t *testing.T) {
	held := make(chan struct{})
	h := &discarding{reached: make(chan struct{}), held: held}
	p := start(t, func(s *recordings.Service) { h.Library, s.Library = s.Library, h })
	id := recordID(1)
	good := pack(t, made{id: id, format: "video", meetingID: "room", media: "good film"})
	h.armed.Store(true)
	p.drop(t, id+".tar", []byte(strings.Replace(string(good), "<recording>", "<recording<", 1)))
	<-h.reached
	p.drop(t, id+".tar", good)
	close(held)
	eventually(t, "the good one plays", func() bool { return p.media(t, id, "video") == "good film" })
}

// discarding is a library that stops once, when a staging is discarded.
type discarding struct {
	recordings.Library
	armed   atomic.Bool
	reached chan struct{}
	held    chan struct{}
}

func (d *discarding) Discard(name string) error {
	if d.armed.CompareAndSwap(true, false) {
		close(d.reached)
		<-d.held
	}
	return d.Library.Discard(name)
}

// An archive that somebody has mended in quarantine is imported when it is retried.
func TestRetry_Mended(t *testing.T) {
	p := start(t, nil)
	id := recordID(1)
	good := pack(t, made{id: id, format: "video", meetingID: "room", media: "film"})
	p.drop(t, id+".tar", []byte(strings.Replace(string(good), "<recording>", "<recording<", 1)))
	job := p.quarantined(t, id+".tar")
	if err := os.WriteFile(job.Path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	retry := func() (err error) {
		eventually(t, "nobody is at it", func() bool {
			_, err = p.Retry(t.Context(), job.ID)
			return !errors.Is(err, recordings.ErrBusy)
		})
		return err
	}
	if err := retry(); err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, job.ID, store.JobDone)
	if p.media(t, id, "video") != "film" || len(files(t, p.Config.Spool)) != 0 {
		t.Errorf("left: %v", files(t, p.Config.Spool))
	}
	if err := retry(); !errors.Is(err, recordings.ErrOver) {
		t.Errorf("retry of what is done: %v", err)
	}
}

// meddling is an index that fails where a test wants it.
type meddling struct {
	recordings.Index
	fail func(*store.Job) bool
}

func (m *meddling) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	return m.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		err := change(j)
		if err == nil && m.fail(j) {
			return syscall.EIO
		}
		return err
	})
}

// A bad archive whose fate cannot be noted stays in the spool, and is found bad again after a restart.
func TestQuarantine_StoreFails(t *testing.T) {
	dir := t.TempDir()
	m := &meddling{fail: func(j *store.Job) bool { return j.State == store.JobFailed }}
	p := open(t, dir, func(s *recordings.Service) { m.Index, s.Index = s.Index, m })
	p.run(t)
	id := recordID(1)
	good := pack(t, made{id: id, format: "video", meetingID: "room", media: "film"})
	p.drop(t, id+".tar", []byte(strings.Replace(string(good), "<recording>", "<recording<", 1)))
	eventually(t, "it cannot be noted", func() bool { return strings.Contains(p.log.text(), "note how an import stands") })
	p.stop()
	p = open(t, dir, nil)
	p.run(t)
	t.Cleanup(func() { p.stop() })
	if job := p.waitFor(t, id+".tar", store.JobFailed); job.Reason == "" {
		t.Errorf("%+v", job)
	}
}

// What a server sends is its own: it cannot replace another server's recording, nor say that a recording of a meeting
// that nobody knows is some tenant's. A server that has left the pool has left its recordings behind.
func TestUpload_Foreign(t *testing.T) {
	p := start(t, nil)
	for _, id := range []string{"default", "school"} {
		if _, err := p.db.CreateTenant(t.Context(), store.Tenant{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.db.CreateServer(t.Context(), store.Server{ID: "bbb1"}); err != nil {
		t.Fatal(err)
	}
	id := p.ended(t, 1, time.Now())
	n := 0
	send := func(server string, m made) store.Job {
		t.Helper()
		n++
		path, sum := filepath.Join(p.Config.Spool, ".upload"), fmt.Sprintf("%064d", n)
		if err := os.WriteFile(path, pack(t, m), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Accept(t.Context(), upload.Upload{Name: m.id + ".tar", Server: server, SHA256: sum, Path: path}); err != nil {
			t.Fatal(err)
		}
		job := p.waitFor(t, m.id+"-"+sum[:12]+".tar", store.JobDone, store.JobFailed)
		if err := p.db.DeleteJob(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
		return job
	}
	film := made{id: id, format: "video", meetingID: "room", media: "film"}
	spam := made{id: id, format: "video", meetingID: "room", media: "spam"}
	if job := send("bbb1", film); job.State != store.JobDone {
		t.Errorf("its own: %+v", job)
	}
	if job := send("bbb2", spam); job.State != store.JobFailed || !strings.Contains(job.Reason, "bbb1") || p.media(t, id, "video") != "film" {
		t.Errorf("another server's: %+v", job)
	}
	send("bbb2", made{id: recordID(5), format: "video", meetingID: "room", media: "x", meta: map[string]string{"tenant-id": "school"}})
	if r := p.get(t, recordID(5)); r.Tenant != "default" || r.Server != "bbb2" {
		t.Errorf("nobody's: %+v", r)
	}
	if err := p.db.DeleteServer(t.Context(), "bbb1"); err != nil {
		t.Fatal(err)
	}
	if job := send("bbb3", spam); job.State != store.JobDone {
		t.Errorf("of a server that has left: %+v", job)
	}
}

// Files in the library that were unpublished, protected or noted before are adopted as that.
func TestAdopt(t *testing.T) {
	from := open(t, t.TempDir(), nil)
	var ids []string
	for n := 1; n <= 3; n++ {
		ids = append(ids, recordID(n))
		from.take(t, made{id: recordID(n), format: "video", meetingID: "room", media: "film", meta: map[string]string{"tenant-id": "x"}})
	}
	p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.Protect = true })
	p.ended(t, 1, time.Now())
	if _, err := p.db.CreateTenant(t.Context(), store.Tenant{ID: "school"}); err != nil {
		t.Fatal(err)
	}
	for n, tree := range []string{p.Config.Published, p.Config.Unpublished, p.Config.Published} {
		if err := os.CopyFS(filepath.Join(tree, "video", ids[n]), os.DirFS(filepath.Join(from.Config.Published, "video", ids[n]))); err != nil {
			t.Fatal(err)
		}
	}
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: p.Config.Root, Tenant: "school"}, func(recordings.Progress) {})
	if err != nil || len(report.Imported) != 3 {
		t.Fatalf("%+v %v", report, err)
	}
	for n, want := range []store.Recording{
		{Tenant: "default", State: store.Published}, {Tenant: "school", State: store.Unpublished}, {Tenant: "school", State: store.Published},
	} {
		r := p.get(t, ids[n])
		if r.Tenant != want.Tenant || r.State != want.State || !r.Protected || r.Meta["tenant-id"] != "" {
			t.Errorf("%d: %+v", n, r)
		}
	}
	p.take(t, made{id: ids[1], format: "presentation", meetingID: "room", media: "late"})
	if r := p.get(t, ids[1]); r.State != store.Unpublished || len(r.Formats) != 2 {
		t.Errorf("what somebody had unpublished: %+v", r)
	}
	if _, err := p.Delete(t.Context(), "default", ids[:1]); err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(p.Config.Published, "video", ids[0])
	if err := os.CopyFS(back, os.DirFS(filepath.Join(from.Config.Published, "video", ids[0]))); err != nil {
		t.Fatal(err)
	}
	for _, force := range []bool{false, true} {
		report, err := p.Import(t.Context(), recordings.ImportOptions{Path: p.Config.Root, Force: force}, func(recordings.Progress) {})
		if err != nil || (len(report.Imported) == 1) != force || (len(report.Failed) == 1) == force {
			t.Errorf("deleted, and back from a backup, force %t: %+v %v", force, report, err)
		}
	}
	p.sound(t)
}
