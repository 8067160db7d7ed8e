package stream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/stream"
	"github.com/bbbpool/bbbpool/store"
)

// epochs is who leads, as a test says.
type epochs struct {
	mu      sync.Mutex
	leader  store.Lease
	highest uint64
	changed chan struct{}
	looks   chan struct{}
}

func newEpochs() *epochs {
	return &epochs{changed: make(chan struct{}), looks: make(chan struct{}, 100)}
}

func (e *epochs) Leader() (store.Lease, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.leader, e.changed
}

func (e *epochs) Highest() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.highest
}

func (e *epochs) Seen(epoch uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.highest = max(e.highest, epoch)
}

func (e *epochs) Look() {
	select {
	case e.looks <- struct{}{}:
	default:
	}
}

func (e *epochs) set(l store.Lease) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leader = l
	close(e.changed)
	e.changed = make(chan struct{})
}

// part is a list of lines, which grows.
type part struct {
	mu      sync.Mutex
	lines   []string
	send    map[int]func([]byte)
	next    int
	changed chan struct{}
}

func newPart(lines ...string) *part {
	return &part{lines: lines, send: map[int]func([]byte){}, changed: make(chan struct{}, 1000)}
}

func (p *part) Tell(send func([]byte)) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	send([]byte(strings.Join(p.lines, "\n")))
	id := p.next
	p.next++
	p.send[id] = send
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.send, id)
	}
}

func (p *part) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	for _, send := range p.send {
		send([]byte(line))
	}
}

func (p *part) Hear(b []byte, first bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if string(b) == "bad" {
		return errors.New("not understood")
	}
	if first {
		p.lines = nil
	}
	p.lines = append(p.lines, strings.Split(string(b), "\n")...)
	p.changed <- struct{}{}
	return nil
}

// has waits until a part has exactly these lines.
func (p *part) has(t *testing.T, want ...string) {
	t.Helper()
	for {
		p.mu.Lock()
		same := slices.Equal(p.lines, want)
		p.mu.Unlock()
		if same {
			return
		}
		select {
		case <-p.changed:
		case <-t.Context().Done():
			t.Fatalf("it has %q", p.lines)
		}
	}
}

// leader is an instance that leads.
type leader struct {
	hub   *stream.Hub
	epoch atomic.Uint64 // 0 where it does not
	lease store.Lease
}

func lead(t *testing.T, epoch uint64, parts map[string]stream.News) (*leader, http.RoundTripper) {
	t.Helper()
	l := &leader{}
	l.epoch.Store(epoch)
	l.hub = &stream.Hub{Parts: parts, Log: zerolog.Nop(), Mine: func() (store.Lease, bool) {
		e := l.epoch.Load()
		return store.Lease{Epoch: e}, e > 0
	}}
	mux := http.NewServeMux()
	mux.Handle("GET "+stream.Path, l.hub)
	mux.HandleFunc("POST "+stream.HeardPath, l.hub.ServeHeard)
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	l.lease = store.Lease{Holder: "leader", Address: s.Listener.Addr().String(), Epoch: epoch}
	return l, s.Client().Transport
}

// follow starts a follower.
func follow(t *testing.T, e *epochs, client http.RoundTripper, parts map[string]stream.News) *stream.Feed {
	t.Helper()
	f := &stream.Feed{Parts: parts, ID: "follower", Epochs: e, Client: client, Log: zerolog.Nop()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

// eventually waits until something is so.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for ; !so(); <-time.After(5 * time.Millisecond) {
		if t.Context().Err() != nil {
			t.Fatal("it never came to be so")
		}
	}
}

// A follower knows what the leader knows, and each change; what a part does not know is passed over. When another leads it
// hears that one, and nothing more of the one before.
func TestFeed(t *testing.T) {
	told, other := newPart("a", "b"), newPart("x")
	l, client := lead(t, 7, map[string]stream.News{"claims": told, "newer": other})
	e, heard := newEpochs(), newPart("old")
	f := follow(t, e, client, map[string]stream.News{"claims": heard})
	if f.Fresh() {
		t.Error("it is fresh and has heard nothing")
	}
	e.set(l.lease)
	heard.has(t, "a", "b")
	want := []string{"a", "b"}
	for i := range 200 {
		line := fmt.Sprint(i)
		want = append(want, line)
		told.add(line)
	}
	heard.has(t, want...)
	eventually(t, f.Fresh)
	if e.Highest() != 7 {
		t.Errorf("epoch %d", e.Highest())
	}

	second := newPart("c")
	l2, client2 := lead(t, 8, map[string]stream.News{"claims": second})
	f.Client = either{l.lease.Address: client, l2.lease.Address: client2}
	e.set(l2.lease)
	heard.has(t, "c")
	told.add("late")
	second.add("d")
	heard.has(t, "c", "d")
}

// either chooses a client by address.
type either map[string]http.RoundTripper

func (e either) RoundTrip(r *http.Request) (*http.Response, error) { return e[r.URL.Host].RoundTrip(r) }

// News of a leader that is none any more, or of an epoch before one that was heard of, is not fresh.
func TestFeed_Old(t *testing.T) {
	l, client := lead(t, 7, map[string]stream.News{"claims": newPart("a")})
	e, heard := newEpochs(), newPart()
	f := follow(t, e, client, map[string]stream.News{"claims": heard})
	e.set(l.lease)
	heard.has(t, "a")
	eventually(t, f.Fresh)
	e.Seen(9)
	if f.Fresh() {
		t.Error("there is a later leader, and it is fresh")
	}
	eventually(t, func() bool { return f.Fault() != nil })
}

// A leader that gives the lease back tells its followers, after the last of its news.
func TestHub_Bye(t *testing.T) {
	told := newPart("a")
	l, client := lead(t, 7, map[string]stream.News{"claims": told})
	e, heard := newEpochs(), newPart()
	f := follow(t, e, client, map[string]stream.News{"claims": heard})
	e.set(l.lease)
	eventually(t, f.Fresh)
	told.add("b")
	l.epoch.Store(0)
	l.hub.Bye()
	heard.has(t, "a", "b")
	<-e.looks
	eventually(t, func() bool { return !f.Fresh() && l.hub.Followers() == 0 })
	if len(told.send) != 0 {
		t.Error("the part still tells")
	}
}

// Before an instance leads, its parts hear nothing any more, until it follows again.
func TestFeed_Hold(t *testing.T) {
	told := newPart("a")
	l, client := lead(t, 7, map[string]stream.News{"claims": told})
	e, heard := newEpochs(), newPart()
	f := follow(t, e, client, map[string]stream.News{"claims": heard})
	e.set(l.lease)
	eventually(t, f.Fresh)
	release := f.Hold()
	told.add("b")
	if f.Fresh() {
		t.Error("it is fresh")
	}
	heard.has(t, "a")
	release()
	heard.has(t, "a", "b")
}

// A part that does not understand what it hears is told everything again.
func TestFeed_NotUnderstood(t *testing.T) {
	told := newPart("a")
	l, client := lead(t, 7, map[string]stream.News{"claims": told})
	e, heard := newEpochs(), newPart()
	follow(t, e, client, map[string]stream.News{"claims": heard})
	e.set(l.lease)
	heard.has(t, "a")
	told.add("bad")
	told.add("c")
	heard.has(t, "a", "bad", "c") // with first it is a list
}
