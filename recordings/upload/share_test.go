package upload_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// from makes a request that of another server.
func from(server store.Server, r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer "+upload.Token(server).Reveal())
	return r
}

// under begins an upload and returns what sends its bytes and ends it.
func (p *pool) under(t *testing.T, server store.Server, archive []byte) (finish func() answer) {
	t.Helper()
	body, feed := io.Pipe()
	ended := make(chan answer)
	before := strings.Count(p.log.String(), "upload begun")
	go func() {
		ended <- do(t, from(server, request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(archive), body)))
	}()
	p.log.wait("upload begun", before+1)
	return func() answer {
		_, _ = io.Copy(feed, bytes.NewReader(archive))
		_ = feed.Close()
		return <-ended
	}
}

// both asks about an archive and sends it, whole.
func (p *pool) both(t *testing.T, server store.Server, archive []byte) []answer {
	t.Helper()
	ask := request(t, http.MethodGet, p.url+"/api/v1/recordings/upload?"+query(archive), nil)
	post := request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(archive), bytes.NewReader(archive))
	return []answer{do(t, from(server, ask)), do(t, from(server, post))}
}

// room is a disk with so much room.
func room(most int64) func(h *upload.Handler) {
	return func(h *upload.Handler) {
		h.Room = func(bytes int64) error {
			if bytes > most {
				return fmt.Errorf("%d bytes are free", most)
			}
			return nil
		}
	}
}

// However many uploads a server begins, others have theirs.
func TestHandler_Share(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config.MaxUploads = 8 })
	var finish []func() answer
	for size := range 2 {
		finish = append(finish, p.under(t, bbb1, random(1000+size)))
	}
	for _, a := range p.both(t, bbb1, random(2000)) {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(a.Error, "of this server") {
			t.Errorf("one more: %+v", a)
		}
	}
	if a := p.both(t, bbb2, random(3000)); a[0].status != http.StatusOK || a[1].status != http.StatusCreated {
		t.Errorf("of another server: %+v", a)
	}
	for _, f := range finish {
		if a := f(); a.status != http.StatusCreated {
			t.Errorf("under way: %+v", a)
		}
	}
	if a := p.both(t, bbb1, random(2000)); a[1].status != http.StatusCreated {
		t.Errorf("afterwards: %+v", a)
	}
}

// What a server has announced and does not send takes half of the room at most.
func TestHandler_HalfTheRoom(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config.MaxUploads = 8 }, room(1_000_000))
	finish := p.under(t, bbb1, random(900_000))
	for _, a := range p.both(t, bbb1, random(200_000)) {
		if a.status != http.StatusInsufficientStorage || !strings.Contains(a.Error, "1100000") {
			t.Errorf("more of the same server: %+v", a)
		}
	}
	for _, a := range p.both(t, bbb2, random(500_001)) {
		if a.status != http.StatusInsufficientStorage {
			t.Errorf("more than half, of another: %+v", a)
		}
	}
	if left := p.parts(t); len(left) != 1 {
		t.Errorf("left over of what was refused: %q", left)
	}
	if a := p.both(t, bbb2, random(500_000)); a[1].status != http.StatusCreated {
		t.Errorf("half of the room, for another: %+v", a)
	}
	finish()
}

// An upload ends when others have taken the room meanwhile, and goes on where it was when there is some again.
func TestHandler_RoomIsGone(t *testing.T) {
	var full atomic.Bool
	p := start(t, func(h *upload.Handler) {
		h.Config.MaxUpload = 1 << 30
		h.Room = func(bytes int64) error {
			if bytes == 1<<20 && full.Load() {
				return errors.New("nothing is free")
			}
			return nil
		}
	})
	const synced = 64 << 20
	archive := random(synced + 1<<20)
	full.Store(true)
	a := p.send(t, archive, 0, archive)
	if a.status != http.StatusInsufficientStorage || a.Offset != synced || !strings.Contains(a.Error, "1048576") {
		t.Errorf("no room for the rest: %+v", a)
	}
	full.Store(false)
	if a := p.send(t, archive, synced, archive[synced:]); a.status != http.StatusCreated {
		t.Errorf("the rest: %+v", a)
	}
	p.has(t, archive)
}

// begun sends the first bytes of an archive, and makes them look as old as that.
func (p *pool) begun(t *testing.T, archive []byte, count int, age time.Duration) {
	t.Helper()
	before := p.parts(t)
	if a := p.send(t, archive, 0, archive[:count]); a.status != http.StatusAccepted {
		t.Fatalf("a piece: %+v", a)
	}
	when := time.Now().Add(-age)
	for _, path := range p.parts(t) {
		if !slices.Contains(before, path) {
			if err := os.Chtimes(path, when, when); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A server that leaves many archives unfinished loses the oldest of them, and nobody else's.
func TestHandler_ManyUnfinished(t *testing.T) {
	p := start(t)
	other := random(5000)
	piece := request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query(other), bytes.NewReader(other[:10]))
	if a := do(t, from(bbb2, piece)); a.status != http.StatusAccepted {
		t.Fatalf("a piece: %+v", a)
	}
	for i := range 50 {
		p.begun(t, random(1000+i), 10, time.Duration(100-i)*time.Minute)
	}
	if a := p.ask(t, random(2000)); a.status != http.StatusOK {
		t.Errorf("asked about one more: %+v", a)
	}
	if a := p.ask(t, random(1000)); a.Offset != 10 {
		t.Errorf("asking has cost the oldest: %+v", a)
	}
	p.begun(t, random(2000), 10, 0)
	for size, want := range map[int]int64{1000: 0, 1001: 10, 1049: 10, 2000: 10} {
		if a := p.ask(t, random(size)); a.Offset != want {
			t.Errorf("%d: %+v, want offset %d", size, a, want)
		}
	}
	if a := p.send(t, random(1001), 10, random(1001)[10:]); a.status != http.StatusCreated {
		t.Errorf("one of them goes on: %+v", a)
	}
	ask := request(t, http.MethodGet, p.url+"/api/v1/recordings/upload?"+query(other), nil)
	if a := do(t, from(bbb2, ask)); a.Offset != 10 {
		t.Errorf("another server's: %+v", a)
	}
	if !strings.Contains(p.log.String(), "unfinished upload dropped") {
		t.Error("nothing of that is in the log")
	}
}

// The same goes for their bytes. What is under way is never dropped: what would be too much beside it is refused.
func TestHandler_MuchUnfinished(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config = upload.Config{MaxUpload: 100_000, MaxUploads: 12} })
	old, newer, third := random(99_000), random(99_001), random(99_002)
	p.begun(t, old, 60_000, 2*time.Hour)
	p.begun(t, newer, 60_000, time.Hour)
	p.begun(t, third, 10, 0)
	if a := p.ask(t, old); a.Offset != 0 {
		t.Errorf("the oldest: %+v", a)
	}
	if a := p.ask(t, newer); a.Offset != 60_000 {
		t.Errorf("the newer one: %+v", a)
	}
	finish := []func() answer{p.under(t, bbb1, random(98_000)), p.under(t, bbb1, random(98_001))}
	for _, a := range p.both(t, bbb1, old) {
		if a.status != http.StatusInsufficientStorage || a.Code != "unfinished" || a.header.Get("Retry-After") == "" {
			t.Errorf("beside two under way: %+v", a)
		}
	}
	for _, f := range finish {
		if a := f(); a.status != http.StatusCreated {
			t.Errorf("under way: %+v", a)
		}
	}
	if a := p.both(t, bbb1, old); a[1].status != http.StatusCreated {
		t.Errorf("afterwards: %+v", a)
	}
	if names, err := filepath.Glob(filepath.Join(p.Dir, "*.part")); err != nil || len(names) > 2 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// What another server has sent is not told to be here before it is decided that it may have sent it: the sender waits, and
// keeps what it has brought.
func TestHandler_AnotherServers(t *testing.T) {
	archive := random(100_000)
	undecided := func(t *testing.T) (p *pool, decide func(server string)) {
		t.Helper()
		p = start(t)
		p.cut(t, archive, 0, 70_000)
		decide = func(server string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.undecided = server
		}
		decide(bbb2.ID)
		if a := p.ask(t, archive); a.Complete || a.State != "uploading" {
			t.Errorf("asked: %+v", a)
		}
		if a := p.send(t, archive, 70_000, archive[70_000:]); a.status != http.StatusLocked || a.header.Get("Retry-After") == "" {
			t.Errorf("sent: %+v", a)
		}
		return p, decide
	}
	t.Run("one's own", func(t *testing.T) {
		p, decide := undecided(t)
		decide(bbb1.ID)
		if a := p.ask(t, archive); !a.Complete {
			t.Errorf("asked: %+v", a)
		}
		if left := p.parts(t); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	})
	t.Run("against the other", func(t *testing.T) {
		p, decide := undecided(t)
		decide("")
		if a := p.send(t, archive, 70_000, archive[70_000:]); a.status != http.StatusCreated {
			t.Errorf("sent: %+v", a)
		}
		p.has(t, archive)
	})
}
