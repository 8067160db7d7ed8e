package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/audit"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// recordID makes an ID in BigBlueButton's form.
func recordID(n int) string { return fmt.Sprintf("%040x-%013d", n, 1_760_000_000_000+int64(n)) }

// disk is a volume that is as it should be, unless a test says otherwise.
type disk struct {
	problem string
	hung    bool
}

func (d *disk) Problem() string       { return d.problem }
func (d *disk) Hung() bool            { return d.hung }
func (d *disk) Room(int64) error      { return nil }
func (d *disk) Spare() int64          { return 0 }
func (d *disk) Check(context.Context) {}

// roles are those of a store, of both groups, that a test may want.
type roles struct {
	store.Index
	stateRoles
}

type stateRoles interface {
	store.Servers
	store.Tenants
	store.Claims
}

// rig is an auditor over a real store and a real library.
type rig struct {
	*audit.Auditor
	db   roles
	lib  *library.Library
	dirs library.Dirs
	disk *disk
	log  bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	file, err := bolt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	db := roles{file.Index(), file.State()}
	in := func(name string) string { return filepath.Join(dir, "recordings", name) }
	r := &rig{
		db: db, disk: &disk{}, dirs: library.Dirs{Published: in("published"), Unpublished: in("unpublished"), Deleted: in("deleted")},
	}
	if r.lib, err = library.New(r.dirs); err != nil {
		t.Fatal(err)
	}
	now, log := func() time.Time { return monday }, zerolog.New(&r.log)
	files := &record.Files{Index: db, Library: r.lib, Disk: r.disk, Log: log, Now: now}
	owners := record.Owners{Sessions: db, Tenants: db}
	importer := &imports.Importer{
		Config: imports.Config{Spool: in("spool"), Parallel: 1, MaxBytes: 1 << 30, MaxFiles: 100, Retry: time.Second}, Index: db,
		Owners: owners, Servers: db, Live: db, Files: files, Library: r.lib, Disk: r.disk, Log: log, Now: now,
	}
	importer.Init()
	r.Auditor = &audit.Auditor{
		Index: db, Library: r.lib, Owners: owners, Files: files, Imports: importer, Log: log, Now: now,
	}
	if err := errors.Join(os.MkdirAll(in("spool"), 0o750), r.lib.Prepare()); err != nil {
		t.Fatal(err)
	}
	return r
}

// lay writes a format of a recording into one of the trees.
func (r *rig) lay(t *testing.T, dir, id, format string) {
	t.Helper()
	state := "published"
	if dir == r.dirs.Unpublished {
		state = "unpublished"
	}
	path := filepath.Join(dir, format, id)
	text := fmt.Sprintf(`<?xml version="1.0"?>
<recording><id>%[1]s</id><state>%[3]s</state><published>%[4]t</published><start_time>1</start_time><end_time>2</end_time>
<meeting id="%[1]s" externalId="room" name="Algebra" breakout="false"/><meta><meetingId>room</meetingId></meta>
<playback><format>%[2]s</format><link>https://x/%[2]s/%[1]s/</link><size>4</size></playback></recording>`, id, format, state, state == "published")
	if err := errors.Join(os.MkdirAll(path, 0o750), os.WriteFile(filepath.Join(path, "metadata.xml"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// known has the index know a recording with these formats.
func (r *rig) known(t *testing.T, id string, state store.RecordingState, formats ...string) {
	t.Helper()
	rec := store.Recording{RecordID: id, Tenant: "default", State: state, Imported: monday}
	for _, f := range formats {
		rec.Formats = append(rec.Formats, store.Format{Type: f})
	}
	if err := r.db.CreateRecording(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) get(t *testing.T, id string) store.Recording {
	t.Helper()
	rec, err := r.db.Recording(t.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return rec
}

// found are the findings of a comparison in short, as "kind number/format!" for what was mended.
func (r *rig) found(t *testing.T, o audit.Options) (list []string) {
	t.Helper()
	report, err := r.Verify(t.Context(), o, func(record.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		text := f.Kind + " " + strings.TrimPrefix(f.RecordID[:min(40, len(f.RecordID))], strings.Repeat("0", 39)) + "/" + f.Format
		if f.Repaired {
			text += "!"
		}
		list = append(list, text)
	}
	return list
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// broken is a pool in which everything is wrong that can be: 1 is well, 2 misses a format, 3 lies in the wrong place, 4 is
// deleted and still there, 5 is unknown, 6 has one format more, 7 has lost everything.
func broken(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.known(t, recordID(1), store.Published, "video")
	r.lay(t, r.dirs.Published, recordID(1), "video")
	r.known(t, recordID(2), store.Published, "presentation", "video")
	r.lay(t, r.dirs.Published, recordID(2), "video")
	r.known(t, recordID(3), store.Unpublished, "video")
	r.lay(t, r.dirs.Published, recordID(3), "video")
	r.known(t, recordID(4), store.Deleted)
	r.lay(t, r.dirs.Published, recordID(4), "video")
	r.lay(t, r.dirs.Published, recordID(5), "video")
	r.known(t, recordID(6), store.Published, "video")
	r.lay(t, r.dirs.Published, recordID(6), "video")
	r.lay(t, r.dirs.Published, recordID(6), "presentation")
	r.known(t, recordID(7), store.Published, "video")
	if _, err := r.lib.Stage("left"); err != nil {
		t.Fatal(err)
	}
	return r
}

// Without being asked to mend, nothing is touched, and all is told; mended is what was asked for, and then it is well.
func TestVerify(t *testing.T) {
	r := broken(t)
	all := []string{
		"leftover /", "leftover 4/video", "misplaced 3/video", "missing 2/presentation", "missing 7/video", "orphan 5/video",
		"orphan 6/presentation",
	}
	for range 2 {
		same(t, r.found(t, audit.Options{}), all...)
	}
	same(t, r.found(t, audit.Options{Adopt: true}), "leftover /", "leftover 4/video", "misplaced 3/video",
		"missing 2/presentation", "missing 7/video", "orphan 5/video!", "orphan 6/presentation!")
	if got := r.get(t, recordID(6)); len(got.Formats) != 2 || got.Name != "Algebra" {
		t.Errorf("one more format: %+v", got)
	}
	if got := r.get(t, recordID(5)); got.State != store.Published || got.Tenant != "default" || got.Imported.IsZero() {
		t.Errorf("adopted: %+v", got)
	}
	same(t, r.found(t, audit.Options{Repair: true}), "leftover /!", "leftover 4/video!", "misplaced 3/video!",
		"missing 2/presentation!", "missing 7/video!")
	if r.get(t, recordID(7)).RecordID != "" || len(r.get(t, recordID(2)).Formats) != 1 {
		t.Errorf("forgotten: %+v, %+v", r.get(t, recordID(7)), r.get(t, recordID(2)))
	}
	same(t, r.found(t, audit.Options{Repair: true, Adopt: true}))
}

// Links and what cannot be read are named, somebody else's things are not.
func TestVerify_Unreadable(t *testing.T) {
	r := newRig(t)
	format := filepath.Join(r.dirs.Published, "video")
	if err := errors.Join(os.Mkdir(format, 0o750), os.Symlink(t.TempDir(), filepath.Join(format, recordID(1))),
		os.Mkdir(filepath.Join(r.dirs.Published, "Not A Format"), 0o750), os.WriteFile(filepath.Join(format, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r.known(t, "no/record/ID", store.Published, "video")
	report, err := r.Verify(t.Context(), audit.Options{Repair: true, Adopt: true}, func(record.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range report.Findings {
		texts = append(texts, f.Kind+": "+f.Text)
	}
	if len(texts) != 2 || !strings.HasPrefix(texts[0], "unreadable: is a link, and links are not followed here") ||
		!strings.Contains(texts[1], "not a record ID") {
		t.Errorf("%q", texts)
	}
}

// Imports that nothing happens to any more are told, each once, and are no difference between index and disk.
func TestVerify_Imports(t *testing.T) {
	r := newRig(t)
	quarantine := filepath.Join(r.Imports.Config.Spool, "quarantine")
	if err := os.Mkdir(quarantine, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"known.tar", "unknown.tar", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(quarantine, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.db.UpdateJob(t.Context(), "known.tar", func(j *store.Job) error {
		*j = store.Job{ID: "known.tar", Path: filepath.Join(quarantine, "known.tar"), State: store.JobFailed, Reason: "truncated"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	report, err := r.Verify(t.Context(), audit.Options{Repair: true}, func(record.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range report.Findings {
		texts = append(texts, filepath.Base(f.Path)+" "+f.Text)
	}
	same(t, texts, "known.tar could not be imported: truncated; bbbpool recording retry known.tar",
		"unknown.tar is in quarantine, and nobody knows why: move it into the spool to try it again")
	if got := r.Problems(t.Context()); got != nil {
		t.Errorf("%v", got)
	}
}

// What is being put in place right now is neither missing nor to be forgotten.
func TestVerify_Placing(t *testing.T) {
	r := newRig(t)
	r.known(t, recordID(1), store.Published, "video")
	if _, err := r.db.UpdateJob(t.Context(), "a", func(j *store.Job) error {
		*j = store.Job{ID: "a", State: store.JobPlacing, Recordings: []string{recordID(1)}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	same(t, r.found(t, audit.Options{Repair: true}))
	if len(r.get(t, recordID(1)).Formats) != 1 {
		t.Error("forgotten")
	}
}

// Nothing is compared with a disk that is not there, and what could not be mended says why.
func TestVerify_Disk(t *testing.T) {
	r := newRig(t)
	r.disk.problem = "published is not mounted"
	if _, err := r.Verify(t.Context(), audit.Options{}, nil); !errors.Is(err, volume.ErrUnusable) {
		t.Errorf("%v", err)
	}
	r.disk.problem = ""
	r.known(t, recordID(1), store.Unpublished, "video")
	r.lay(t, r.dirs.Published, recordID(1), "video")
	r.disk.hung, r.disk.problem = true, ""
	report, err := r.Verify(t.Context(), audit.Options{Repair: true}, func(record.Progress) {})
	if err != nil || len(report.Findings) != 1 || !strings.Contains(report.Findings[0].Text, "; not mended: ") {
		t.Errorf("%+v %v", report, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Verify(ended, audit.Options{}, func(record.Progress) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("at the end: %v", err)
	}
}

// What an operator imports from the library itself is adopted there, as an import reports it.
func TestAdopt(t *testing.T) {
	r := broken(t)
	r.Protect = true
	r.lay(t, r.dirs.Unpublished, recordID(8), "video")
	report, err := r.Adopt(t.Context(), imports.Options{}, func(record.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{recordID(5), recordID(6), recordID(8)}; !slices.Equal(report.Imported, want) {
		t.Errorf("imported %v, want %v", report.Imported, want)
	}
	if len(report.Failed) != 1 || report.Failed[0].RecordID != recordID(4) || report.Same != 5 {
		t.Errorf("%+v", report)
	}
	if got := r.get(t, recordID(8)); got.State != store.Unpublished || !got.Protected {
		t.Errorf("%+v", got)
	}
	report, err = r.Adopt(t.Context(), imports.Options{Force: true}, func(record.Progress) {})
	if err != nil || !slices.Equal(report.Imported, []string{recordID(4)}) {
		t.Errorf("by force: %+v %v", report, err)
	}
	if got := r.get(t, recordID(4)); got.State != store.Published || len(got.Formats) != 1 {
		t.Errorf("%+v", got)
	}
}

// What cannot be adopted says why, without telling whoever imports what an audit is.
func TestAdopt_Bad(t *testing.T) {
	r := newRig(t)
	r.lay(t, r.dirs.Published, recordID(1), "video")
	if err := os.WriteFile(filepath.Join(r.dirs.Published, "video", recordID(1), "metadata.xml"), []byte("<recording"), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := r.Adopt(t.Context(), imports.Options{}, func(record.Progress) {})
	if err != nil || len(report.Failed) != 1 || strings.Contains(report.Failed[0].Text, "not mended") ||
		!strings.Contains(report.Failed[0].Text, "metadata.xml") {
		t.Errorf("%+v %v", report, err)
	}
}

// What was noted beside the files of a recording makes it again as it was, for the tenant that has it.
func TestAdopt_Noted(t *testing.T) {
	r := newRig(t)
	if _, err := r.db.CreateTenant(t.Context(), store.Tenant{ID: "school"}); err != nil {
		t.Fatal(err)
	}
	id := recordID(1)
	r.lay(t, r.dirs.Published, id, "video")
	held := r.lib.Hold(id)
	r.Files.WriteNote(held, store.Recording{RecordID: id, Tenant: "school", Server: "bbb1", Imported: monday, Protected: true})
	held.Release()
	same(t, r.found(t, audit.Options{Adopt: true}), "orphan 1/video!")
	if got := r.get(t, id); got.Tenant != "school" || got.Server != "bbb1" || !got.Protected || !got.Imported.Equal(monday) {
		t.Errorf("%+v", got)
	}
}

// What is owed is here when it is adopted, whatever state the index had it in.
func TestAdopt_Owed(t *testing.T) {
	r := newRig(t)
	id := recordID(1)
	if err := r.db.CreateRecording(t.Context(), store.Recording{
		RecordID: id, Tenant: "default", State: store.Processing,
		Owed: &store.Owed{Server: "bbb1", Step: store.OwedPublished, Formats: []string{"video", "presentation"}},
	}); err != nil {
		t.Fatal(err)
	}
	r.lay(t, r.dirs.Published, id, "video")
	same(t, r.found(t, audit.Options{Adopt: true}), "orphan 1/video!")
	if got := r.get(t, id); got.State != store.Published || got.Owed == nil || !slices.Equal(got.Owed.Formats, []string{"presentation"}) {
		t.Errorf("%+v", got)
	}
}

// Every day what can be mended is mended, but nothing is forgotten, and the log says what was found, up to a point.
func TestTidy(t *testing.T) {
	r := broken(t)
	if err := r.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.get(t, recordID(7)).RecordID == "" || r.get(t, recordID(5)).RecordID != "" {
		t.Error("forgotten, or adopted")
	}
	if got := strings.Count(r.log.String(), `"level":"warn"`); got != 7 {
		t.Errorf("%d lines: %s", got, r.log.String())
	}
	want := []problems.Problem{{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: "inconsistent", Logged: true,
		Text: "index and disk differ in 4 places:", Remedy: "bbbpool recording verify lists them",
	}}
	if diff := cmp.Diff(want, r.Problems(t.Context())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if r.WriteMetrics(&b); b.String() != audit.Families[0].Name+" 4\n" {
		t.Errorf("%q", b.String())
	}
	for n := 10; n < 40; n++ {
		r.lay(t, r.dirs.Published, recordID(n), "video")
	}
	r.log.Reset()
	if err := r.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(r.log.String(), `"level":"warn"`); got != 21 || !strings.Contains(r.log.String(), "see bbbpool recording verify") {
		t.Errorf("%d lines", got)
	}
	r.log.Reset()
	r.disk.hung, r.disk.problem = true, "published is hung"
	if err := r.Tidy(t.Context()); !errors.Is(err, volume.ErrUnusable) || r.log.Len() != 0 {
		t.Errorf("%v: %s", err, r.log.String())
	}
}

// Long comparisons tell how far they are.
func TestVerify_Progress(t *testing.T) {
	r := newRig(t)
	for n := range 120 {
		r.lay(t, r.dirs.Published, recordID(n), "video")
	}
	var mu sync.Mutex
	var steps []int
	report, err := r.Verify(t.Context(), audit.Options{Adopt: true}, func(p record.Progress) {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, p.Done)
	})
	if err != nil || report.Formats != 120 || report.Recordings != 120 || report.Repaired != 120 || !slices.Equal(steps, []int{100, 200}) {
		t.Errorf("%d formats, %d recordings, %d mended, told %v: %v", report.Formats, report.Recordings, report.Repaired, steps, err)
	}
}
