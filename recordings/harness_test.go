package recordings_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// pool is the recordings of a pool over real directories and a real store.
type pool struct {
	*recordings.Service
	data    string
	db      roles
	disk    *disk
	servers *servers
	log     *logged
	stop    func()
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

// quick are settings under which nothing is waited for longer than a test likes.
func quick(dir string) recordings.Config {
	c := recordings.Config{
		Root: filepath.Join(dir, "recordings"), Interval: time.Second, Rest: 20 * time.Millisecond, Parallel: 2,
		Retry: 20 * time.Millisecond, Precompress: true, MaxBytes: 1 << 30, MaxFiles: 10_000,
		Overdue: quantity.Age(24 * time.Hour),
	}
	return c.In(dir)
}

// assemble puts a pool together in a directory, as main does, and does not run it.
func assemble(dir string, change func(*recordings.Service)) (*pool, error) {
	file, err := bolt.Open(dir)
	if err != nil {
		return nil, err
	}
	db := roles{file.Index(), file.State()}
	p := &pool{data: dir, db: db, disk: &disk{}, servers: &servers{}, log: &logged{}}
	c := quick(dir)
	lib, err := library.New(c.Dirs())
	if err != nil {
		return nil, err
	}
	p.Service = &recordings.Service{
		Config: c, Index: db, Tenants: db, Library: lib, Disk: p.disk, Servers: db, Live: db, Pool: p.servers, Data: dir,
		Log: zerolog.New(p.log),
	}
	if change != nil {
		change(p.Service)
	}
	p.Init()
	return p, errors.Join(os.MkdirAll(c.Spool, 0o750), p.Library.Prepare(), p.Load(context.Background()))
}

// open puts a pool together for a test.
func open(t testing.TB, dir string, change func(*recordings.Service)) *pool {
	t.Helper()
	p, err := assemble(dir, change)
	if err != nil {
		t.Fatal(err)
	}
	p.stop = sync.OnceFunc(func() { _ = p.db.Close() })
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			text := p.log.text()
			t.Log(text[max(0, len(text)-4000):])
		}
	})
	return p
}

// logged is what a pool has logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start opens a pool and runs it until the test ends.
func start(t testing.TB, change func(*recordings.Service)) *pool {
	t.Helper()
	p := open(t, t.TempDir(), change)
	p.run(t)
	return p
}

func (p *pool) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = p.db.Close()
	})
}

// disk is a volume that has room, unless it was told otherwise.
type disk struct {
	mu      sync.Mutex
	problem string
	room    error
	limit   int64 // bytes that fit; 0 is any number
}

func (d *disk) set(problem string, room error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problem, d.room = problem, room
}

func (d *disk) Problem() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.problem
}

func (d *disk) Room(bytes int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limit > 0 && bytes > d.limit {
		return fmt.Errorf("%d bytes do not fit", bytes)
	}
	return d.room
}

func (d *disk) Hung() bool            { return false }
func (d *disk) Gone() bool            { return false }
func (d *disk) Spare() int64          { return 0 }
func (d *disk) Check(context.Context) {}

func (d *disk) Known(context.Context) []volume.Status       { return nil }
func (d *disk) Problems(context.Context) []problems.Problem { return nil }

func (d *disk) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// servers answer for what they have of recordings.
type servers struct {
	mu    sync.Mutex
	known map[string]store.Recording
	err   error
	asked int
}

func (s *servers) tell(list ...store.Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = map[string]store.Recording{}
	for _, r := range list {
		s.known[r.RecordID] = r
	}
}

func (s *servers) Recordings(_ context.Context, _ string, ids []string) (list []store.Recording, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	for _, id := range ids {
		if r, ok := s.known[id]; ok {
			list = append(list, r)
		}
	}
	return list, s.err
}

// recordID makes an ID in BigBlueButton's form.
func recordID(n int) string { return fmt.Sprintf("%040x-%013d", n, 1_760_000_000_000+int64(n)) }

// made is what a server has made of one format.
type made struct {
	id, format string
	meetingID  string
	state      string // published by default
	meta       map[string]string
	media      string // content of a file of the format
	parent     string // internal ID of the meeting that it was a breakout room of
}

func (m made) metadata() string {
	var meta strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m.meta)) {
		fmt.Fprintf(&meta, "<%s>%s</%s>", key, m.meta[key], key)
	}
	state := m.state
	if state == "" {
		state = "published"
	}
	breakout := ""
	if m.parent != "" {
		breakout = `<breakout parentMeetingId="` + m.parent + `" sequence="1"/>`
	}
	return fmt.Sprintf(`<?xml version="1.0"?>
<recording>
  <id>%[1]s</id><state>%[2]s</state><published>%[3]t</published>
  <start_time>%[4]d</start_time><end_time>%[5]d</end_time><participants>3</participants>
  <meeting id="%[1]s" externalId="%[6]s" name="Algebra" breakout="%[10]t"/>%[11]s
  <meta><meetingId>%[6]s</meetingId><meetingName>Algebra</meetingName>%[7]s</meta>
  <playback><format>%[8]s</format><link>https://bbb.example.org/%[8]s/%[1]s/</link><duration>3600000</duration>
  <size>%[9]d</size></playback>
  <raw_size>12345</raw_size>
</recording>
`, m.id, state, state == "published", monday.UnixMilli(), monday.Add(time.Hour).UnixMilli(), m.meetingID, meta.String(),
		m.format, len(m.media), m.parent != "", breakout)
}

// pack makes a tar of formats.
func pack(t testing.TB, formats ...made) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name, content string) {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range formats {
		add(m.format+"/"+m.id+"/metadata.xml", m.metadata())
		add(m.format+"/"+m.id+"/media.txt", m.media)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drop puts an archive into the spool in one step.
func (p *pool) drop(t testing.TB, name string, content []byte) {
	t.Helper()
	temp := filepath.Join(p.Config.Spool, "."+name+".part")
	if err := os.WriteFile(temp, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(p.Config.Spool, name)); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not so: %s", what)
		}
	}
}

// job returns a job; one that is not there has no state.
func (p *pool) job(t testing.TB, id string) store.Job {
	t.Helper()
	jobs, err := p.Jobs(t.Context(), store.JobFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.ID == id {
			return j
		}
	}
	return store.Job{}
}

func (p *pool) waitFor(t testing.TB, id string, states ...store.JobState) (job store.Job) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is %v", id, states), func() bool {
		job = p.job(t, id)
		return slices.Contains(states, job.State)
	})
	return job
}

// quarantined waits until a job has failed and its archive, which is moved after that was noted, is in quarantine.
func (p *pool) quarantined(t testing.TB, id string) store.Job {
	t.Helper()
	job := p.waitFor(t, id, store.JobFailed)
	eventually(t, id+" is in quarantine", func() bool {
		_, err := os.Stat(job.Path)
		return err == nil && filepath.Base(filepath.Dir(job.Path)) == "quarantine"
	})
	return job
}

// get returns a recording, empty if there is none.
func (p *pool) get(t testing.TB, id string) store.Recording {
	t.Helper()
	r, err := p.Recording(t.Context(), id)
	if err != nil {
		return store.Recording{}
	}
	return r
}

// media returns what plays of a format, "" for nothing.
func (p *pool) media(t testing.TB, id, format string) string {
	t.Helper()
	f, err := p.Library.Open(id, format, "media.txt")
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	var b bytes.Buffer
	if _, err := b.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sound fails the test unless index and disk agree and nothing is left over.
func (p *pool) sound(t testing.TB) {
	t.Helper()
	report, err := p.Verify(t.Context(), recordings.VerifyOptions{}, func(recordings.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Kind != "stuck" {
			t.Errorf("index and disk: %+v", f)
		}
	}
}

// files returns every file below a directory, but for the library's own things.
func files(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == ".bbbpool" {
			return fs.SkipDir
		}
		if err == nil && !e.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
