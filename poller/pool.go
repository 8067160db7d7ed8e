package poller

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/exchange"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/store"
)

// pool is the servers that there are, each with a loop of its own while the poller runs.
type pool struct {
	isKnown  func(tenant string) bool             // Poller.Known; nil knows none
	restored func(store.MeetingKey, *bbb.Meeting) // Poller.Restored; nil restores nothing

	*common

	network *network
	loops   sync.WaitGroup // everything that runs until the context of Run ends

	// The lock comes after that of the network, before that of a server, which comes before the ledger's.
	mu      sync.RWMutex
	servers map[string]*server
	running context.Context // of Run; nil while nothing runs
	started chan struct{}   // closed while something runs

	following atomic.Bool // what is known was heard from the leader
	forgetful atomic.Bool // what happened before this start could not be read: nothing is kept over it
	listeners exchange.Listeners
	wishes    exchange.Wishes
	refreshes exchange.Queue
	handOn    func(frame []byte) // hands something to the leader
	may       func(context.Context) (context.Context, context.CancelFunc, bool)
}

func newPool(c *common) *pool {
	p := &pool{common: c, servers: map[string]*server{}, started: make(chan struct{})}
	p.network = newNetwork(p)
	return p
}

// known tells whether there is a tenant by that ID.
func (p *pool) known(tenant string) bool { return p.isKnown != nil && p.isKnown(tenant) }

// newClient returns a client for a server that need not be in the pool.
func (p *pool) newClient(e bbb.Endpoint) *bbb.Client {
	return bbb.NewClient(e, p.config.Transport, p.config.Response)
}

// client returns a client for a server as it is stored.
func (p *pool) client(record store.Server) *bbb.Client {
	return p.newClient(bbb.Endpoint{
		URL: record.URL, Secret: bbb.Secret(record.Secret), Former: bbb.Secret(record.Former), OnFormer: record.Awaited(),
		Algorithm: bbb.Algorithm(record.Checksum),
	})
}

// start polls every server on its own schedule until ctx ends, also those that are added later.
func (p *pool) start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = ctx
	close(p.started)
	heard := p.following.Swap(false)
	for _, s := range p.servers {
		s.takeOver(heard, len(p.servers))
		p.loops.Go(func() { s.loop(ctx) })
	}
}

// begun returns a channel that is closed while something runs.
func (p *pool) begun() <-chan struct{} {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.started
}

// stop waits until everything that was started is over. The context that it was started with must have ended.
func (p *pool) stop() {
	p.mu.Lock()
	p.running, p.started = nil, make(chan struct{}) // nothing begins any more
	p.mu.Unlock()
	p.loops.Wait()
}

// set adds a server, or changes it.
func (p *pool) set(record store.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, known := p.servers[record.ID]
	switch {
	case known && s.same(record): // as when all are read again
		return
	case known:
		s.set(record)
		s.wakeLoop()
		return
	}
	s = newServer(p, record)
	p.servers[record.ID] = s
	s.set(record)
	s.touch()
	if p.following.Load() {
		p.report(observed.Frame{Kind: observed.WantWhole, Server: record.ID})
	}
	if ctx := p.running; ctx != nil {
		p.loops.Go(func() { s.loop(ctx) })
	}
}

// remove takes a server out of the pool, and ends its loop and its poll. Whether our own network fails may depend on it.
func (p *pool) remove(id string) {
	p.mu.Lock()
	s := p.servers[id]
	delete(p.servers, id)
	p.mu.Unlock()
	if s == nil {
		return
	}
	s.leave()
	if !p.following.Load() {
		p.network.watchServers()
	}
}

// loop runs something until it is done, or the poller stops; it tells whether the poller runs.
func (p *pool) loop(do func(context.Context)) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	ctx := p.running
	if ctx != nil {
		p.loops.Go(func() { do(ctx) })
	}
	return ctx != nil
}

// report hands something to the leader.
func (p *pool) report(f observed.Frame) { p.handOn(f.Encode()) }

// server returns a server, or nil where there is none of that ID.
func (p *pool) server(id string) *server {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.servers[id]
}

// each calls a function for every server, in no order. None is added or removed meanwhile.
func (p *pool) each(do func(*server)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, s := range p.servers {
		do(s)
	}
}

// sorted returns the servers by ID.
func (p *pool) sorted() []*server {
	p.mu.RLock()
	list := make([]*server, 0, len(p.servers))
	for _, s := range p.servers {
		list = append(list, s)
	}
	p.mu.RUnlock()
	slices.SortFunc(list, func(a, b *server) int { return strings.Compare(a.id, b.id) })
	return list
}

// spread is when a server is first asked: at once, but 500 servers not in the same instant.
func (p *pool) spread() time.Duration {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return rand.N(time.Duration(len(p.servers)+1) * time.Millisecond)
}

// poll begins a poll of a server, or joins the one in flight. It returns nil where nobody may be asked. It
// holds the lock meanwhile, so that nothing begins once stop waits for the end of everything.
func (p *pool) poll(s *server) *poll {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.running == nil {
		return nil
	}
	return s.poll(p.running)
}
