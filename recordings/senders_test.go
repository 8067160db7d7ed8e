package recordings_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// What turns out, while it is unpacked, to be more than fits waits for room, and is not to blame.
func TestImport_UnpacksToMore(t *testing.T) {
	p := start(t, nil)
	p.disk.mu.Lock()
	p.disk.limit = 1 << 20
	p.disk.mu.Unlock()
	id := recordID(1)
	film := strings.Repeat("film ", 1<<20)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(pack(t, made{id: id, format: "video", meetingID: "room", media: film})); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	p.drop(t, id+".tar.gz", b.Bytes())
	eventually(t, "it waits for room", func() bool {
		j := p.job(t, id+".tar.gz")
		return j.State == store.JobWaiting && strings.Contains(j.Reason, "do not fit") && j.Attempts == 0
	})
	p.disk.mu.Lock()
	p.disk.limit = 0
	p.disk.mu.Unlock()
	p.waitFor(t, id+".tar.gz", store.JobDone)
	if p.media(t, id, "video") != film {
		t.Error("does not play")
	}
}

// upload is what a server sends.
func (p *pool) upload(t *testing.T, server, name string, content []byte) string {
	t.Helper()
	path, sum := filepath.Join(p.Config.Spool, ".upload-"+server), fmt.Sprintf("%x", sha256.Sum256(append(content, server...)))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Accept(t.Context(), upload.Upload{Name: name, Server: server, SHA256: sum, Path: path}); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(name, ".tar") + "-" + sum[:12] + ".tar"
}

// An archive that one server has sent and that is tried again and again does not hold up what another one sends of a
// recording with that ID.
func TestUpload_NotHeldUp(t *testing.T) {
	p := start(t, func(s *recordings.Service) { s.Config.Retry = 10 * time.Minute })
	id := recordID(1)
	good := pack(t, made{id: id, format: "video", meetingID: "room", media: strings.Repeat("film ", 1000)})
	cut := p.upload(t, "bbb2", id+".tar", good[:len(good)-3000])
	eventually(t, "the truncated one was tried", func() bool { return p.job(t, cut).Reason != "" })
	p.waitFor(t, p.upload(t, "bbb1", id+".tar", good), store.JobDone)
}

// Of a recording that is here from nobody knows where, a server that sends it again is believed what is the same, and
// cannot replace it.
func TestUpload_UnknownMaker(t *testing.T) {
	p := start(t, nil)
	id := recordID(1)
	film := made{id: id, format: "video", meetingID: "room", media: "film"}
	p.take(t, film)
	if job := p.waitFor(t, p.upload(t, "bbb1", id+".tar", pack(t, film)), store.JobDropped); !strings.Contains(job.Reason, "already") {
		t.Errorf("the same: %+v", job)
	}
	other := pack(t, made{id: id, format: "video", meetingID: "room", media: "another film"})
	if job := p.waitFor(t, p.upload(t, "bbb2", id+".tar", other), store.JobFailed); !strings.Contains(job.Reason, "bbb2") {
		t.Errorf("another: %+v", job)
	}
	if p.media(t, id, "video") != "film" || p.get(t, id).Server != "" {
		t.Errorf("%+v", p.get(t, id))
	}
	path := filepath.Join(p.Config.Spool, "quarantine")
	eventually(t, "it is in quarantine", func() bool { return len(files(t, path)) == 1 })
	var report recordings.ImportReport
	eventually(t, "an operator says that it is right", func() bool {
		var err error
		report, err = p.Import(t.Context(), recordings.ImportOptions{Path: path}, func(recordings.Progress) {})
		return !errors.Is(err, recordings.ErrBusy)
	})
	if len(report.Imported) != 1 || p.media(t, id, "video") != "another film" || len(files(t, path)) != 0 {
		t.Errorf("imported from quarantine: %+v, left %v", report, files(t, path))
	}
	p.sound(t)
}

// What somebody moves from quarantine back into the spool is tried again, though it is the same file.
func TestQuarantine_Back(t *testing.T) {
	p := start(t, nil)
	id := recordID(1)
	bad := strings.Replace(string(pack(t, made{id: id, format: "video", meetingID: "room", media: "film"})), "<recording>", "<recording<", 1)
	p.drop(t, id+".tar", []byte(bad))
	job := p.quarantined(t, id+".tar")
	if err := os.Rename(job.Path, filepath.Join(p.Config.Spool, id+".tar")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it was tried again", func() bool {
		return strings.Count(p.log.text(), "import failed") == 2
	})
	if err := p.DropJob(t.Context(), "unknown"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("drop of an unknown job: %v", err)
	}
}

// What a server sends of a meeting that goes on at another one, or that nobody has created yet, goes to quarantine with a
// reason; the recording is owed by whose it is, and comes in from there alone. The tenant is the meeting's also where the
// recording is faster than the news of the end.
func TestUpload_LiveMeeting(t *testing.T) {
	p := start(t, nil)
	id, unborn := recordID(1), fmt.Sprintf("%040x-%013d", 2, time.Now().Add(time.Hour).UnixMilli())
	for _, server := range []string{"bbb1", "thief"} {
		if err := p.db.CreateServer(t.Context(), store.Server{ID: server, URL: "https://" + server, State: store.Enabled}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.db.CreateTenant(t.Context(), store.Tenant{ID: "school"}); err != nil {
		t.Fatal(err)
	}
	claim := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "school", MeetingID: "room"}, Server: "bbb1", InternalID: id, Recorded: true, Placed: monday,
	}
	if _, err := p.db.CreateClaim(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{id, unborn} {
		forged := pack(t, made{id: of, format: "video", meetingID: "room", media: "forged"})
		if job := p.waitFor(t, p.upload(t, "thief", of+".tar", forged), store.JobFailed, store.JobDone); !strings.Contains(job.Reason, "thief") {
			t.Errorf("forged: %+v", job)
		}
		if r := p.get(t, of); r.RecordID != "" || p.media(t, of, "video") != "" {
			t.Errorf("forged: %+v", r)
		}
	}
	p.waitFor(t, p.upload(t, "bbb1", id+".tar", film(t, 1, 1)), store.JobDone)
	if r := p.get(t, id); r.Tenant != "school" || r.Server != "bbb1" || p.media(t, id, "video") != "film 1 of 1" {
		t.Errorf("the real one: %+v", r)
	}
}

// A forged recording does not pay what the server of the meeting owes.
func TestUpload_ForgedStaysOwed(t *testing.T) {
	p := start(t, nil)
	if err := p.db.CreateServer(t.Context(), store.Server{ID: "bbb1", URL: "https://bbb1", State: store.Enabled}); err != nil {
		t.Fatal(err)
	}
	id := recordID(1)
	claim := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: "bbb1", InternalID: id, Recorded: true, Placed: monday,
	}
	if _, err := p.db.CreateClaim(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	forged := pack(t, made{id: id, format: "video", meetingID: "room", media: "forged"})
	p.waitFor(t, p.upload(t, "thief", id+".tar", forged), store.JobFailed)
	p.ended(t, 1, time.Now())
	if got := p.owed(t); got[id] == "" || p.get(t, id).Owed.Server != "bbb1" {
		t.Errorf("owed: %v", got)
	}
	p.waitFor(t, p.upload(t, "bbb1", id+".tar", film(t, 1, 1)), store.JobDone)
	if p.media(t, id, "video") != "film 1 of 1" {
		t.Errorf("plays %q", p.media(t, id, "video"))
	}
}
