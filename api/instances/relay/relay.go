package relay

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Path is where an instance takes what others hand on.
const Path = "/requests"

// NotLeader is the status for whoever asks an instance for what the leader alone answers.
const NotLeader = http.StatusMisdirectedRequest

// bounds of what is handed on.
const (
	maxAtOnce = 4096
	maxBody   = 64 << 20 // of one request, or what front ends may send where that is more
	maxBodies = 8        // times what front ends may send are bodies that wait or are on their way
	maxSent   = 3        // leaders that one request is sent to whole
	firstRest = 20 * time.Millisecond
	lastRest  = 250 * time.Millisecond
)

// Leaders knows who leads.
type Leaders interface {
	// Leading tells whether this instance does.
	Leading() bool
	// Leader returns who does, and a channel that is closed when that changes. The Holder is empty while nobody does.
	Leader() (store.Lease, <-chan struct{})
}

// Relay hands requests on, and takes those that other instances hand on.
type Relay struct {
	ID      string // of this instance
	Leaders Leaders
	Client  http.RoundTripper
	Here    http.Handler  // answers what is handed to this instance while it leads
	MaxBody int64         // that a front end may send, in bytes
	Wait    time.Duration // how long a request waits for a leader that can be reached
	// Heard is when the leader was last heard, on whatever way. One that keeps the lease, and that nothing comes from for as long as
	// a request waits for a leader, is not waited for any longer: the network may swallow what is sent, and nobody says so. With
	// nil a request that is sent is waited for.
	Heard func() time.Time
	Log   zerolog.Logger

	active, bodies             atomic.Int64
	handed, repeated, unserved atomic.Uint64
}

// Counts are how many requests were handed on, sent once more because a leader had gone, and found no leader in time.
func (r *Relay) Counts() (handed, repeated, unserved uint64) {
	return r.handed.Load(), r.repeated.Load(), r.unserved.Load()
}

// largest is how large a body may be, in bytes.
func (r *Relay) largest() int64 { return max(maxBody, r.MaxBody) }

// room takes so many bytes for a body, and tells whether there is room for them. They are given back in any case.
func (r *Relay) room(size int64) bool {
	return r.bodies.Add(size) <= max(4*maxBody, maxBodies*r.MaxBody)
}

// HandOn has the leader answer a request whose body was read, be that this instance by then. It returns false where no
// leader could be reached in time, or there is no room: then nothing was written.
func (r *Relay) HandOn(w http.ResponseWriter, req *http.Request, body []byte) bool {
	if Handed(req) {
		http.Error(w, "this instance does not lead", NotLeader)
		return true
	}
	size := int64(len(body))
	defer r.active.Add(-1)
	defer r.bodies.Add(-size)
	if r.active.Add(1) > maxAtOnce || !r.room(size) || size > r.largest() {
		r.unserved.Add(1)
		return false
	}
	now := time.Now()
	e := &errand{relay: r, req: req, body: body, repeatable: repeatable(req), began: now, until: now.Add(r.Wait), rest: firstRest}
	if since, err := time.ParseDuration(req.Header.Get(againHeader)); err == nil && since >= 0 { // who asks has tried it before
		e.began, e.sent = now.Add(-since), 1
	}
	switch {
	case e.run(w):
	case e.last != nil:
		pass(w, e.last, e.lastBody)
	default:
		r.unserved.Add(1)
		return false
	}
	r.handed.Add(1)
	return true
}

// errand is one request on its way.
type errand struct {
	relay      *Relay
	req        *http.Request
	body       []byte
	repeatable bool
	began      time.Time // when somebody got it first who may have done it
	until      time.Time // how long it may wait for a leader
	rest       time.Duration
	sent       int         // leaders that may have got it whole
	perhaps    bool        // one that could not answer it may have done it
	deaf       atomic.Bool // it was given up, for nothing is heard of who has it

	last     *http.Response // the last answer that was not taken for one, and its body
	lastBody []byte
}

// run goes from leader to leader until one has answered.
func (e *errand) run(w http.ResponseWriter) bool {
	for {
		l, changed, ok := e.await()
		if !ok {
			return false
		}
		var done, sent bool
		if l.Holder == e.relay.ID {
			done = e.here(w)
		} else {
			done, sent = e.try(w, l)
		}
		if done {
			return true
		}
		if sent {
			if e.sent++; !e.repeatable || e.sent >= maxSent {
				return false
			}
			e.relay.repeated.Add(1)
			e.until = time.Now().Add(e.relay.Wait) // somebody was at work on it: from now on it waits for the next one
		}
		if !e.pause(changed) {
			return false
		}
	}
}

// await returns who leads, as soon as somebody does.
func (e *errand) await() (store.Lease, <-chan struct{}, bool) {
	timer := time.NewTimer(time.Until(e.until))
	defer timer.Stop()
	for {
		l, changed := e.relay.Leaders.Leader()
		if l.Holder != "" && (l.Holder != e.relay.ID || e.relay.Leaders.Leading()) {
			return l, changed, true
		}
		select {
		case <-changed:
		case <-timer.C:
			return l, changed, false
		case <-e.req.Context().Done():
			return l, changed, false
		}
	}
}

// pause waits a moment before the same leader is tried again, or until there may be another; false where there is no more time.
func (e *errand) pause(changed <-chan struct{}) bool {
	timer := time.NewTimer(min(e.rest, time.Until(e.until)))
	defer timer.Stop()
	e.rest = min(2*e.rest, lastRest)
	select {
	case <-changed:
	case <-timer.C:
	case <-e.req.Context().Done():
		return false
	}
	return time.Now().Before(e.until)
}

// handedKey marks what came from another instance.
type handedKey struct{}

// Handed tells whether another instance has handed a request on, and this one must not.
func Handed(r *http.Request) bool {
	handed, _ := r.Context().Value(handedKey{}).(bool)
	return handed
}

func markHanded(ctx context.Context) context.Context {
	return context.WithValue(ctx, handedKey{}, true)
}
