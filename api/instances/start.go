package instances

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// This file has the beginning of an instance: until it knows what the pool has, everything that it could say would be said from
// emptiness, that a tenant is unknown or that there are no meetings.

// start is how far this instance is.
type start struct {
	taken  func() bool // what was heard first is in force here
	copied func() bool // there is something to answer from, although nobody can be heard
	begun  atomic.Bool
	refuse http.HandlerFunc // says to a front end that there is nothing to answer from yet; nil for plain text

	mu      sync.Mutex
	waiting int           // calls that wait for the beginning
	there   chan struct{} // closed when there is something to answer from; nil while nobody looks
}

// Begins tells it how to find out, while it follows, whether the parts go by all that they have heard: what they hear may be that
// they have to read. And it tells whether it can answer from what it has kept itself, as while the shared store is away.
func (i *Instance) Begins(taken, copied func() bool) { i.start.taken, i.start.copied = taken, copied }

// Refusing gives it the form in which front ends are told that a call has come too early.
func (i *Instance) Refusing(refuse http.HandlerFunc) { i.start.refuse = refuse }

// Begun tells whether this instance knows what the pool has, or has known it once: who has begun goes by what it has heard last.
// Who leads has read it all.
func (i *Instance) Begun() bool {
	s := &i.start
	if !s.begun.Load() && (i.keeper.Leading() || i.feed.Fresh() && (s.taken == nil || s.taken())) {
		s.begun.Store(true)
	}
	return s.begun.Load()
}

// answers tells whether this instance has anything to answer from.
func (i *Instance) answers() bool {
	return i.Begun() || i.start.copied != nil && i.start.copied()
}

// startPause is how often it is looked whether this instance has begun, while somebody waits for that, and mostWaiting how many
// may: nobody has asked yet who they are, and they take the room that there is for all requests.
const (
	startPause  = 10 * time.Millisecond
	mostWaiting = 4096
)

// awaitStart waits until there is something to answer from, for as long as a create waits for a leader.
func (i *Instance) awaitStart(ctx context.Context) bool {
	there := i.joinStart()
	if there == nil {
		return false
	}
	defer i.start.leave()
	ctx, cancel := context.WithTimeout(ctx, waitForLeader)
	defer cancel()
	select {
	case <-there:
		return true
	case <-ctx.Done():
		return false
	}
}

// joinStart adds one to those that wait, and returns what is closed for all of them; nil where there are too many.
func (i *Instance) joinStart() <-chan struct{} {
	s := &i.start
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= mostWaiting {
		return nil
	}
	s.waiting++
	if s.there == nil {
		s.there = make(chan struct{})
		go i.watchStart(s.there)
	}
	return s.there
}

func (s *start) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}

// watchStart looks for all that wait whether there is something to answer from, until nobody waits any more.
func (i *Instance) watchStart(there chan struct{}) {
	ticker := time.NewTicker(startPause)
	defer ticker.Stop()
	for ; ; <-ticker.C {
		begun := i.answers()
		if i.start.over(begun) {
			if begun {
				close(there)
			}
			return
		}
	}
}

// over tells whether nobody looks any more; who waits from then on has it looked again.
func (s *start) over(begun bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begun || s.waiting == 0 {
		s.there = nil
		return true
	}
	return false
}

// Started has calls of front ends wait that come before this instance knows what the pool has, and what comes to some other
// paths: balancers that do not ask whether it is ready send them. Where that takes too long they are to come again.
func (i *Instance) Started(next http.Handler, paths ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := isCall(r)
		concerns := call || slices.Contains(paths, r.URL.Path)
		if !concerns || i.answers() || i.awaitStart(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Retry-After", "2")
		if call && i.start.refuse != nil {
			i.start.refuse(w, r)
			return
		}
		http.Error(w, tooEarly, http.StatusServiceUnavailable)
	})
}

// tooEarly is what is wrong with an instance that has not begun.
const tooEarly = "this instance has just begun, and does not know yet what the others know"
