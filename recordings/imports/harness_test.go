package imports_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// recordID makes an ID in BigBlueButton's form.
func recordID(n int) string { return fmt.Sprintf("%040x-%013d", n, 1_760_000_000_000+int64(n)) }

func badArchive(incomplete bool) error { return &archive.Error{What: "is bad", Incomplete: incomplete} }

// disk is a volume with as much room as a test likes.
type disk struct {
	mu      sync.Mutex
	problem string
	limit   int64 // bytes that fit; 0 is any number
	spare   int64
	asked   int
}

func (d *disk) set(problem string, limit int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problem, d.limit = problem, limit
}

func (d *disk) Problem() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.problem
}

func (d *disk) Room(bytes int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.limit > 0 && bytes > d.limit {
		return fmt.Errorf("%d bytes do not fit", bytes)
	}
	return nil
}

func (d *disk) Spare() int64          { return d.spare }
func (d *disk) Hung() bool            { return false }
func (d *disk) Check(context.Context) {}

// log is what an importer has logged.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

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

// rig is an importer over a real store and a real library.
type rig struct {
	*imports.Importer
	db   roles
	lib  *library.Library
	disk *disk
	now  time.Time
	log  *log
}

func newRig(t testing.TB) *rig {
	t.Helper()
	dir := t.TempDir()
	file, err := bolt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	db := roles{file.Index(), file.State()}
	in := func(name string) string { return filepath.Join(dir, "recordings", name) }
	lib, err := library.New(library.Dirs{Published: in("published"), Unpublished: in("unpublished"), Deleted: in("deleted")})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{db: db, lib: lib, disk: &disk{}, now: monday, log: &log{}}
	now, logger := func() time.Time { return r.now }, zerolog.New(r.log)
	r.Importer = &imports.Importer{
		Config: imports.Config{
			Spool: in("spool"), Interval: time.Second, Rest: 10 * time.Millisecond, Retry: 10 * time.Second, Parallel: 2,
			MaxBytes: 1 << 30, MaxFiles: 1000,
		},
		Index: db, Owners: record.Owners{Sessions: db, Tenants: db}, Servers: db, Live: db, Library: lib, Disk: r.disk,
		Files: &record.Files{Index: db, Library: lib, Disk: r.disk, Log: logger, Now: now},
		Log:   logger, Now: now,
	}
	r.Init()
	if err := errors.Join(os.MkdirAll(r.Config.Spool, 0o750), lib.Prepare(), r.Load(t.Context())); err != nil {
		t.Fatal(err)
	}
	return r
}

// run lets the importer work until the test ends, by the clock on the wall.
func (r *rig) run(t testing.TB) {
	t.Helper()
	r.Now = time.Now
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() { r.Watch(ctx) })
	both.Go(func() { r.Dispatch(ctx) })
	t.Cleanup(func() {
		cancel()
		both.Wait()
	})
}

// pack makes an archive of a recording with these formats.
func pack(t testing.TB, id string, formats ...string) []byte {
	t.Helper()
	return packed(t, id, nil, formats...)
}

// packed makes an archive of a recording with these formats, and more metadata than every recording has.
func packed(t testing.TB, id string, meta map[string]string, formats ...string) []byte {
	t.Helper()
	more := ""
	for key, value := range meta {
		more += fmt.Sprintf("<%[1]s>%[2]s</%[1]s>", key, value)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, format := range formats {
		described := strings.Replace(metadata(id, format), "</meta>", more+"</meta>", 1)
		for name, content := range map[string]string{"metadata.xml": described, "media.txt": "film"} {
			err := w.WriteHeader(&tar.Header{
				Typeflag: tar.TypeReg, Name: format + "/" + id + "/" + name, Mode: 0o644, Size: int64(len(content)),
			})
			if err == nil {
				_, err = w.Write([]byte(content))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// broken is an archive whose metadata cannot be read.
func broken(archive []byte) []byte {
	return bytes.Replace(archive, []byte("<recording>"), []byte("<recording<"), 1)
}

func metadata(id, format string) string {
	return fmt.Sprintf(`<?xml version="1.0"?>
<recording><id>%[1]s</id><state>published</state><published>true</published>
<start_time>%[2]d</start_time><end_time>%[3]d</end_time><participants>3</participants>
<meeting id="%[1]s" externalId="room" name="Algebra" breakout="false"/>
<meta><meetingId>room</meetingId><meetingName>Algebra</meetingName></meta>
<playback><format>%[4]s</format><link>https://bbb.example.org/%[4]s/%[1]s/</link><size>4</size></playback></recording>
`, id, monday.UnixMilli(), monday.Add(time.Hour).UnixMilli(), format)
}

// tree writes a recording into directories, as BigBlueButton has it.
func tree(t testing.TB, dir, id string, formats ...string) {
	t.Helper()
	for _, format := range formats {
		write(t, filepath.Join(dir, format, id, "metadata.xml"), []byte(metadata(id, format)))
		write(t, filepath.Join(dir, format, id, "media.txt"), []byte("film"))
	}
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// drop puts an archive into the spool in one step.
func (r *rig) drop(t testing.TB, name string, content []byte) {
	t.Helper()
	temp := filepath.Join(r.Config.Spool, "."+name)
	write(t, temp, content)
	if err := os.Rename(temp, filepath.Join(r.Config.Spool, name)); err != nil {
		t.Fatal(err)
	}
}

// take imports what lies at a path.
func (r *rig) take(t testing.TB, o imports.Options) imports.Report {
	t.Helper()
	path, err := imports.Locate(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Import(t.Context(), path, o, func(record.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// job returns a job; one that is not there has no state.
func (r *rig) job(t testing.TB, id string) store.Job {
	t.Helper()
	j, err := r.db.Job(t.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return j
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not so: %s", what)
		}
	}
}

// names are the files in a directory, hidden ones included.
func names(t testing.TB, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
