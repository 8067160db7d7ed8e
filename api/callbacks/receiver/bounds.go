package receiver

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
)

// perLane is how many calls of one server are worked on at once. A server makes one after another, of each kind.
const perLane = 8

// lanes keep servers from standing in each other's way: each has its own, and may fill it.
type lanes struct {
	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is the calls of one server that are worked on, or wait for that.
type lane struct {
	slots chan struct{}
	users int
}

// enter waits for a place in a lane. The names are those that were sealed by us, so there are not many.
func (l *lanes) enter(ctx context.Context, name string) (release func(), ok bool) {
	lane := l.join(name)
	select {
	case lane.slots <- struct{}{}:
		return func() { <-lane.slots; l.leave(name) }, true
	case <-ctx.Done():
		l.leave(name)
		return nil, false
	}
}

func (l *lanes) join(name string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes == nil {
		l.lanes = map[string]*lane{}
	}
	if l.lanes[name] == nil {
		l.lanes[name] = &lane{slots: make(chan struct{}, perLane)}
	}
	l.lanes[name].users++
	return l.lanes[name]
}

func (l *lanes) leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes[name].users--; l.lanes[name].users == 0 {
		delete(l.lanes, name)
	}
}

const (
	// marksEvery and marksBurst are how often one address that people can read may be called. A server calls it up to five
	// times, over minutes.
	marksEvery = 10 * time.Second
	marksBurst = 6
	// maxLimits bounds how many addresses are told apart.
	maxLimits = 10_000
)

// limits bound how often an address is called that people can read.
type limits struct {
	mu   sync.Mutex
	each map[address.Place]*rate.Limiter
}

// allow tells whether a call is let in. When there are too many addresses, all begin anew.
func (l *limits) allow(p address.Place, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.each == nil || len(l.each) >= maxLimits {
		l.each = map[address.Place]*rate.Limiter{}
	}
	if l.each[p] == nil {
		l.each[p] = rate.NewLimiter(rate.Every(marksEvery), marksBurst)
	}
	return l.each[p].AllowN(now, 1)
}
