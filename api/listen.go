package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
)

// address is where to listen: --listen, else Scalelite's BIND and PORT, else port 3000 on every interface.
func (c Config) address() (string, error) {
	switch {
	case c.Listen != "":
		return checkAddress("--listen", c.Listen)
	case c.Bind != "":
		host, ok := strings.CutPrefix(c.Bind, "tcp://")
		if !ok && strings.Contains(c.Bind, "://") {
			return "", fmt.Errorf("BIND %q: only tcp://HOST:PORT can be listened on", c.Bind)
		}
		return checkAddress("BIND", host)
	case c.Port != "":
		return checkAddress("PORT", ":"+c.Port)
	}
	return ":3000", nil
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
func listen(ctx context.Context, addr string, conns *connections, log zerolog.Logger) (net.Listener, error) {
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
