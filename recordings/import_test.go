package recordings_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// ailing is a library whose disk fails once, with EIO, for one recording.
type ailing struct {
	recordings.Library
	id     string
	failed atomic.Bool
}

func (a *ailing) Place(name string, r *library.Held, formats []string, state store.RecordingState) error {
	if r.ID == a.id && a.failed.CompareAndSwap(false, true) {
		return &fs.PathError{Op: "rename", Path: r.ID, Err: syscall.EIO}
	}
	return a.Library.Place(name, r, formats, state)
}

func (a *ailing) Seal(name string) error {
	if a.id == "" && a.failed.CompareAndSwap(false, true) {
		return &fs.PathError{Op: "sync", Path: name, Err: syscall.EIO}
	}
	return a.Library.Seal(name)
}

// Twenty archives: the third truncated, the seventh with broken metadata, the ninth hit once by EIO. 17 are there at
// once, the ninth by itself later, 3 and 7 end in quarantine with a reason, and nothing waits behind them.
func TestImport_Twenty(t *testing.T) {
	p := start(t, func(s *recordings.Service) {
		s.Library = &ailing{Library: s.Library, id: recordID(9)}
	})
	for n := 1; n <= 20; n++ {
		content := pack(t, made{id: recordID(n), format: "presentation", meetingID: fmt.Sprint("room-", n), media: fmt.Sprint(n)})
		switch n {
		case 3:
			content = content[:700]
		case 7:
			content = []byte(strings.Replace(string(content), "<recording>", "<recording<", 1))
		}
		p.drop(t, recordID(n)+".tar", content)
	}
	for n := 1; n <= 20; n++ {
		job := p.waitFor(t, recordID(n)+".tar", store.JobDone, store.JobFailed)
		want := store.JobDone
		if n == 3 || n == 7 {
			want = store.JobFailed
		}
		if job.State != want {
			t.Errorf("archive %d: %+v", n, job)
		}
		if want == store.JobDone && (p.get(t, recordID(n)).State != store.Published || p.media(t, recordID(n), "presentation") != fmt.Sprint(n)) {
			t.Errorf("recording %d: %+v", n, p.get(t, recordID(n)))
		}
	}
	truncated, broken := p.quarantined(t, recordID(3)+".tar"), p.quarantined(t, recordID(7)+".tar")
	if truncated.Attempts < 2 || truncated.Reason == "" {
		t.Errorf("a truncated archive may still be growing, and is tried again: %+v", truncated)
	}
	if broken.Attempts != 1 || !strings.Contains(broken.Reason, "metadata.xml") {
		t.Errorf("broken metadata: %+v", broken)
	}
	if left := files(t, p.Config.Spool); !slices.Equal(left, []string{truncated.Path, broken.Path}) {
		t.Errorf("left in the spool: %v", left)
	}
	p.sound(t)
}

// What is still being copied is left alone, and taken once it rests.
func TestImport_Growing(t *testing.T) {
	p := start(t, func(s *recordings.Service) { s.Config.Rest = 300 * time.Millisecond })
	content := pack(t, made{id: recordID(1), format: "video", meetingID: "room", media: strings.Repeat("x", 5000)})
	file, err := os.Create(filepath.Join(p.Config.Spool, "slow.tar"))
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(content, 1500) {
		if _, err := file.Write(chunk); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Millisecond) // as slow as it comes; nothing depends on it
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if job := p.waitFor(t, "slow.tar", store.JobDone, store.JobFailed); job.State != store.JobDone || job.Attempts != 1 {
		t.Errorf("%+v", job)
	}
}

// Archives as Scalelite's and PILOS's scripts make them come in, and further formats join what is there. What was not
// sent again stays.
func TestImport_Formats(t *testing.T) {
	p := start(t, nil)
	one, two := recordID(1), recordID(2)
	p.drop(t, one+".tar", pack(t,
		made{id: one, format: "presentation", meetingID: "room", media: "slides"},
		made{id: one, format: "video", meetingID: "room", media: "film"}))
	p.drop(t, "both.tar", pack(t,
		made{id: two, format: "podcast", meetingID: "room", media: "sound"},
		made{id: recordID(3), format: "podcast", meetingID: "room", media: "more"}))
	p.waitFor(t, one+".tar", store.JobDone)
	p.waitFor(t, "both.tar", store.JobDone)
	p.drop(t, one+"-video.tar", pack(t, made{id: one, format: "video", meetingID: "room", media: "longer film"}))
	p.waitFor(t, one+"-video.tar", store.JobDone)
	r := p.get(t, one)
	if got := []string{r.Formats[0].Type, r.Formats[1].Type}; !slices.Equal(got, []string{"presentation", "video"}) {
		t.Errorf("formats %v", got)
	}
	if p.media(t, one, "presentation") != "slides" || p.media(t, one, "video") != "longer film" {
		t.Error("not the newest of each format")
	}
	if r.MeetingID != "room" || r.Name != "Algebra" || !r.Start.Equal(monday) || r.RawSize != 12345 || r.Formats[1].Length != time.Hour {
		t.Errorf("%+v", r)
	}
	if p.media(t, two, "podcast") != "sound" || p.media(t, recordID(3), "podcast") != "more" {
		t.Error("one archive with two recordings")
	}
	p.sound(t)
}

// People's edits outlive imports: state, metadata, protection. A rebuilt recording brings its formats, and nothing else.
func TestImport_EditsWin(t *testing.T) {
	p := start(t, nil)
	id, ctx := recordID(1), t.Context()
	first := made{
		id: id, format: "presentation", meetingID: "room", media: "v1",
		meta: map[string]string{"subject": "sums", "level": "1", "tutor": "x"},
	}
	p.drop(t, id+".tar", pack(t, first))
	p.waitFor(t, id+".tar", store.JobDone)
	protect := true
	if n, err := p.Update(ctx, "default", []string{id[:20]}, map[string]string{"subject": "Algebra I", "tutor": ""}, &protect); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := p.Publish(ctx, "default", []string{id}, false); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if p.get(t, id).State != store.Unpublished || len(files(t, p.Config.Published)) != 0 {
		t.Error("not unpublished on disk")
	}
	second := first
	second.media, second.meta = "v2", map[string]string{"subject": "sums again", "level": "2", "tutor": "y"}
	p.drop(t, id+"-2.tar", pack(t, second, made{id: id, format: "video", meetingID: "room", media: "film"}))
	p.waitFor(t, id+"-2.tar", store.JobDone)
	r := p.get(t, id)
	if r.State != store.Unpublished || !r.Protected {
		t.Errorf("state and protection: %+v", r)
	}
	want := map[string]string{"meetingId": "room", "meetingName": "Algebra", "subject": "Algebra I", "level": "2"}
	if diff := cmp.Diff(want, r.Meta); diff != "" {
		t.Error(diff)
	}
	if len(r.Formats) != 2 || p.media(t, id, "presentation") != "v2" || len(files(t, p.Config.Published)) != 0 {
		t.Errorf("formats: %+v", r.Formats)
	}
	for _, filter := range []store.RecordingState{store.Published, store.Unpublished} {
		_, n, err := p.Recordings(ctx, store.RecordingFilter{Tenant: "default", States: []store.RecordingState{filter}})
		if err != nil || (n == 1) != (filter == store.Unpublished) {
			t.Errorf("%s: %d %v", filter, n, err)
		}
	}
	p.sound(t)
}

// Deleted is gone, whatever the state it was in, and a late archive does not bring it back; force does.
func TestDelete(t *testing.T) {
	for _, states := range [][]bool{{}, {false}, {false, true}} {
		p := start(t, nil)
		id, ctx := recordID(1), t.Context()
		content := pack(t,
			made{id: id, format: "presentation", meetingID: "room", media: "a"},
			made{id: id, format: "video", meetingID: "room", media: "b"})
		p.drop(t, id+".tar", content)
		p.waitFor(t, id+".tar", store.JobDone)
		for _, publish := range states {
			if n, err := p.Publish(ctx, "default", []string{id}, publish); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if n, err := p.Delete(ctx, "other", []string{id}); n != 0 || err != nil {
			t.Errorf("another tenant deleted it: %d %v", n, err)
		}
		if n, err := p.Delete(ctx, "default", []string{id, "unknown"}); n != 1 || err != nil {
			t.Errorf("delete: %d %v", n, err)
		}
		if left := files(t, p.Config.Root); len(left) != 0 {
			t.Errorf("left on the disk: %v", left)
		}
		p.drop(t, id+".tar", content)
		p.waitFor(t, id+".tar", store.JobDropped)
		if r := p.get(t, id); r.State != store.Deleted || len(r.Formats) != 0 || r.Meta["meetingName"] != "" {
			t.Errorf("a late archive: %+v", r)
		}
		if left := files(t, p.Config.Root); len(left) != 0 {
			t.Errorf("left after a late archive: %v", left)
		}
		own := filepath.Join(t.TempDir(), "back.tar")
		if err := os.WriteFile(own, content, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := p.Import(ctx, recordings.ImportOptions{Path: own, Force: true}, func(recordings.Progress) {})
		if err != nil || !slices.Equal(report.Imported, []string{id}) || p.get(t, id).State != store.Published {
			t.Errorf("import --force: %+v %v %+v", report, err, p.get(t, id))
		}
		if _, err := os.Stat(own); err != nil {
			t.Error("the operator's own archive is gone")
		}
		p.sound(t)
	}
}

// What is in the trash can be restored, and goes when its time is over.
func TestTrash(t *testing.T) {
	p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.KeepDeleted = quantity.Age(24 * time.Hour) })
	id, ctx := recordID(1), t.Context()
	path := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(path, pack(t, made{id: id, format: "video", meetingID: "room", media: "film"}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Import(ctx, recordings.ImportOptions{Path: path}, func(recordings.Progress) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Delete(ctx, "default", []string{id}); err != nil {
		t.Fatal(err)
	}
	if p.media(t, id, "video") != "" {
		t.Error("a deleted recording plays")
	}
	r, err := p.Restore(ctx, id)
	if err != nil || r.State != store.Unpublished || p.media(t, id, "video") != "film" {
		t.Errorf("restore: %+v %v", r, err)
	}
	if _, err := p.Delete(ctx, "default", []string{id}); err != nil {
		t.Fatal(err)
	}
	p.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	if err := p.Tidy(ctx); err != nil {
		t.Fatal(err)
	}
	if left := files(t, p.Config.Root); len(left) != 0 {
		t.Errorf("left when its time was over: %v", left)
	}
	if _, err := p.Restore(ctx, id); err == nil {
		t.Error("restored from nothing")
	}
	p.sound(t)
}

// A volume without room makes imports wait and say so; they go on by themselves when there is room, and no attempt was
// counted.
func TestImport_WaitsForRoom(t *testing.T) {
	p := start(t, nil)
	p.disk.set("", fmt.Errorf("needs 150 MiB, and 98 MiB are free"))
	id := recordID(1)
	p.drop(t, id+".tar", pack(t, made{id: id, format: "video", meetingID: "room", media: "film"}))
	eventually(t, "the import says what it waits for", func() bool {
		return strings.Contains(p.job(t, id+".tar").Reason, "98 MiB are free")
	})
	if p.get(t, id).RecordID != "" || len(files(t, p.Config.Spool)) != 1 {
		t.Error("not left as it was")
	}
	p.disk.set("", nil)
	if job := p.waitFor(t, id+".tar", store.JobDone); job.Attempts != 1 {
		t.Errorf("%+v", job)
	}
}

// An archive that is replaced while it is being imported is imported, too.
func TestImport_Replaced(t *testing.T) {
	held := make(chan struct{})
	once := &holding{reached: make(chan struct{}), go_: held}
	p := start(t, func(s *recordings.Service) { once.Library, s.Library = s.Library, once })
	id := recordID(1)
	p.drop(t, id+".tar", pack(t, made{id: id, format: "presentation", meetingID: "room", media: "a"}))
	<-once.reached
	p.drop(t, id+".tar", pack(t,
		made{id: id, format: "presentation", meetingID: "room", media: "a"},
		made{id: id, format: "video", meetingID: "room", media: "b"}))
	close(held)
	eventually(t, "both formats are there", func() bool { return p.media(t, id, "video") == "b" })
	eventually(t, "the spool is empty", func() bool { return len(files(t, p.Config.Spool)) == 0 })
	p.sound(t)
}

// holding is a library that stops in the middle of the first import.
type holding struct {
	recordings.Library
	first   atomic.Bool
	reached chan struct{}
	go_     chan struct{}
}

func (h *holding) Seal(name string) error {
	if h.first.CompareAndSwap(false, true) {
		close(h.reached)
		<-h.go_
	}
	return h.Library.Seal(name)
}
