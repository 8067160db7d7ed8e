package api

import (
	"io"
	"net/http"
	"time"
)

// linger is how long the rest of a body is taken in after the answer, so that a caller that is still sending it sees the
// answer and not a broken connection.
const linger = time.Second

// body is what comes with a request. A connection is used again only if the body was read to its end: what was refused
// is answered and closed, and nobody waits for the rest.
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
			conn.rest()
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger)) // fails for none of our connections
		}
	}
}

// Read reads on. While it does, the caller keeps us waiting.
func (b *body) Read(p []byte) (int, error) {
	defer b.conn.piece()()
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.done {
		b.done = true
		b.w.Header().Del("Connection")
	}
	return n, err
}
