package poller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
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

	// Transport makes the calls; nil is one with the timeouts above.
	Transport http.RoundTripper `kong:"-"`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var faults []string
	for name, d := range map[string]time.Duration{
		"poll-interval": c.Interval, "connect-timeout": c.Connect, "response-timeout": c.Response,
		"failover-after": c.Failover,
	} {
		if d < 10*time.Millisecond || d > 24*time.Hour {
			faults = append(faults, fmt.Sprintf("--%s %s: want between 10ms and 24h", name, d))
		}
	}
	for name, n := range map[string]int{"unhealthy-after": c.Unhealthy, "healthy-after": c.Healthy} {
		if n < 1 || n > 1000 {
			faults = append(faults, fmt.Sprintf("--%s %d: want between 1 and 1000", name, n))
		}
	}
	if faults == nil {
		return nil
	}
	slices.Sort(faults)
	return fmt.Errorf("%s", strings.Join(faults, "; "))
}

func (c Config) thresholds() thresholds {
	return thresholds{
		unhealthy: c.Unhealthy, healthy: c.Healthy, round: c.Interval, failover: c.Failover,
		notice: c.Interval + 2*c.Response, // the next poll, and a probe beside it that is waited for as well
	}
}

// Poller asks the servers of a pool. It is safe for concurrent use.
type Poller struct {
	// Journal keeps what happened to servers across restarts; nil keeps it in memory alone. It must be set before Load.
	Journal store.Events

	config Config
	ledger *placement.Ledger
	log    zerolog.Logger
	now    func() time.Time

	mu      sync.RWMutex // before that of a server, which comes before the ledger's
	servers map[string]*server
	running context.Context // of Run; nil while nothing runs
	loops   sync.WaitGroup

	alarmed   sync.Mutex  // before mu
	alarm     bool        // our own network seems to fail
	lost      []string    // names that do not resolve, sorted
	namesLost atomic.Bool // they are so many that local DNS seems to fail
}

// New returns a poller without servers. What now returns must have a monotonic reading, as time.Now has, so that a
// clock that is set makes no server fail.
func New(config Config, ledger *placement.Ledger, log zerolog.Logger, now func() time.Time) *Poller {
	if config.Transport == nil {
		config.Transport = bbb.NewTransport(bbb.Timeouts{Connect: config.Connect})
	}
	return &Poller{config: config, ledger: ledger, log: log, now: now, servers: map[string]*server{}}
}

// NewClient returns a client for a server that need not be in the pool.
func (p *Poller) NewClient(e bbb.Endpoint) *bbb.Client {
	return bbb.NewClient(e, p.config.Transport, p.config.Response)
}

// Run polls until ctx ends, and returns when the last poll is over.
func (p *Poller) Run(ctx context.Context) error {
	p.mu.Lock()
	p.running = ctx
	for _, s := range p.servers {
		p.loops.Go(func() { p.loop(ctx, s) })
	}
	p.mu.Unlock()
	p.loops.Go(func() { p.patrol(ctx) })
	if p.Journal != nil {
		p.loops.Go(func() { p.journal(ctx) })
	}
	<-ctx.Done()
	p.mu.Lock()
	p.running = nil
	p.mu.Unlock()
	p.loops.Wait()
	if p.Journal != nil {
		if err := p.keep(context.WithoutCancel(ctx)); err != nil {
			p.log.Error().Err(err).Msg("the last events of servers are not kept")
		}
	}
	if t, ok := p.config.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// Load adds the servers that are stored, with what happened to them before.
func (p *Poller) Load(ctx context.Context, servers store.Servers) error {
	list, err := servers.Servers(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		p.SetServer(s)
	}
	return p.recall(ctx)
}

// SetServer adds a server to the pool, or changes it. A new address or secret makes it unknown again, and so does being
// disabled. Changes to one server must come one after another.
func (p *Poller) SetServer(record store.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, known := p.servers[record.ID]
	if !known {
		s = newServer(record, p.client(record))
		p.servers[record.ID] = s
		if ctx := p.running; ctx != nil {
			p.loops.Go(func() { p.loop(ctx, s) })
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, off := s.record, record.State == store.Disabled
	if off != (old.State == store.Disabled) || old.URL != record.URL || old.Secret != record.Secret ||
		old.Checksum != record.Checksum {
		s.replace(p.client(record))
	}
	if off || old.URL != record.URL {
		s.view = view{}
	}
	s.record, s.host, s.due = record, host(record.URL), p.now()
	if known {
		p.noteChange(s, old)
	}
	p.ledger.SetServer(s.page())
	if known {
		s.poke()
	}
}

// noteChange keeps what people changed about a server. Its lock is held.
func (p *Poller) noteChange(s *server, old store.Server) {
	follows := "; its health is unknown until it has answered"
	if old.URL != s.record.URL {
		s.events.add(p.now(), kindChanged, "its address is now "+brief(s.record.URL)+follows)
	}
	if old.Secret != s.record.Secret {
		s.events.add(p.now(), kindChanged, "its secret is another one"+follows)
	}
	if old.Checksum != s.record.Checksum {
		s.events.add(p.now(), kindChanged, "its checksums are made in another way"+follows)
	}
	if old.State != s.record.State {
		s.events.add(p.now(), kindState, string(s.record.State)+": "+decided[s.record.State])
	}
}

// decided says what follows from what people decided about a server.
var decided = map[store.ServerState]string{
	store.Enabled:  "it takes new meetings once it answers",
	store.Cordoned: "it takes no new meetings; those on it go on",
	store.Draining: "it takes no new meetings and is on its way out; those on it go on",
	store.Disabled: "it is not asked any more; what is on it is created elsewhere when somebody asks",
}

func (p *Poller) client(record store.Server) *bbb.Client {
	return p.NewClient(bbb.Endpoint{
		URL: record.URL, Secret: bbb.Secret(record.Secret), Algorithm: bbb.Algorithm(record.Checksum),
	})
}

// RemoveServer takes a server out of the pool and closes its claims. Reports that come later are not heard: they would
// bring the server back to the ledger.
func (p *Poller) RemoveServer(ctx context.Context, id string) error {
	p.mu.Lock()
	s := p.servers[id]
	delete(p.servers, id)
	p.mu.Unlock()
	if s != nil {
		s.mu.Lock()
		s.replace(nil)
		s.mu.Unlock()
		close(s.gone)
		p.watchNetwork()
	}
	err := p.ledger.RemoveServer(ctx, id)
	if p.Journal != nil {
		err = errors.Join(err, p.Journal.KeepEvents(ctx, id, nil))
	}
	return err
}

func (p *Poller) server(id string) *server {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.servers[id]
}

// sorted returns the servers by ID.
func (p *Poller) sorted() []*server {
	p.mu.RLock()
	list := make([]*server, 0, len(p.servers))
	for _, s := range p.servers {
		list = append(list, s)
	}
	p.mu.RUnlock()
	slices.SortFunc(list, func(a, b *server) int { return strings.Compare(a.id, b.id) })
	return list
}

// Client returns the client of a server, or nil for one that is not in the pool.
func (p *Poller) Client(id string) *bbb.Client {
	s := p.server(id)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}
