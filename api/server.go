package api

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"
)

// Config is where and within which limits HTTP is served, as flags.
type Config struct {
	Listen      string        `env:"BBBPOOL_LISTEN" placeholder:"ADDR" help:"Address to listen on, host:port. Default :3000, or what BIND or PORT say."`
	Bind        string        `hidden:"" env:"BIND"`
	Port        string        `hidden:"" env:"PORT"`
	MaxRequests int64         `default:"10000" env:"BBBPOOL_MAX_REQUESTS" help:"Requests served at the same time; more are answered 503."`
	Drain       time.Duration `name:"drain-timeout" default:"65s" env:"BBBPOOL_DRAIN_TIMEOUT" help:"How long requests under way may take when the process is told to end."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	_, err := c.address()
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

// Check tells why the process cannot do its work, or "" if it can.
type Check func() string

// Server serves HTTP.
type Server struct {
	config   Config
	log      zerolog.Logger
	metrics  *metrics.Set
	checks   []Check
	notes    []Check
	mux      *http.ServeMux
	http     *http.Server
	listener net.Listener
	conns    *connections

	active   atomic.Int64
	draining atomic.Bool
}

// New listens, so that a port that is taken is known at once, and serves nothing before Run.
func New(ctx context.Context, c Config, log zerolog.Logger, set *metrics.Set, checks ...Check) (*Server, error) {
	addr, err := c.address()
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: c, log: log, metrics: set, checks: checks, mux: http.NewServeMux(), conns: ofLimit(c.connections()),
	}
	if s.listener, err = listen(ctx, addr, s.conns, log); err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another with --listen", addr, err)
	}
	s.http = &http.Server{
		Handler:           s.middleware(s.mux),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute, // for slides sent with a create
		WriteTimeout:      3 * time.Minute, // for a list of 50,000 people on a slow line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withConnection,
		ErrorLog:          stdlog.New(log.With().Str("level", "warn").Logger(), "", 0),
	}
	s.mountStatus()
	if names := scalelites(os.Environ()); names != nil {
		log.Warn().Strs("names", names).Msg("settings of Scalelite that mean nothing here")
	}
	return s, nil
}

// Note adds what people should know and what keeps nobody from joining a meeting: it is said beside "ready". It must not
// be called after Run.
func (s *Server) Note(checks ...Check) { s.notes = append(s.notes, checks...) }

// maxHeader bounds the request line and the headers: welcome texts make creates of many kilobytes.
const maxHeader = 256 << 10

// Mount adds routes. It must not be called after Run.
func (s *Server) Mount(parts ...Mounter) {
	for _, m := range parts {
		m.Mount(s.mux)
	}
}

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends. Then the process is no longer ready, new connections are refused, and Run returns when the
// requests under way are answered, or the time for that is over.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
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

// Close gives the address back if Run was never called. There may be no server.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	return s.listener.Close()
}
