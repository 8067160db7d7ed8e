package recordings_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// instance is one of several that have directories and records together.
type instance struct {
	*pool
	mu    sync.Mutex
	epoch uint64
	asked int
	may   func(asked int) bool // nil for always
}

// join puts an instance together that has the directories and the records of a pool.
func (p *pool) join(t *testing.T, epoch uint64, may func(asked int) bool) *instance {
	t.Helper()
	i := &instance{pool: &pool{data: p.data, db: p.db, disk: p.disk, servers: p.servers, log: &logged{}}, epoch: epoch, may: may}
	lib, err := library.New(p.Config.Dirs())
	if err != nil {
		t.Fatal(err)
	}
	i.Service = &recordings.Service{
		Config: p.Config, Index: p.db, Tenants: p.db, Library: lib, Disk: p.disk, Servers: p.db, Live: p.db, Pool: p.servers,
		Data: p.data, Log: zerolog.New(i.log),
	}
	i.Init()
	i.Share(i.current, i.authority, nil)
	return i
}

func (i *instance) current() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.epoch
}

func (i *instance) authority(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	i.mu.Lock()
	i.asked++
	asked := i.asked
	i.mu.Unlock()
	if i.may != nil && !i.may(asked) {
		return nil, nil, false
	}
	within, cancel := context.WithCancel(ctx)
	return within, cancel, true
}

// lead has an instance work on the recordings until what it returns is called.
func (i *instance) lead(t *testing.T) (resign func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()
	resign = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(resign)
	return resign
}

// cameOnce fails the test unless the recording is here once, as it came last, and nothing is left of how it came.
func (p *pool) cameOnce(t *testing.T, id string) {
	t.Helper()
	if r := p.get(t, id); r.State != store.Published || len(r.Formats) != 2 {
		t.Errorf("the recording is %+v", r)
	}
	for _, format := range []string{"presentation", "video"} {
		if got := p.media(t, id, format); got != "film" {
			t.Errorf("%s plays %q", format, got)
		}
	}
	p.sound(t)
	if left := files(t, p.Config.Spool); len(left) > 0 {
		t.Errorf("in the spool: %v", left)
	}
}

// A leader that stands still before any step of an import, while another one takes over and finishes it, and goes on then without
// knowing that it leads no more: nothing comes twice, nothing is lost, and nothing is half.
func TestRun_TakenOver(t *testing.T) {
	id := recordID(1)
	archive := pack(t, made{id: id, format: "presentation", media: "film"}, made{id: id, format: "video", media: "film"})
	for at, reached := 1, true; reached; at++ {
		t.Run(fmt.Sprint("at ", at), func(t *testing.T) {
			p := open(t, t.TempDir(), nil)
			next := p.join(t, 2, nil)
			var mu sync.Mutex
			reached = false
			former := p.join(t, 1, func(asked int) bool {
				mu.Lock()
				defer mu.Unlock()
				if asked == at {
					reached = true
					next.lead(t)
					next.waitFor(t, id+".tar", store.JobDone)
				}
				return asked <= at
			})
			p.drop(t, id+".tar", archive)
			resign := former.lead(t)
			p.waitFor(t, id+".tar", store.JobDone)
			resign()
			if _, err := next.Verify(t.Context(), recordings.VerifyOptions{Repair: true}, func(recordings.Progress) {}); err != nil {
				t.Error(err) // as it does every day: what the former one has unpacked in vain goes
			}
			p.cameOnce(t, id)
			if text := next.log.text() + former.log.text(); strings.Contains(text, "panic") || strings.Count(text, `"recording imported"`) > 2 {
				t.Error(text)
			}
		})
		if t.Failed() || at > 60 {
			break
		}
	}
}

// A service works in terms: what came while it did not is imported in the next, and nothing is done in between.
func TestRun_Terms(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	one := p.join(t, 1, nil)
	for n := range 3 {
		id := recordID(n + 1)
		one.mu.Lock()
		one.epoch = uint64(2*n + 1)
		one.mu.Unlock()
		p.drop(t, id+".tar", pack(t, made{id: id, format: "video", media: "film"}))
		if got := p.get(t, id); got.RecordID != "" {
			t.Errorf("imported by nobody: %+v", got)
		}
		resign := one.lead(t)
		p.waitFor(t, id+".tar", store.JobDone)
		resign()
	}
	p.sound(t)
}

// Who does not work on the recordings changes nothing of them, and says so; problems are those of its own disk.
func TestFollower(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	id := recordID(1)
	leader := p.join(t, 1, nil)
	resign := leader.lead(t)
	p.drop(t, id+".tar", pack(t, made{id: id, format: "video", media: "film"}))
	p.drop(t, recordID(2)+".tar", []byte("broken"))
	p.waitFor(t, id+".tar", store.JobDone)
	p.quarantined(t, recordID(2)+".tar")
	resign()
	follower := p.join(t, 1, func(int) bool { return false })
	if n, err := follower.Delete(t.Context(), "default", []string{id}); err == nil {
		t.Errorf("%d were deleted", n)
	}
	if _, err := follower.Prune(t.Context(), recordings.PruneOptions{KeepUnder: 1}, func(recordings.Progress) {}); err == nil {
		t.Error("a follower prunes")
	}
	if list := follower.Problems(t.Context()); len(list) > 0 {
		t.Errorf("problems of a follower: %+v", list)
	}
	if got := follower.media(t, id, "video"); got != "film" {
		t.Errorf("a follower plays %q", got)
	}
	if r := p.get(t, id); r.State != store.Published {
		t.Errorf("the recording is %s", r.State)
	}
}

// Instances find out whether they have the same directories.
func TestUnshared(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	one := p.join(t, 1, nil)
	for _, dir := range []string{one.Config.Published, one.Config.Unpublished, one.Config.Trash, one.Config.Spool} {
		if err := os.MkdirAll(filepath.Join(dir, ".bbbpool"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- one.Attend("a", "word").Run(ctx) }()
	eventually(t, "it has announced itself", func() bool {
		list, err := one.Unshared(t.Context(), map[string]string{"a": "word"})
		return err == nil && len(list) == 0
	})
	list, err := one.Unshared(t.Context(), map[string]string{"a": "word", "b": "other"})
	if err != nil || len(list) != 4 || !strings.Contains(list[0], "instance b") {
		t.Errorf("with an instance elsewhere: %q, %v", list, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
