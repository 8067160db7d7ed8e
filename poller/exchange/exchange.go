// Package exchange is who is to be told of what when several instances share what is observed of servers: listeners, with what
// has changed since they were told last, and wishes that wait for their answer. It knows servers by their IDs alone, sends
// nothing by itself, and keeps no more of anything than fits.
package exchange

import (
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Listeners are those who are told of every change. What has changed is noted for each, and told once however often it has
// changed meanwhile. Its lock comes after all others.
type Listeners struct {
	some atomic.Bool // there is one

	mu  sync.Mutex
	all map[*Listener]bool
}

// Listener is one of them.
type Listener struct {
	of    *Listeners
	dirty map[string]bool // what is to be told; guarded by the lock of all, as the two below
	again map[string]bool // of which everything is to be told
	asks  []string        // wishes that are done
	wake  chan struct{}
	gone  chan struct{}
}

// Due is what a listener is to be told.
type Due struct {
	IDs   []string
	Again []string // of those, the ones of which everything is to be told
	Asks  []string // the wishes that are done
}

// Add adds a listener.
func (l *Listeners) Add() *Listener {
	one := &Listener{
		of: l, dirty: map[string]bool{}, again: map[string]bool{}, wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[*Listener]bool{}
	}
	l.all[one] = true
	l.some.Store(true)
	return one
}

// Leave ends a listener: Next returns false from then on.
func (o *Listener) Leave() {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	delete(o.of.all, o)
	o.of.some.Store(len(o.of.all) > 0)
	close(o.gone)
}

// each has everybody told of something soon. Without listeners it costs next to nothing.
func (l *Listeners) each(note func(*Listener)) {
	if !l.some.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.all {
		note(one)
		select {
		case one.wake <- struct{}{}:
		default:
		}
	}
}

// Touch says that something about that is different.
func (l *Listeners) Touch(id string) { l.each(func(o *Listener) { o.dirty[id] = true }) }

// Repeat has everything told about that again.
func (l *Listeners) Repeat(id string) {
	l.each(func(o *Listener) { o.dirty[id], o.again[id] = true, true })
}

// Answer has it told that wishes are done, after all that has changed before.
func (l *Listeners) Answer(asks []string) {
	l.each(func(o *Listener) {
		o.asks = append(o.asks, asks[:min(len(asks), MostWishes-min(len(o.asks), MostWishes))]...)
	})
}

// Next waits until there is something to tell, and returns it; false once the listener has left.
func (o *Listener) Next() (Due, bool) {
	select {
	case <-o.gone:
		return Due{}, false
	case <-o.wake:
	}
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	due := Due{slices.Sorted(maps.Keys(o.dirty)), slices.Sorted(maps.Keys(o.again)), o.asks}
	clear(o.dirty)
	clear(o.again)
	o.asks = nil
	return due, true
}

const (
	maxWish = 40 // bytes of the name of a wish
	// MostWishes is how many wishes wait at the same time.
	MostWishes = 256
)

// Wishes are ours that another instance has not answered yet.
type Wishes struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

// Add returns the name of a new wish, and what is closed when it is done; "" where too many wait.
func (w *Wishes) Add() (name string, done <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) >= MostWishes {
		return "", nil
	}
	if w.waiting == nil {
		w.waiting = map[string]chan struct{}{}
	}
	name = rand.Text()
	w.waiting[name] = make(chan struct{})
	return name, w.waiting[name]
}

// Done ends the wait for wishes; for all of them if no name is given, for whoever leads now has heard of none. What does not
// wait is not minded.
func (w *Wishes) Done(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if names == nil {
		names = slices.Collect(maps.Keys(w.waiting))
	}
	for _, name := range names {
		if done := w.waiting[name]; done != nil {
			close(done)
			delete(w.waiting, name)
		}
	}
}

// Queue is wishes of others that we have not answered yet. One round answers all that came before it began.
type Queue struct {
	mu      sync.Mutex
	waiting []string
	busy    bool
}

// Add adds a wish. Where nobody answers any, begin is called to have that done, and tells whether it will be.
func (q *Queue) Add(wish string, begin func() bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(wish) <= maxWish && len(q.waiting) < MostWishes {
		q.waiting = append(q.waiting, wish)
	}
	if !q.busy {
		q.busy = begin()
	}
}

// Take takes the wishes that wait; where there are none whoever answers them is done.
func (q *Queue) Take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.waiting
	q.waiting, q.busy = nil, len(list) > 0
	return list
}
