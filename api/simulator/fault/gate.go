package fault

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// gate is a listener that can stop accepting connections without closing its port.
type gate struct {
	*net.TCPListener
	mu      sync.Mutex
	open    chan struct{} // closed while connections are accepted
	done    chan struct{}
	once    sync.Once
	fillers []net.Conn // occupy the accept queue
}

func newGate(l *net.TCPListener) *gate {
	g := &gate{TCPListener: l, open: make(chan struct{}), done: make(chan struct{})}
	close(g.open)
	return g
}

// Accept waits for the next connection, and for the gate to open.
func (g *gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		open := g.open
		g.mu.Unlock()
		select {
		case <-open:
		case <-g.done:
			return nil, net.ErrClosed
		}
		conn, err := g.TCPListener.Accept()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue // shut was called
		}
		return conn, err
	}
}

// Close frees the port. It may be called twice.
func (g *gate) Close() error {
	var err error
	g.once.Do(func() {
		close(g.done)
		err = g.TCPListener.Close()
		g.release()
	})
	return err
}

// shut stops accepting and makes the kernel drop connections that are asked for: with a queue of no length, and that
// queue full, it does not even answer. It blocks until the queue is full, for some tenths of a second.
func (g *gate) shut() error {
	g.mu.Lock()
	g.open = make(chan struct{})
	g.mu.Unlock()
	if err := g.SetDeadline(time.Unix(1, 0)); err != nil {
		return err
	}
	if err := setBacklog(g.TCPListener, 0); err != nil {
		return err
	}
	for range 16 {
		conn, err := g.fill()
		if conn == nil {
			return err
		}
		g.mu.Lock()
		g.fillers = append(g.fillers, conn)
		g.mu.Unlock()
	}
	return nil
}

// fill puts a connection into the queue, and returns none where that is full. One that is not made in time says little on
// a busy machine: it is the second that tells.
func (g *gate) fill() (conn net.Conn, err error) {
	for range 2 {
		conn, err = net.DialTimeout("tcp", g.Addr().String(), fillTimeout) //nolint:noctx // has a timeout
		if failed, ok := errors.AsType[net.Error](err); !ok || !failed.Timeout() {
			return conn, err
		}
	}
	return nil, nil
}

// fillTimeout is how long a connection over loopback may take before the queue counts as full.
const fillTimeout = 200 * time.Millisecond

// reopen undoes shut.
func (g *gate) reopen() error {
	g.release()
	err := errors.Join(setBacklog(g.TCPListener, 4096), g.SetDeadline(time.Time{}))
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		close(g.open)
	}
	return err
}

// release closes the connections that occupy the queue.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, conn := range g.fillers {
		_ = conn.Close()
	}
	g.fillers = nil
}
