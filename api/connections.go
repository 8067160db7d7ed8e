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
//
// To turn the newcomers away instead, or to let the timeouts of net/http do it, would hand the pool to whoever opens enough
// connections and says nothing: a class that begins is made of newcomers, and a timeout short enough to help would cut off
// phones on a slow line.
type connections struct {
	limit int

	mu      sync.Mutex
	changed sync.Cond // signals that one was closed or keeps us waiting, or that the listener was closed
	open    int
	waiting list.List // of those whose callers keep us waiting, the longest first
	evicted uint64    // closed for want of room
}

// newConnections makes a set that has room for so many.
func newConnections(limit int) *connections {
	c := &connections{limit: limit}
	c.changed.L = &c.mu
	return c
}

// connection is one of them.
type connection struct {
	*net.TCPConn
	all   *connections
	place *list.Element // among the waiting
	waits int           // for how many reasons we wait for the caller
	gone  bool

	first    *time.Timer // runs until the first request has come, or the caller is found to keep us waiting for it
	answered bool        // what is read from now on is the rest of a body that nobody wanted; only net/http's goroutine looks
}

// count returns how many are open, and how many had to be closed so far. It takes the lock.
func (c *connections) count() (open int, evicted uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open, c.evicted
}

// add takes a new connection in, and closes another where that makes one too many. It takes the lock.
func (c *connections) add(tcp *net.TCPConn) *connection {
	conn := &connection{TCPConn: tcp, all: c}
	c.mu.Lock()
	c.open++
	full := c.open > c.limit
	c.mu.Unlock()
	if full {
		c.evict()
	}
	conn.first = time.AfterFunc(firstGrace, func() { conn.await(1) })
	return conn
}

// firstGrace is how long a caller may take to send its first request before it keeps us waiting: many who come at once must
// not push one another out.
const firstGrace = 100 * time.Millisecond

// evict closes the connection whose caller has kept us waiting for longest, if there is one. It takes the lock.
func (c *connections) evict() {
	c.mu.Lock()
	var oldest *connection
	if front := c.waiting.Front(); front != nil {
		oldest, _ = front.Value.(*connection)
		c.evicted++
	}
	c.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() // nobody is left to tell
	}
}

// await notes that there is one more reason to wait for the caller, or with -1 one less. It takes the lock, and does
// nothing for a connection that is not ours.
func (c *connection) await(change int) {
	if c == nil {
		return
	}
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.waits += change
	switch {
	case c.waits > 0 && c.place == nil && !c.gone:
		c.place = c.all.waiting.PushBack(c)
		c.all.changed.Signal()
	case c.waits == 0 && c.place != nil:
		c.all.waiting.Remove(c.place)
		c.place = nil
	}
}

// pieceGrace is how long a caller may take for a piece of a request or of an answer before it keeps us waiting.
const pieceGrace = 500 * time.Millisecond

// beginPiece notes that the caller is to send or to take a piece. What it returns must be called when that is done.
func (c *connection) beginPiece() (done func()) {
	late := time.AfterFunc(pieceGrace, func() { c.await(1) })
	return func() {
		if !late.Stop() {
			c.await(-1)
		}
	}
}

// beginRequest notes that a request has come.
func (c *connection) beginRequest() {
	if c == nil {
		return
	}
	first := c.first
	c.first = nil
	if first == nil || !first.Stop() {
		c.await(-1)
	}
}

// noteIdle notes when a connection waits for its next request.
func noteIdle(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*connection); ok && state == http.StateIdle {
		c.await(1)
	}
}

// leaveBody notes that the answer is made, and that a body was not read to its end. The answer is sent before the next Read.
func (c *connection) leaveBody() {
	if c != nil {
		c.answered = true
	}
}

// Read takes in what has come.
func (c *connection) Read(b []byte) (int, error) {
	if c.answered {
		c.answered = false
		c.await(1)
	}
	return c.TCPConn.Read(b)
}

// Write sends a piece of an answer.
func (c *connection) Write(b []byte) (int, error) {
	defer c.beginPiece()()
	return c.TCPConn.Write(b)
}

// ReadFrom sends a piece of a file.
func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	defer c.beginPiece()()
	return c.TCPConn.ReadFrom(r)
}

// Close closes the connection and makes room for another.
func (c *connection) Close() error {
	err := c.TCPConn.Close()
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.gone {
		return err
	}
	c.gone = true
	c.all.open--
	if c.place != nil {
		c.all.waiting.Remove(c.place)
		c.place = nil
	}
	c.all.changed.Signal()
	return err
}

// listener lets connections in as there is room for them.
type listener struct {
	*net.TCPListener
	conns  *connections
	log    zerolog.Logger
	closed bool // guarded by the lock of conns
}

// Pauses after an accept that has failed.
const (
	leastPause = 5 * time.Millisecond
	mostPause  = time.Second
)

// Accept waits for room and for a caller. It fails for good only where the listener was closed. Where it fails for want of
// descriptors or memory, which net/http would answer with ever longer pauses alone, it closes a connection and tries again
// after a pause.
func (l *listener) Accept() (net.Conn, error) {
	for pause := leastPause; ; pause = min(2*pause, mostPause) {
		l.awaitRoom()
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
		l.conns.evict()
		time.Sleep(pause)
	}
}

// awaitRoom blocks until there is room for one more connection, or one can be closed for it.
func (l *listener) awaitRoom() {
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

// linger is how long the rest of a body is taken in after the answer, so that a caller that is still sending it sees the
// answer and not a broken connection.
const linger = time.Second

// body is what comes with a request. A connection is used again only if the body was read to its end: a request that was
// refused is answered and its connection closed, because to read what nobody wants, as net/http does up to a limit, keeps
// the answer from its caller and a connection from others.
type body struct {
	io.ReadCloser
	w    http.ResponseWriter
	conn *connection
	done bool
}

// watchBody has a request's connection closed after the answer, unless its body is read until then. What it returns must
// be called when the answer is made.
func watchBody(w http.ResponseWriter, r *http.Request, conn *connection) (answered func()) {
	if r.ContentLength == 0 {
		return func() {}
	}
	b := &body{ReadCloser: r.Body, w: w, conn: conn}
	r.Body = b
	w.Header().Set("Connection", "close") // later would be too late: headers may be on their way
	return func() {
		if !b.done {
			conn.leaveBody()
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger)) // fails for none of our connections
		}
	}
}

// Read reads on. While it does, the caller keeps us waiting.
func (b *body) Read(p []byte) (int, error) {
	defer b.conn.beginPiece()()
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.done {
		b.done = true
		b.w.Header().Del("Connection")
	}
	return n, err
}
