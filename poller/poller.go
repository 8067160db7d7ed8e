package poller

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/settings"
	"github.com/bbbpool/bbbpool/store"
)

// Config is how servers are asked, as flags.
type Config = settings.Config

// common is what the poller and all its parts work with. It does not change.
type common struct {
	config Config
	ledger *placement.Ledger
	log    zerolog.Logger
	now    func() time.Time
}

// Poller asks the servers of a pool. It is safe for concurrent use.
//
// It is what others see of the parts: the pool of servers, of which each has its health, its schedule and what was seen
// of it, the watch over our own network, and the journal of what happened.
type Poller struct {
	// Journal keeps what happened to servers across restarts; nil keeps it in memory alone. It must be set before Load.
	Journal store.Events

	// Known tells whether there is a tenant by an ID, by which what Scalelite has made is its own; nil knows none. It must be
	// set before Run.
	Known func(tenant string) bool

	// Restored changes a meeting that a poll has seen into what front ends are to see; nil leaves it as it is. It must be set
	// before Run.
	Restored func(key store.MeetingKey, m *bbb.Meeting)

	// What follows is for one of several instances; alone it has none of it. All must be set before Load.

	// Reports hands a frame to the leader, whose Take it is for. It must not block, and may lose it.
	Reports func(frame []byte)
	// May tells whether we may end something at a server now, or write down what has happened there, and for how long: until
	// the context ends.
	May func(context.Context) (context.Context, context.CancelFunc, bool)

	*common

	pool *pool
}

// New returns a poller without servers. What now returns must have a monotonic reading, as time.Now has, so that a
// clock that is set makes no server fail.
func New(config Config, ledger *placement.Ledger, log zerolog.Logger, now func() time.Time) *Poller {
	if config.Transport == nil {
		config.Transport = bbb.NewTransport(bbb.Timeouts{Connect: config.Connect})
	}
	c := &common{config: config, ledger: ledger, log: log, now: now}
	p := &Poller{common: c, pool: newPool(c)}
	p.pool.handOn = func(frame []byte) {
		if p.Reports != nil {
			p.Reports(frame)
		}
	}
	p.pool.may = func(ctx context.Context) (context.Context, context.CancelFunc, bool) {
		if p.May != nil {
			return p.May(ctx)
		}
		return ctx, func() {}, true
	}
	return p
}

// NewClient returns a client for a server that need not be in the pool.
func (p *Poller) NewClient(e bbb.Endpoint) *bbb.Client { return p.pool.newClient(e) }

// Run polls until ctx ends, and returns when the last poll is over and its events are kept. It may run again later: each time
// is a term of leading, which begins with what was heard meanwhile, and leaves what it has seen.
func (p *Poller) Run(ctx context.Context) error {
	p.pool.isKnown, p.pool.restored = p.Known, p.Restored
	p.pool.start(ctx)
	p.pool.loops.Go(func() { p.pool.network.patrol(ctx) })
	if p.config.LostAfter > 0 {
		p.pool.loops.Go(func() { losses{p.pool}.watch(ctx) })
	}
	if p.Journal != nil {
		p.pool.loops.Go(func() { p.journal().run(ctx) })
	}
	<-ctx.Done()
	p.pool.stop()
	if err := p.journal().keep(context.WithoutCancel(ctx)); err != nil {
		p.log.Error().Err(err).Msg("the last events of servers are not kept")
	}
	if t, ok := p.config.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// Load adds the servers that are stored, with what happened to them before. Where the journal of that is away, see Recall.
func (p *Poller) Load(ctx context.Context, servers store.Servers) error {
	list, err := servers.Servers(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		p.SetServer(s)
	}
	err = p.journal().recall(ctx)
	if p.pool.forgetful.Store(errors.Is(err, store.ErrAway)); p.pool.forgetful.Load() {
		return nil
	}
	return err
}

// Forgetful tells whether what happened to servers before this start could not be read. Until Recall has read it, nothing is kept
// of what has happened since.
func (p *Poller) Forgetful() bool { return p.pool.forgetful.Load() }

// Recall reads what happened to servers before this start, once its journal is there. Who has heard it from another instance
// meanwhile need not.
func (p *Poller) Recall(ctx context.Context) error {
	if !p.pool.following.Load() {
		if err := p.journal().recall(ctx); err != nil {
			return err
		}
	}
	p.pool.forgetful.Store(false)
	return nil
}

// ForLedger is what a ledger is told of all servers, as they are known here.
func (p *Poller) ForLedger() (list []placement.Server) {
	for _, s := range p.pool.sorted() {
		s.mu.Lock()
		list = append(list, s.state.forLedger())
		s.mu.Unlock()
	}
	return list
}

// SetServer adds a server to the pool, or changes it. A new address makes it unknown again, and so does being disabled, or
// a secret that takes over at once; one that the server may take over later does not. Changes to one server must come one
// after another.
func (p *Poller) SetServer(record store.Server) { p.pool.set(record) }

// RemoveServer takes a server out of the pool and closes its claims. Reports that come later are not heard: they would
// bring the server back to the ledger. Where another instance leads it is for that one to close claims, and to forget what has
// happened.
func (p *Poller) RemoveServer(ctx context.Context, id string) error {
	p.pool.remove(id)
	if p.pool.following.Load() {
		return nil
	}
	return errors.Join(p.ledger.RemoveServer(ctx, id), p.journal().forget(ctx, id))
}
