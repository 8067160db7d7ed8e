//go:build !linux

package fault

import (
	"io"
	"net"
)

// reserve cannot hold a port here; it finds a free one where any will do.
func reserve(addr string) (io.Closer, string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	host, _, _ := net.SplitHostPort(addr)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return l, net.JoinHostPort(host, port), l.Close()
}

// setBacklog does nothing: a server that is shut lets connections come and does not answer them.
func setBacklog(*net.TCPListener, int) error { return nil }
