package receiver

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
)

// perLane is how many calls of one server are worked on at once. A server makes one after another, of each kind. Of analytics
// there are fewer: each may take a part of the memory that is there for all, for as long as its body takes.
const (
	perLane      = 8
	perAnalytics = 2
	// mostWaiting is how many more may wait for that: what is too much is answered at once, for it takes the room that there is for
	// all requests.
	mostWaiting = 64
)

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

// enter waits for a place in the lane of a server and a kind, unless too many do. The names are those that were sealed by us, so
// there are not many.
func (l *lanes) enter(ctx context.Context, server string, kind address.Kind) (release func(), ok bool) {
	name, size := server+" "+string(kind), perLane
	if kind == address.Analytics {
		size = perAnalytics
	}
	lane := l.join(name, size)
	if lane == nil {
		return nil, false
	}
	select {
	case lane.slots <- struct{}{}:
		return func() { <-lane.slots; l.leave(name) }, true
	case <-ctx.Done():
		l.leave(name)
		return nil, false
	}
}

// join adds a user to a lane; it returns nil where there are too many.
func (l *lanes) join(name string, size int) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes == nil {
		l.lanes = map[string]*lane{}
	}
	if l.lanes[name] == nil {
		l.lanes[name] = &lane{slots: make(chan struct{}, size)}
	}
	if l.lanes[name].users >= size+mostWaiting {
		return nil
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
	// marksEvery and marksBurst are how often one address that people can read may be called from one place. A server calls it up
	// to five times, over minutes.
	marksEvery = 10 * time.Second
	marksBurst = 6
	// wholeEvery and wholeBurst are that for all places together.
	wholeEvery = time.Second
	wholeBurst = 60
	// maxLimits bounds how many are told apart.
	maxLimits = 20_000
)

// limits bound how often an address is called that people can read. Each place that it is called from has its own bound: who is
// in a meeting and calls it all the time must not keep its server from being heard.
type limits struct {
	mu   sync.Mutex
	each map[limited]*rate.Limiter
}

// limited is an address, and where it is called from: the zero value is everywhere.
type limited struct {
	place address.Place
	from  netip.Prefix
}

// allow tells whether a call is let in. When there are too many to tell apart, all begin anew.
func (l *limits) allow(p address.Place, from netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.each == nil || len(l.each) >= maxLimits {
		l.each = map[limited]*rate.Limiter{}
	}
	own := l.of(limited{p, network(from)}, marksEvery, marksBurst).AllowN(now, 1) // who has none left takes none of the others'
	return own && l.of(limited{place: p}, wholeEvery, wholeBurst).AllowN(now, 1)
}

func (l *limits) of(who limited, every time.Duration, burst int) *rate.Limiter {
	if l.each[who] == nil {
		l.each[who] = rate.NewLimiter(rate.Every(every), burst)
	}
	return l.each[who]
}

// network is what one caller has: an address or, of IPv6, all that a subscriber is given.
func network(from netip.Addr) netip.Prefix {
	bits := from.BitLen()
	if from.Is6() {
		bits = 64
	}
	p, err := from.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // nobody knows where it comes from
	}
	return p
}
