package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// ReportsPath is where the leader takes reports.
const ReportsPath = "/reports"

// bounds of reports.
const (
	maxWaiting   = 8 << 20 // bytes that wait for a leader
	maxBatch     = 1 << 20
	maxReport    = 512 << 10
	reportWithin = 25 * time.Millisecond
	reportCall   = 2 * time.Second
	reportRest   = 100 * time.Millisecond // after one that was not taken
)

// Reporter brings what parts of a follower notice to the leader, each at least once. It loses some only when there is no
// leader for so long that too many wait.
type Reporter struct {
	Parts  map[string]Reports // of this instance, for when it leads
	ID     string
	Epochs interface {
		Leader() (store.Lease, <-chan struct{})
	}
	Leading func() bool
	Client  http.RoundTripper
	Log     zerolog.Logger

	mu      sync.Mutex
	queue   []frame
	size    int
	dropped uint64
	more    chan struct{}
}

// Open makes it ready for reports.
func (r *Reporter) Open() { r.more = make(chan struct{}, 1) }

// Report returns what a part reports by. It never blocks, and calls no part: whoever reports may hold its own lock.
func (r *Reporter) Report(part string) func(frame []byte) {
	return func(body []byte) { r.put(frame{part: part, body: body}) }
}

// Dropped is how many reports were lost.
func (r *Reporter) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

func (r *Reporter) put(frames ...frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, fr := range frames {
		if r.size+fr.size() > maxWaiting || fr.size() > maxReport {
			r.dropped++
			continue
		}
		r.queue, r.size = append(r.queue, fr), r.size+fr.size()
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// Run sends what waits, until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.more:
		}
		pause(ctx, reportWithin)
		for r.waits() && ctx.Err() == nil {
			r.flush(ctx)
		}
	}
}

func (r *Reporter) waits() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue) > 0
}

// flush brings one batch to whoever leads, or waits until somebody does.
func (r *Reporter) flush(ctx context.Context) {
	l, changed := r.Epochs.Leader()
	switch {
	case l.Holder == "":
		select {
		case <-ctx.Done():
		case <-changed:
		}
		return
	case l.Holder == r.ID:
		for _, fr := range r.batch() {
			r.take(fr)
		}
		return
	}
	frames := r.batch()
	if err := r.send(ctx, l.Address, frames); err != nil {
		r.Log.Debug().Err(err).Msg("reports were not taken")
		r.again(frames)
		pause(ctx, reportRest)
	}
}

// batch takes the next ones from the queue.
func (r *Reporter) batch() (frames []frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size, n := 0, 0
	for n < len(r.queue) && size+r.queue[n].size() <= maxBatch {
		size += r.queue[n].size()
		n++
	}
	frames = r.queue[:n:n]
	r.queue, r.size = r.queue[n:], r.size-size
	return frames
}

// again puts back what was not taken, before the others.
func (r *Reporter) again(frames []frame) {
	r.mu.Lock()
	later := r.queue
	r.queue, r.size = nil, 0
	r.mu.Unlock()
	r.put(append(frames, later...)...)
}

func (r *Reporter) send(ctx context.Context, addr string, frames []frame) error {
	var body bytes.Buffer
	for _, fr := range frames {
		body.Write(fr.head())
		body.Write(fr.body)
	}
	call, cancel := context.WithTimeout(ctx, reportCall)
	defer cancel()
	req, err := http.NewRequestWithContext(call, http.MethodPost, "https://"+addr+ReportsPath, &body)
	if err != nil {
		return err
	}
	resp, err := r.Client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)); err != nil || resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the leader answers %d: %w", resp.StatusCode, errors.Join(err))
	}
	return nil
}

// ServeHTTP takes the reports of followers.
func (r *Reporter) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !r.Leading() {
		http.Error(w, "this instance does not lead", NotLeader)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(reportCall)) // a peer that stops in the middle holds a connection, and no more
	in := http.MaxBytesReader(w, req.Body, 2*maxBatch)
	for {
		fr, err := readFrame(in, maxReport)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			http.Error(w, "no reports", http.StatusBadRequest)
			return
		}
		r.take(fr)
	}
	_ = control.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusNoContent)
}

// take hands a report to its part. What no part here knows, a newer follower has noticed.
func (r *Reporter) take(fr frame) {
	part, known := r.Parts[fr.part]
	if !known {
		return
	}
	if err := part.Take(fr.body); err != nil {
		r.Log.Warn().Err(err).Str("part", fr.part).Msg("a report was not understood")
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
