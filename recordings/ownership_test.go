package recordings_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// counting is an index that counts what is committed, by job.
type counting struct {
	recordings.Index
	mu        sync.Mutex
	committed map[string]int
}

func (c *counting) Commit(
	ctx context.Context, j store.Job, ids []string, change func(*store.Recording) error, tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	list, err := c.Index.Commit(ctx, j, ids, change, tell...)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.committed[j.ID]++
	}
	return list, err
}

// unsealed is a library that does not wait for the disk, so that a test can have thousands of imports.
type unsealed struct{ recordings.Library }

func (unsealed) Seal(string) error { return nil }

// sender hands over archives as the upload handler does, and comes back while it is told to.
func send(ctx context.Context, s *recordings.Service, by, id string, content []byte) (job string, err error) {
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	u := upload.Upload{
		Name: id + ".tar", Server: by, SHA256: sum, Bytes: int64(len(content)),
		Path: filepath.Join(s.Config.Spool, fmt.Sprintf(".upload-%s-%d", id, rand.Int64())),
	}
	for ctx.Err() == nil {
		if _, known := s.Known(ctx, by, sum); known {
			_ = os.Remove(u.Path)
			break
		}
		if err := os.WriteFile(u.Path, content, 0o600); err != nil {
			return "", err
		}
		if err = s.Accept(ctx, u); err == nil {
			break
		}
		if !errors.Is(err, recordings.ErrBusy) {
			return "", err
		}
	}
	return id + "-" + sum[:12] + ".tar", ctx.Err()
}

// film is the archive of a recording.
func film(t testing.TB, n, version int) []byte {
	return pack(t, made{
		id: recordID(n), format: "video", meetingID: "room", media: fmt.Sprintf("film %d of %d", version, n),
	})
}

// Senders that race each other with the same archives, operators that have everything tried again, and looks through the
// spool: each archive is imported exactly once, and all that was acknowledged plays.
func TestUpload_Races(t *testing.T) {
	index := &counting{committed: map[string]int{}}
	p := start(t, func(s *recordings.Service) {
		index.Index, s.Index, s.Library = s.Index, index, unsealed{s.Library}
		s.Config.Parallel, s.Config.Precompress, s.Config.Rest = 64, false, time.Millisecond
	})
	const all = 1000
	var names [all]atomic.Value
	var senders, others sync.WaitGroup
	sent := make(chan struct{})
	for range 4 {
		others.Go(func() {
			for alive(sent) {
				if name, _ := names[rand.IntN(all)].Load().(string); name != "" {
					_, _ = p.Retry(t.Context(), name)
				}
				p.Look()
			}
		})
	}
	var next atomic.Int64
	for range 8 {
		senders.Go(func() {
			for n := int(next.Add(1)); n <= 2*all; n = int(next.Add(1)) {
				which := (n - 1) / 2 // each by two senders at the same time
				name, err := send(t.Context(), p.Service, "bbb1", recordID(which), film(t, which, 1))
				if err != nil {
					t.Error(err)
				}
				names[which].Store(name)
			}
		})
	}
	senders.Wait()
	eventually(t, "nothing is left to be imported", func() bool { return len(p.open(t)) == 0 })
	close(sent)
	others.Wait()
	eventually(t, "the spool is empty", func() bool { return len(files(t, p.Config.Spool)) == 0 })
	for n := range all {
		name, _ := names[n].Load().(string)
		if count := index.committed[name]; count != 1 {
			t.Errorf("%s was imported %d times", name, count)
		}
		p.delivered(t, n, name)
	}
	p.sound(t)
}

// An archive that comes under the name of one whose files are still being put in place does not make that one forgotten:
// the index has it already. It waits, and is imported after it.
func TestSpool_ReplacedWhilePlacing(t *testing.T) {
	files := &balky{}
	p := start(t, func(s *recordings.Service) {
		files.Library, s.Library, s.Config.Retry = s.Library, files, 500*time.Millisecond
	})
	files.refuse.Store(true)
	id, name := recordID(1), recordID(1)+".tar"
	p.drop(t, name, pack(t, made{id: id, format: "video", meetingID: "room", media: "film"}))
	eventually(t, "the film waits for its place", func() bool {
		job := p.job(t, name)
		return job.State == store.JobPlacing && job.Reason != ""
	})
	p.drop(t, name, pack(t, made{id: id, format: "presentation", meetingID: "room", media: "slides"}))
	time.Sleep(10 * p.Config.Rest) // so that it is seen; nothing depends on it
	files.refuse.Store(false)
	eventually(t, "the slides are here", func() bool { return p.media(t, id, "presentation") == "slides" })
	eventually(t, "nothing is left", func() bool { return len(archives(t, p.Config.Spool))+len(p.open(t)) == 0 })
	if got := p.media(t, id, "video"); got != "film" {
		t.Errorf("the film plays as %q", got)
	}
	p.sound(t)
}

func alive(end <-chan struct{}) bool {
	select {
	case <-end:
		return false
	default:
		return true
	}
}

// delivered fails the test unless a recording plays, and its job is done.
func (p *pool) delivered(t testing.TB, n int, name string) {
	t.Helper()
	job, err := p.Index.Job(t.Context(), name)
	got, state := p.media(t, recordID(n), "video"), p.get(t, recordID(n)).State
	if err != nil || job.State != store.JobDone || got != fmt.Sprintf("film 1 of %d", n) || state != store.Published {
		t.Errorf("%s is %s and plays %q; job %+v %v", recordID(n), state, got, job, err)
	}
}

// open are the jobs that are not over.
func (p *pool) open(t testing.TB) []store.Job {
	t.Helper()
	jobs, err := p.Jobs(t.Context(), store.JobFilter{States: []store.JobState{
		store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobFailed,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// archives are the files in a spool, without the parts of uploads that were never whole.
func archives(t testing.TB, spool string) []string {
	t.Helper()
	return slices.DeleteFunc(files(t, spool), func(path string) bool {
		return strings.HasPrefix(filepath.Base(path), ".upload-")
	})
}

// beSender makes this test binary a pool that gets uploads, retries and looks through its spool until it is killed.
const beSender = "BBBPOOL_TEST_SENDER"

// sendUntilKilled tells of each archive that it has acknowledged.
func sendUntilKilled(dir, first string) {
	p, err := assemble(dir, func(s *recordings.Service) {
		s.Library = unsealed{s.Library}
		s.Config.Parallel, s.Config.Precompress = 4, false
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() { _ = p.Run(context.Background()) }()
	var from int
	_, _ = fmt.Sscan(first, &from)
	var next atomic.Int64
	var out sync.Mutex
	for range 4 {
		go func() {
			t := &testing.T{}
			for {
				n := from + int(next.Add(1))/2
				name, err := send(context.Background(), p.Service, "bbb1", recordID(n), film(t, n, 1))
				out.Lock()
				fmt.Println("sent", n, name, err)
				out.Unlock()
				_, _ = p.Retry(context.Background(), name)
				p.Look()
			}
		}()
	}
	select {}
}

// Whenever a pool is killed while senders race: what it has acknowledged is imported once it runs again, exactly once.
func TestUpload_Kills(t *testing.T) {
	dir, sent := t.TempDir(), map[int]string{}
	from := 0
	for range max(1, *kills/6) {
		for n, name := range sendAndKill(t, dir, from) {
			sent[n] = name
			from = max(from, n+1)
		}
		from += 10 // those that were under way
	}
	p := open(t, dir, func(s *recordings.Service) { s.Library = unsealed{s.Library} })
	p.run(t)
	eventually(t, "nothing is left to be imported", func() bool {
		return len(p.open(t)) == 0 && len(archives(t, p.Config.Spool)) == 0
	})
	for n, name := range sent {
		p.delivered(t, n, name)
		if again := strings.Count(p.log.text(), `"archive":"`+name+`","bytes"`); again > 1 {
			t.Errorf("%s was imported %d times after it was acknowledged", name, again)
		}
	}
	p.sound(t)
	t.Logf("%d uploads acknowledged", len(sent))
}

// sendAndKill runs a pool until it is killed at a random moment, and returns what it has acknowledged.
func sendAndKill(t *testing.T, dir string, from int) map[int]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), beSender+"="+dir, "BBBPOOL_TEST_FROM="+fmt.Sprint(from))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	sent, lines, left := map[int]string{}, bufio.NewScanner(out), 1+rand.IntN(200)
	for lines.Scan() {
		var n int
		var name, outcome string
		if _, err := fmt.Sscanf(lines.Text(), "sent %d %s %s", &n, &name, &outcome); err != nil || outcome != "<nil>" {
			t.Errorf("the pool says %q", lines.Text())
			break
		}
		sent[n] = name
		if left--; left == 0 {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return sent
}

// Two servers send the same bytes, of a meeting of the second. That one is not told that its archive is here before it is
// decided that the first may not send it: what was acknowledged to it plays.
func TestUpload_SameOfTwoServers(t *testing.T) {
	p := start(t, nil)
	if err := p.db.CreateServer(t.Context(), store.Server{ID: "bbb1", URL: "https://bbb1", State: store.Enabled}); err != nil {
		t.Fatal(err)
	}
	claim := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room"}, Server: "bbb1", InternalID: recordID(1),
		Recorded: true, Placed: monday,
	}
	if _, err := p.db.CreateClaim(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{recordID(1), "of-another-name"} {
		content := film(t, 1, 1)
		p.disk.set("is full", nil)
		thiefs, err := send(t.Context(), p.Service, "thief", name, content)
		if err != nil {
			t.Fatal(err)
		}
		if state, known := p.Known(t.Context(), "bbb1", fmt.Sprintf("%x", sha256.Sum256(content))); known || state == "" {
			t.Errorf("bbb1 is told that it is %q, known %v", state, known)
		}
		path := filepath.Join(p.Config.Spool, ".upload-bbb1")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		u := upload.Upload{
			Name: recordID(1) + ".tar", Server: "bbb1", SHA256: fmt.Sprintf("%x", sha256.Sum256(content)), Path: path,
		}
		if err := p.Accept(t.Context(), u); !errors.Is(err, recordings.ErrBusy) {
			t.Errorf("accepted meanwhile: %v", err)
		}
		p.disk.set("", nil)
		p.quarantined(t, thiefs)
	}
	name, err := send(t.Context(), p.Service, "bbb1", recordID(1), film(t, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, name, store.JobDone)
	p.delivered(t, 1, name)
	p.sound(t)
}

// An archive is taken again, though it was imported before, where what has come of it is gone; what was deleted stays so.
func TestUpload_AgainWhereGone(t *testing.T) {
	p := start(t, nil)
	name, err := send(t.Context(), p.Service, "bbb1", recordID(1), film(t, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, name, store.JobDone)
	if err := os.RemoveAll(filepath.Join(p.Config.Published, "video", recordID(1))); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"its files are gone", "it is forgotten"} {
		if _, known := p.Known(t.Context(), "bbb1", fmt.Sprintf("%x", sha256.Sum256(film(t, 1, 1)))); known {
			t.Errorf("%s, and it is said to be here", gone)
		}
		p.verify(t, recordings.VerifyOptions{Repair: true})
	}
	if _, err := send(t.Context(), p.Service, "bbb1", recordID(1), film(t, 1, 1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is here again", func() bool { return p.media(t, recordID(1), "video") != "" })
	p.waitFor(t, name, store.JobDone)
	p.delivered(t, 1, name)
	if _, err := p.Delete(t.Context(), "default", []string{recordID(1)}); err != nil {
		t.Fatal(err)
	}
	if _, known := p.Known(t.Context(), "bbb1", fmt.Sprintf("%x", sha256.Sum256(film(t, 1, 1)))); !known {
		t.Error("what was deleted is asked for again")
	}
}

// What was dropped because the same is here already may be sent again when that is gone.
func TestUpload_AgainWhereTheSameIsGone(t *testing.T) {
	p := start(t, nil)
	p.take(t, made{id: recordID(1), format: "video", meetingID: "room", media: "film 1 of 1"})
	name, err := send(t.Context(), p.Service, "bbb1", recordID(1), film(t, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, name, store.JobDropped)
	sum := fmt.Sprintf("%x", sha256.Sum256(film(t, 1, 1)))
	if _, known := p.Known(t.Context(), "bbb1", sum); !known {
		t.Error("it is asked for again")
	}
	if err := os.RemoveAll(filepath.Join(p.Config.Published, "video", recordID(1))); err != nil {
		t.Fatal(err)
	}
	if state, known := p.Known(t.Context(), "bbb1", sum); known || state != "" {
		t.Errorf("it is gone, and said to be %s", state)
	}
}

// orderly is an index that knows in which order jobs were first written down.
type orderly struct {
	recordings.Index
	mu    sync.Mutex
	order []string
}

func (o *orderly) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	o.mu.Lock()
	if !slices.Contains(o.order, id) {
		o.order = append(o.order, id)
	}
	o.mu.Unlock()
	return o.Index.UpdateJob(ctx, id, change)
}

// Archives are noted from the oldest on: a pool that is killed in between has noted none that is newer than one it has
// not, or that one would have the last word about their recording once it starts again.
func TestSpool_NotedInOrder(t *testing.T) {
	index := &orderly{}
	p := open(t, t.TempDir(), func(s *recordings.Service) { index.Index, s.Index = s.Index, index })
	var want []string
	for n := range 20 {
		name := fmt.Sprintf("%s-%d.tar", recordID(1), 100-n)
		p.drop(t, name, edition(t, recordID(1), n+1))
		at := monday.Add(time.Duration(n) * time.Second)
		if err := os.Chtimes(filepath.Join(p.Config.Spool, name), at, at); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	p.run(t)
	eventually(t, "everything is imported", func() bool { return len(files(t, p.Config.Spool)) == 0 })
	index.mu.Lock()
	defer index.mu.Unlock()
	if !slices.Equal(index.order, want) {
		t.Errorf("noted in the order %q", index.order)
	}
	if got := p.editionOf(t, recordID(1), "video"); got != 20 {
		t.Errorf("edition %d plays", got)
	}
}
