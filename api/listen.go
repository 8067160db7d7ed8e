package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// defaultPort is Scalelite's, too.
const defaultPort = "3000"

// listenAddress is where to listen: --listen, else Scalelite's BIND and PORT, else port 3000 on every interface.
func (c Config) listenAddress() (string, error) {
	switch {
	case c.Listen != "":
		return checkAddress("--listen", c.Listen)
	case c.Bind != "":
		return c.bind()
	case c.Port != "":
		return checkAddress("PORT", ":"+c.Port)
	}
	return ":" + defaultPort, nil
}

// bind is the address in BIND, which may come without a port and with what Puma is to do there.
func (c Config) bind() (string, error) {
	host, ok := strings.CutPrefix(c.Bind, "tcp://")
	if !ok && strings.Contains(c.Bind, "://") {
		return "", fmt.Errorf("BIND %q: only tcp://HOST:PORT can be listened on", c.Bind)
	}
	host, _, _ = strings.Cut(host, "?")
	host = strings.TrimRight(host, "/")
	if !strings.Contains(host, ":") || strings.HasSuffix(host, "]") {
		host = net.JoinHostPort(strings.Trim(host, "[]"), cmp.Or(c.Port, defaultPort))
	}
	return checkAddress("BIND", host)
}

// connections is how many connections others may have open to us: a third of what the system lets us open. Another third
// is for what their requests need, a server or a file each, and the last for everything else: polls, the store, imports,
// the socket of the administration. More than twice as many as there may be requests are of no use.
func (c Config) connections() int {
	third := max(descriptors()/3, 1)
	if c.MaxRequests < int64(third/2) {
		return int(2 * c.MaxRequests)
	}
	return third
}

// listen listens on an address, and lets no more in than there is room for.
func listen(ctx context.Context, addr string, conns *connections, log zerolog.Logger) (*listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is no address of TCP", addr), l.Close())
	}
	return &listener{TCPListener: tcp, conns: conns, log: log}, nil
}

// listenOn listens where front ends and people come, on the socket that was kept for that while the process was restarted, if
// there is one.
func (s *Server) listenOn(ctx context.Context, addr string, keeps bool) error {
	kept, released := inherited(addr)
	l := &listener{TCPListener: kept, conns: s.conns, log: s.log}
	if kept == nil {
		var err error
		if l, err = s.listenAfter(ctx, addr, released); err != nil {
			return fmt.Errorf("listen on %s: %w; choose another with --listen", addr, err)
		}
	}
	s.listener = l
	if !keeps {
		_ = unkeep() // which may have been so before
		return nil
	}
	if err := keep(l.TCPListener); err != nil {
		s.log.Warn().Err(err).Msg("who connects while the process is restarted is refused: systemd does not keep the socket")
	}
	return nil
}

// releasedWithin bounds how long systemd may take to close a socket that it has kept.
const releasedWithin = 2 * time.Second

// listenAfter listens on an address. Where systemd was just told to keep a socket no more, it waits until that is closed: it may
// be in the way, as where the address was :3000 and is 127.0.0.1:3000.
func (s *Server) listenAfter(ctx context.Context, addr string, released bool) (*listener, error) {
	for until := time.Now().Add(releasedWithin); ; {
		l, err := listen(ctx, addr, s.conns, s.log)
		if !released || !inUse(err) || time.Now().After(until) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(leastPause):
		}
	}
}

// sameAddress tells whether a socket listens on an address. A port that the system chooses is never the same.
func sameAddress(have net.Addr, want string) bool {
	h, ok := have.(*net.TCPAddr)
	w, err := net.ResolveTCPAddr("tcp", want)
	if !ok || err != nil || w.Port == 0 || h.Port != w.Port {
		return false
	}
	everywhere := len(w.IP) == 0 || w.IP.IsUnspecified()
	return everywhere && h.IP.IsUnspecified() || h.IP.Equal(w.IP)
}

func checkAddress(name, addr string) (string, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%s %q: want HOST:PORT, or :PORT for every interface", name, addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%s %q: the port must be between 0 and 65535", name, addr)
	}
	return addr, nil
}
