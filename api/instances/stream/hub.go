package stream

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// pace and bounds of a stream.
const (
	beatEvery  = 100 * time.Millisecond
	maxBehind  = 256 << 20       // bytes that wait for one follower
	writeLimit = 2 * time.Second // for a chunk
	chunk      = 256 << 10
)

// Hub tells followers the news of the leader. Its zero value with Parts and Mine will do.
type Hub struct {
	Parts map[string]News
	Mine  func() (store.Lease, bool) // the lease under which this instance writes, until it is given back
	Log   zerolog.Logger

	mu        sync.Mutex
	followers map[*follower]bool
	left      time.Time     // when the last follower has gone
	answered  chan struct{} // closed with the next answer of a follower; nil where nobody waits
}

// NotLeader is the status for whoever asks an instance for what the leader alone has.
const NotLeader = http.StatusMisdirectedRequest

// ServeHTTP streams to one follower until either side goes, or this instance leads no more.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mine, ok := h.Mine()
	if !ok {
		http.Error(w, "this instance does not lead", NotLeader)
		return
	}
	f := &follower{name: rand.Text(), began: time.Now(), more: make(chan struct{}, 1), cut: make(chan struct{}), w: w}
	h.enter(f)
	defer h.leave(f)
	f.put(sign{Kind: hello, Epoch: mine.Epoch, Stream: f.name}.frame())
	for _, name := range slices.Sorted(maps.Keys(h.Parts)) {
		defer h.Parts[name].Tell(f.sender(name))()
	}
	leads := func() bool {
		now, ok := h.Mine()
		return ok && now.Epoch == mine.Epoch
	}
	h.begun(f)
	err := f.run(r.Context(), mine.Epoch, leads)
	if err != nil {
		h.Log.Info().Str("follower", r.RemoteAddr).Err(err).Msg("a stream to another instance has ended")
	}
}

// Bye tells all followers that the lease was given back, and ends their streams.
func (h *Hub) Bye() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.followers {
		f.put(sign{Kind: bye}.frame())
		f.end()
	}
}

// Followers is how many there are.
func (h *Hub) Followers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.followers)
}

func (h *Hub) enter(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.followers == nil {
		h.followers = map[*follower]bool{}
	}
	h.followers[f] = true
}

func (h *Hub) leave(f *follower) {
	f.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers, f)
	h.left = time.Now()
}

// follower is one that the leader streams to.
type follower struct {
	name  string
	began time.Time
	w     http.ResponseWriter
	more  chan struct{} // something waits
	cut   chan struct{} // closed when this is to end

	mu     sync.Mutex
	queue  []frame
	behind int // bytes in the queue
	ended  bool

	told         bool   // all that stood was told; this and what follows is guarded by the hub's lock
	asked, heard uint64 // the numbers of the last question, and of the last one that was answered
}

// sender is what a part sends by. The first frame of a part is everything that it knew then.
func (f *follower) sender(part string) func([]byte) {
	first := true
	return func(body []byte) {
		f.mu.Lock()
		fr := frame{part: part, first: first, body: body}
		first = false
		f.mu.Unlock()
		f.put(fr)
	}
}

// put has a frame wait. A follower that is too far behind is cut off, as is everybody if a frame is larger than one may be.
func (f *follower) put(fr frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.queue, f.behind = append(f.queue, fr), f.behind+fr.size()
	if f.behind > maxBehind || fr.size() > maxFrame {
		f.ended, f.queue = true, nil
		close(f.cut)
		return
	}
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// end lets what waits go out, and nothing else.
func (f *follower) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		f.ended = true
		close(f.cut)
	}
}

// take returns what waits.
func (f *follower) take() []frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.queue
	f.queue, f.behind = nil, 0
	return queue
}

// run sends what waits, and beats, until ctx or this instance's leading ends, or the follower is cut.
func (f *follower) run(ctx context.Context, epoch uint64, leads func() bool) error {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	last := time.Time{}
	for {
		asOf := time.Now()
		frames := f.take()
		if asOf.Sub(last) >= beatEvery/2 {
			if !leads() {
				return f.linger(frames)
			}
			frames, last = append(frames, sign{Kind: beat, Epoch: epoch, At: asOf.Sub(f.began).Milliseconds()}.frame()), asOf
		}
		if err := f.send(frames); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.cut:
			return f.send(f.take())
		case <-f.more:
			f.gather(ctx)
		case <-ticker.C:
		}
	}
}

// gatherFor is how long news waits for more of it: sent one by one, each would cost the call that makes it as much as the call
// itself.
const gatherFor = 5 * time.Millisecond

// gather waits until it is worth while to send.
func (f *follower) gather(ctx context.Context) {
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-f.cut:
	case <-timer.C:
	}
}

// byeWithin is how long a stream whose leader leads no more waits for the word that its lease was given back.
const byeWithin = 200 * time.Millisecond

// linger sends what is left, and what comes until the stream is cut.
func (f *follower) linger(frames []frame) error {
	if err := f.send(frames); err != nil {
		return err
	}
	timer := time.NewTimer(byeWithin)
	defer timer.Stop()
	select {
	case <-f.cut:
	case <-timer.C:
	}
	return f.send(f.take())
}

// errSlow is for a follower that does not take what it is sent.
var errSlow = errors.New("it did not take its news in time")

// send writes frames out.
func (f *follower) send(frames []frame) error {
	control := http.NewResponseController(f.w)
	for _, fr := range frames {
		for _, piece := range [][]byte{fr.head(), fr.body} {
			for part := range slices.Chunk(piece, chunk) {
				_ = control.SetWriteDeadline(time.Now().Add(writeLimit)) // where it cannot be set the follower's own end helps
				if _, err := f.w.Write(part); err != nil {
					return errors.Join(errSlow, err)
				}
			}
		}
	}
	if err := control.Flush(); err != nil {
		return errors.Join(errSlow, err)
	}
	return nil
}
