package instances

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// requests counts the calls of front ends that are under way: a leader that steps down lets those end that have begun before.
// Those that come later are handed to the next one, and wait for it.
type requests struct {
	mu  sync.Mutex
	now *generation
}

// generation are those that began between two such moments.
type generation struct {
	active int
	closed bool // nobody is added any more
	none   chan struct{}
}

// settleWithin is how long a leader that steps down waits for what is under way: others wait meanwhile.
const settleWithin = 2 * time.Second

// Counted counts the calls of front ends among what a handler answers.
func (i *Instance) Counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isCall(r) {
			next.ServeHTTP(w, r)
			return
		}
		defer i.requests.end(i.requests.begin())
		next.ServeHTTP(w, r)
	})
}

// isCall tells whether a request is a call of a front end, be it one that leaves out "api". A probe of the API is none.
func isCall(r *http.Request) bool {
	path := r.URL.Path
	_, call, below := strings.Cut(path, "/bigbluebutton/")
	return strings.Contains(path, "/api/") && !strings.HasPrefix(path, "/api/") || below && call != "" && call != "api"
}

func (r *requests) begin() *generation {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		r.now = &generation{none: make(chan struct{})}
	}
	r.now.active++
	return r.now
}

func (r *requests) end(g *generation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.active--; g.active == 0 && g.closed {
		close(g.none)
	}
}

// settle waits until all have ended that have begun until now, or the time for that is over.
func (r *requests) settle(ctx context.Context) {
	r.mu.Lock()
	g := r.now
	r.now = nil
	if g == nil || g.active == 0 {
		r.mu.Unlock()
		return
	}
	g.closed = true
	r.mu.Unlock()
	timer := time.NewTimer(settleWithin)
	defer timer.Stop()
	select {
	case <-g.none:
	case <-timer.C:
	case <-ctx.Done():
	}
}
