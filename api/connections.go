package api

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// connections are those that others have opened to us, and never more than limit. When there is no room for another, the
// one whose caller has kept us waiting for longest is closed, so that whoever comes now gets in: it does not matter
// whether that caller is between two requests, in the middle of one, or does not take its answer. Connections whose
// requests we are at work on are not closed; while there are no others, new ones wait in the kernel.
type connections struct {
	limit int

	mu      sync.Mutex
	changed sync.Cond // one has been closed or begun to wait, or the listener was closed
	open    int
	waiting list.List // of those whose callers keep us waiting, the longest first
	pushed  uint64    // closed for want of room
}

// ofLimit makes a set with room for so many.
func ofLimit(limit int) *connections {
	c := &connections{limit: limit}
	c.changed.L = &c.mu
	return c
}

// connection is one of them.
type connection struct {
	*net.TCPConn
	of    *connections
	place *list.Element // among the waiting
	waits int           // for how many reasons we wait for the caller
	gone  bool
}

// count returns how many are open, and how many had to be closed so far.
func (c *connections) count() (open int, pushed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open, c.pushed
}

// add takes a new connection in.
func (c *connections) add(tcp *net.TCPConn) *connection {
	conn := &connection{TCPConn: tcp, of: c}
	c.mu.Lock()
	c.open++
	full := c.open > c.limit
	c.mu.Unlock()
	if full {
		c.push()
	}
	conn.wait(1)
	return conn
}

// push closes the connection whose caller has kept us waiting for longest, if there is one.
func (c *connections) push() {
	c.mu.Lock()
	var oldest *connection
	if front := c.waiting.Front(); front != nil {
		oldest, _ = front.Value.(*connection)
		c.pushed++
	}
	c.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() // nobody is left to tell
	}
}

// wait notes that there is one more reason to wait for the caller, or with -1 one less.
func (c *connection) wait(change int) {
	if c == nil {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.waits += change
	switch {
	case c.waits > 0 && c.place == nil && !c.gone:
		c.place = c.of.waiting.PushBack(c)
		c.of.changed.Signal()
	case c.waits == 0 && c.place != nil:
		c.of.waiting.Remove(c.place)
		c.place = nil
	}
}

// Write sends a piece of an answer.
func (c *connection) Write(b []byte) (int, error) {
	c.wait(1)
	defer c.wait(-1)
	return c.TCPConn.Write(b)
}

// ReadFrom sends a piece of a file.
func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	c.wait(1)
	defer c.wait(-1)
	return c.TCPConn.ReadFrom(r)
}

// Close closes the connection and makes room for another.
func (c *connection) Close() error {
	err := c.TCPConn.Close()
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.gone {
		return err
	}
	c.gone = true
	c.of.open--
	if c.place != nil {
		c.of.waiting.Remove(c.place)
		c.place = nil
	}
	c.of.changed.Signal()
	return err
}

// listener lets connections in as there is room for them.
type listener struct {
	*net.TCPListener
	conns  *connections
	log    zerolog.Logger
	closed bool // under the lock of conns
}

// Pauses after an accept that has failed.
const (
	leastPause = 5 * time.Millisecond
	mostPause  = time.Second
)

// Accept waits for room and for a caller. It fails for good only where the listener was closed: for want of descriptors
// or memory, a connection is closed, and after a pause there is another try.
func (l *listener) Accept() (net.Conn, error) {
	for pause := leastPause; ; pause = min(2*pause, mostPause) {
		l.room()
		tcp, err := l.AcceptTCP()
		if err == nil {
			return l.conns.add(tcp), nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if pause >= mostPause {
			l.log.Error().Err(err).Int("connections", l.conns.limit).Msg("nobody can connect; raise the limit on open files")
		}
		l.conns.push()
		time.Sleep(pause)
	}
}

// room returns when there is room for one more connection, or one can be closed for it.
func (l *listener) room() {
	c := l.conns
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.open >= c.limit && c.waiting.Len() == 0 && !l.closed {
		c.changed.Wait()
	}
}

// Close lets nobody in any more.
func (l *listener) Close() error {
	l.conns.mu.Lock()
	l.closed = true
	l.conns.mu.Unlock()
	l.conns.changed.Broadcast()
	return l.TCPListener.Close()
}

// connectionKey finds a request's connection in its context.
type connectionKey struct{}

func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// connectionOf returns the connection that a request came by, or nil.
func connectionOf(r *http.Request) *connection {
	conn, _ := r.Context().Value(connectionKey{}).(*connection)
	return conn
}
