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
// requests we are at work on are not closed, nor those whose answers are on their way; while there are no others, new ones
// wait in the kernel.
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

	first    *time.Timer // runs until the first request, or until that keeps us waiting
	answered bool        // and what is still read is the rest of a body that nobody wanted; net/http's own goroutine's
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
	conn.first = time.AfterFunc(fresh, func() { conn.wait(1) })
	return conn
}

// fresh is how long a caller may take to send its first request before it keeps us waiting: many who come at once must
// not push one another out.
const fresh = 100 * time.Millisecond

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

// slow is how long a caller may take for a piece of a request or of an answer before it keeps us waiting.
const slow = 500 * time.Millisecond

// piece is called when a caller is to send or to take a piece, and what it returns when that is done.
func (c *connection) piece() (done func()) {
	late := time.AfterFunc(slow, func() { c.wait(1) })
	return func() {
		if !late.Stop() {
			c.wait(-1)
		}
	}
}

// begin notes that a request has come.
func (c *connection) begin() {
	if c == nil {
		return
	}
	first := c.first
	c.first = nil
	if first == nil || !first.Stop() {
		c.wait(-1)
	}
}

// idle notes when a connection waits for its next request.
func idle(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*connection); ok && state == http.StateIdle {
		c.wait(1)
	}
}

// rest notes that the answer is made, and that a body was not read to its end. The answer is sent before the next Read.
func (c *connection) rest() {
	if c != nil {
		c.answered = true
	}
}

// Read takes in what has come.
func (c *connection) Read(b []byte) (int, error) {
	if c.answered {
		c.answered = false
		c.wait(1)
	}
	return c.TCPConn.Read(b)
}

// Write sends a piece of an answer.
func (c *connection) Write(b []byte) (int, error) {
	defer c.piece()()
	return c.TCPConn.Write(b)
}

// ReadFrom sends a piece of a file.
func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	defer c.piece()()
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
