package peers

import (
	"container/list"
	"context"
	"crypto/tls"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
)

// limits of the listener and of clients.
const (
	// MaxHeader bounds the headers, one of which is the address of a request that was handed on.
	MaxHeader    = 512 << 10
	maxPeers     = 768 // connections at the same time; each other instance has some dozens at most
	maxStrangers = 256 // of them, from whom nothing has been heard
	handshake    = 5 * time.Second
	idle         = time.Minute
	perPeer      = 64 // connections to one instance
	dialing      = 2 * time.Second
	drainTimeout = 5 * time.Second
	drainLook    = 10 * time.Millisecond
)

// Server takes the connections of other instances.
type Server struct {
	listener net.Listener
	http     http.Server
	active   atomic.Int64 // requests that are being answered
}

// Listen listens on an address, and serves nothing before Run.
func Listen(ctx context.Context, addr string, who *Identity, h http.Handler, log zerolog.Logger) (*Server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for other instances: %w; choose another with --instance-listen", addr, err)
	}
	limited := &limited{Listener: l, room: semaphore.NewWeighted(maxPeers)}
	limited.ctx, limited.stop = context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{listener: tls.NewListener(limited, who.Server())}
	s.http = http.Server{
		Handler: s.counted(h), ReadHeaderTimeout: handshake, IdleTimeout: idle, MaxHeaderBytes: MaxHeader,
		ConnState: limited.note,
		ErrorLog:  stdlog.New(log.With().Str("level", "warn").Logger(), "", 0),
	}
	return s, nil
}

func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.active.Add(-1)
		s.active.Add(1)
		next.ServeHTTP(w, r)
	})
}

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives the address back if Run was never called.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends. What is under way then has some seconds to be answered, and is cut off after that: an answer that
// was given up would look to whoever has handed the request on like one that says nothing. Streams end by themselves, for
// their leader leads no more.
func (s *Server) Run(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s.http.BaseContext = func(net.Listener) context.Context { return base }
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve other instances: %w", err)
	case <-ctx.Done():
	}
	_ = s.listener.Close()
	s.drain()
	cut()
	_ = s.http.Close() // its listener is closed already
	return nil
}

// drain waits until what is under way is answered. [http.Server.Shutdown] would wait for connections, too, that others have
// opened ahead and never said a word on.
func (s *Server) drain() {
	ticker := time.NewTicker(drainLook)
	defer ticker.Stop()
	for end := time.Now().Add(drainTimeout); s.active.Load() > 0 && time.Now().Before(end); {
		<-ticker.C
	}
}

// limited takes no more connections than there is room for, and few from whom nothing has been heard: who they are is known then.
// Where those are too many, the oldest of them goes, so that whoever connects and says nothing keeps no instance out.
type limited struct {
	net.Listener

	room *semaphore.Weighted
	ctx  context.Context //nolint:containedctx // ends with the listener
	stop context.CancelFunc

	mu        sync.Mutex
	strangers list.List // of guests, the oldest first
}

// Accept waits for room first.
func (l *limited) Accept() (net.Conn, error) {
	if err := l.room.Acquire(l.ctx, 1); err != nil {
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.room.Release(1)
		return nil, err
	}
	g := &guest{Conn: c, from: l}
	if oldest := l.enter(g); oldest != nil {
		_ = oldest.Close() // nobody is left to tell
	}
	return g, nil
}

// enter adds a stranger, and returns the one that has to go for it.
func (l *limited) enter(g *guest) (oldest *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.strangers.Len() >= maxStrangers {
		oldest, _ = l.strangers.Front().Value.(*guest)
	}
	g.place = l.strangers.PushBack(g)
	return oldest
}

// known notes that a guest is no stranger, or has gone.
func (l *limited) known(g *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.place != nil {
		l.strangers.Remove(g.place)
		g.place = nil
	}
}

// note notes who has sent a request: before that he has shown who he is.
func (l *limited) note(c net.Conn, state http.ConnState) {
	over, ok := c.(*tls.Conn)
	if !ok || state != http.StateActive {
		return
	}
	if g, ok := over.NetConn().(*guest); ok {
		l.known(g)
	}
}

// Close lets nobody else in.
func (l *limited) Close() error {
	l.stop()
	return l.Listener.Close()
}

// guest makes room when it is closed.
type guest struct {
	net.Conn

	from  *limited
	place *list.Element // among the strangers
	once  sync.Once
}

// Close closes the connection.
func (g *guest) Close() error {
	g.once.Do(func() {
		g.from.known(g)
		g.from.room.Release(1)
	})
	return g.Conn.Close()
}

// Dial is how connections are opened; tests put in one of their own that fails.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Transport is how requests go to other instances. Addresses are those of other instances, with the scheme https.
func Transport(who *Identity, dial Dial) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialing}).DialContext
	}
	return &http.Transport{
		DialContext: dial, TLSClientConfig: who.Client(), TLSHandshakeTimeout: dialing,
		MaxConnsPerHost: perPeer, MaxIdleConnsPerHost: perPeer, IdleConnTimeout: idle / 2,
		MaxResponseHeaderBytes: MaxHeader, DisableCompression: true, ForceAttemptHTTP2: false,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}
