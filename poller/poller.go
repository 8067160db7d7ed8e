package poller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/store"
)

// Config is how servers are asked, as flags.
type Config struct {
	Interval  time.Duration `name:"poll-interval" default:"10s" env:"BBBPOOL_POLL_INTERVAL,POLL_INTERVAL" help:"How often each server is polled."`
	Connect   time.Duration `name:"connect-timeout" default:"2s" env:"BBBPOOL_CONNECT_TIMEOUT,CONNECT_TIMEOUT" help:"Deadline for connecting to a server, and for a probe of it. Servers that answer slowly get more for a probe."`
	Response  time.Duration `name:"response-timeout" default:"10s" env:"BBBPOOL_RESPONSE_TIMEOUT,RESPONSE_TIMEOUT" help:"Deadline for a server's answer. A create waits longer for a server that is alive."`
	Unhealthy int           `name:"unhealthy-after" default:"3" env:"BBBPOOL_UNHEALTHY_AFTER,SERVER_UNHEALTHY_THRESHOLD" help:"Failed polls in a row that make a server offline."`
	Healthy   int           `name:"healthy-after" default:"1" env:"BBBPOOL_HEALTHY_AFTER,SERVER_HEALTHY_THRESHOLD" help:"Good polls in a row that bring it back online; twice as many after each further failure within ten minutes, up to 16."`
	Failover  time.Duration `name:"failover-after" default:"3s" env:"BBBPOOL_FAILOVER_AFTER" help:"How long a server must have failed before a meeting with people in it is created elsewhere."`
	LostAfter time.Duration `name:"lost-after" default:"10m" env:"BBBPOOL_LOST_AFTER" help:"How long a server must have been offline for its meetings to be over; 0 waits for it for ever."`

	// Transport makes the calls; nil is one with the timeouts above.
	Transport http.RoundTripper `kong:"-"`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var wrong []string
	for name, d := range map[string]time.Duration{
		"poll-interval": c.Interval, "connect-timeout": c.Connect, "response-timeout": c.Response,
		"failover-after": c.Failover,
	} {
		if d < 10*time.Millisecond || d > 24*time.Hour {
			wrong = append(wrong, fmt.Sprintf("--%s %s: want between 10ms and 24h", name, d))
		}
	}
	if c.LostAfter != 0 && (c.LostAfter < time.Second || c.LostAfter > 30*24*time.Hour) {
		wrong = append(wrong, fmt.Sprintf("--lost-after %s: want 0, or between 1s and 720h", c.LostAfter))
	}
	for name, n := range map[string]int{"unhealthy-after": c.Unhealthy, "healthy-after": c.Healthy} {
		if n < 1 || n > 1000 {
			wrong = append(wrong, fmt.Sprintf("--%s %d: want between 1 and 1000", name, n))
		}
	}
	if wrong == nil {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%s", strings.Join(wrong, "; "))
}

func (c Config) thresholds() observed.Thresholds {
	return observed.Thresholds{
		Unhealthy: c.Unhealthy, Healthy: c.Healthy, Round: c.Interval, Failover: c.Failover,
		// The next poll, and a probe beside it that is waited for as well.
		Noticed: c.Interval + 2*c.Response,
	}
}

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
