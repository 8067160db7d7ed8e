// Package api is the HTTP server: the listener, what every request passes through, and the routes that say how the
// process itself is.
//
// It owns limits, request IDs, the recovery from a panic, readiness, metrics and the graceful end. What is served
// beyond that comes from packages that mount their own routes; it knows none of them.
//
// Handlers find in r.URL.Scheme and r.URL.Host the address that the caller knows us by: --public-url, else what a trusted
// proxy says, else what the request says, and where that is no host, the address it came in at. Links, cookies and policies
// are made of these, and never of the headers. Which host was called, whatever --public-url says, is told by [Server.Called]:
// that may decide whose a call is, and makes no links.
//
// There are never more connections from outside than leave descriptors for our own work. Where there is no room, the one
// whose caller has kept us waiting for longest is closed. What is refused is answered and closed, and its body not read.
package api

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// Config is where and within which limits HTTP is served, as flags.
type Config struct {
	Listen         string        `env:"BBBPOOL_LISTEN" placeholder:"ADDR" help:"Address to listen on, host:port. Default :3000, or what BIND or PORT say."`
	Bind           string        `hidden:"" env:"BIND"`
	Port           string        `hidden:"" env:"PORT"`
	Multitenancy   string        `hidden:"" env:"MULTITENANCY_ENABLED"`
	PoolHost       string        `name:"pool-host" hidden:"" env:"URL_HOST"`
	PublicURL      string        `name:"public-url" env:"BBBPOOL_PUBLIC_URL" placeholder:"URL" help:"Address under which front ends and viewers know the pool, as https://pool.example.edu. By default what each request was sent to."`
	TrustedProxies []string      `name:"trusted-proxies" env:"BBBPOOL_TRUSTED_PROXIES" placeholder:"ADDR,…" help:"Proxies whose X-Forwarded-For, -Proto, -Host and -Port, or Forwarded, are believed: addresses or networks. Loopback by default."`
	StatusListen   string        `name:"status-listen" env:"BBBPOOL_STATUS_LISTEN" placeholder:"ADDR" help:"Address of a listener of its own for /metrics and /readyz, host:port; the other one does not have them then. With a BBBPOOL_METRICS_TOKEN they want it as bearer token, anywhere."`
	MetricsToken   bbb.Secret    `name:"metrics-token" hidden:"" env:"BBBPOOL_METRICS_TOKEN" help:"Bearer token for /metrics and /readyz."`
	MaxRequests    int64         `default:"10000" env:"BBBPOOL_MAX_REQUESTS" help:"Requests served at the same time; more are answered 503."`
	Drain          time.Duration `name:"drain-timeout" default:"65s" env:"BBBPOOL_DRAIN_TIMEOUT" help:"How long requests under way may take when the process is told to end."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	_, err := c.listenAddress()
	_, wrong := c.origins()
	err = errors.Join(err, wrong)
	if c.StatusListen != "" {
		_, wrong = checkAddress("--status-listen", c.StatusListen)
		err = errors.Join(err, wrong)
	}
	if c.MaxRequests < 1 {
		err = errors.Join(err, fmt.Errorf("--max-requests %d: want at least 1", c.MaxRequests))
	}
	if c.Drain < 0 {
		err = errors.Join(err, fmt.Errorf("--drain-timeout %s: want 0s or more", c.Drain))
	}
	return err
}

// Mounter has routes.
type Mounter interface {
	// Mount registers them.
	Mount(mux *http.ServeMux)
}

// Parts are what a server is made from.
type Parts struct {
	Config   Config
	Version  string      // of what runs here
	Environ  Environment // of the process: what stands in it and means nothing is said
	Log      zerolog.Logger
	Metrics  *metrics.Set
	Page     *exposition.Writer // writes the page of the metrics
	Problems *problems.Registry // tells whether the process is ready
	// Waits has who connects while the process is restarted under systemd wait for it. Where there are other instances, he
	// should be refused, and go to one of these.
	Waits bool
	// Around is put around everything that is mounted, where one instance of several counts what is under way; nil for nothing.
	Around func(http.Handler) http.Handler
}

// Server serves HTTP. It is a source of problems: of its own, and of those with the settings that it has.
type Server struct {
	config   Config
	version  string
	environ  Environment
	log      zerolog.Logger
	metrics  *metrics.Set
	page     *exposition.Writer
	problems *problems.Registry
	mux      *http.ServeMux
	http     *http.Server
	listener net.Listener
	status   *statusListener // nil: what it would serve is served with everything else
	conns    *connections
	origins  origins

	active   atomic.Int64
	draining atomic.Bool
	calledBy atomic.Pointer[string] // the address that the last front end has called us by
	doubted  atomic.Bool            // a proxy that is not trusted was named in the log
}

// New listens, so that a port that is taken is known at once, and serves nothing before Run.
func New(ctx context.Context, p Parts) (*Server, error) {
	addr, err := p.Config.listenAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: p.Config, version: p.Version, environ: p.Environ, log: p.Log, metrics: p.Metrics, page: p.Page,
		problems: p.Problems, mux: http.NewServeMux(), conns: newConnections(p.Config.connections()),
	}
	if s.origins, err = p.Config.origins(); err != nil {
		return nil, err
	}
	if err = s.listenOn(ctx, addr, p.Waits); err != nil {
		return nil, err
	}
	mounted := http.Handler(s.mux)
	if p.Around != nil {
		mounted = p.Around(mounted)
	}
	s.http = s.newHTTP(s.limit(mounted))
	if err = s.openStatus(ctx); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	if names := p.Environ.scalelites(); names != nil {
		p.Log.Warn().Strs("names", names).Msg("settings of Scalelite that mean nothing here")
	}
	return s, nil
}

// newHTTP makes the part of net/http that serves some routes.
func (s *Server) newHTTP(routes http.Handler) *http.Server {
	return &http.Server{
		Handler:           s.middleware(routes),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute, // for slides sent with a create
		WriteTimeout:      3 * time.Minute, // for a list of 50,000 people on a slow line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withConnection,
		ConnState:         noteIdle,
		ErrorLog:          stdlog.New(s.log.With().Str("level", "warn").Logger(), "", 0),
	}
}

// maxHeader bounds the request line and the headers: welcome texts make creates of many kilobytes.
const maxHeader = 256 << 10

// Mount adds routes. It must not be called after Run.
func (s *Server) Mount(parts ...Mounter) {
	for _, m := range parts {
		m.Mount(s.mux)
	}
}

// Handler is what answers requests, for those that come in by another way than the listener.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends. Then the process is no longer ready, new connections are refused, and Run returns when the
// requests under way are answered, or the time for that is over.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 2)
	go func() { failed <- s.http.Serve(s.listener) }()
	if s.status != nil {
		go func() { failed <- s.status.Serve(s.status.listener) }()
		defer func() { _ = s.status.Close() }() // until the end it tells that this is the end
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.Info().Int64("requests", s.active.Load()).Msg("stopping: waiting for requests under way")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Drain)
	defer cancel()
	if err := s.http.Shutdown(end); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off after %s: %w", s.config.Drain, err), s.http.Close())
	}
	return nil
}

// Close gives the addresses back if Run was never called.
func (s *Server) Close() error {
	if s.status != nil {
		_ = s.status.listener.Close() // closed already if it ran
	}
	return s.listener.Close()
}
