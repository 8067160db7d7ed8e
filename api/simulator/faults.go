package simulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Kind says what is wrong with a server.
type Kind string

// The kinds of faults; the package comment tells them apart.
const (
	Refuse      Kind = "refuse"
	BlackHole   Kind = "black-hole"
	Hang        Kind = "hang"
	Slow        Kind = "slow"
	ServerError Kind = "5xx"
	Garbage     Kind = "garbage"
	Truncated   Kind = "truncated"
	Malformed   Kind = "malformed"
)

var kinds = []Kind{Refuse, BlackHole, Hang, Slow, ServerError, Garbage, Truncated, Malformed}

// Fault is something that is wrong with a server.
type Fault struct {
	Kind   Kind
	Calls  []string      // the calls it concerns, as [Server.Calls] names them; none: all
	Delay  time.Duration // of Slow
	Status int           // of ServerError; 0 is 500
}

// fault is a Fault at work.
type fault struct {
	Fault
	healed chan struct{} // closed when it ends
}

func (f *fault) concerns(call string) bool {
	return f != nil && (len(f.Calls) == 0 || slices.Contains(f.Calls, call))
}

// check tells what is wrong with the fault itself.
func (f *Fault) check() error {
	if f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("fault %q: want one of %v", f.Kind, kinds)
	case f.Status < 500 || f.Status > 599:
		return fmt.Errorf("status %d: want one from 500 to 599", f.Status)
	case f.Delay < 0 || f.Delay > time.Hour:
		return fmt.Errorf("delay %v: want one from 0 to 1h", f.Delay)
	case len(f.Calls) > 0 && (f.Kind == Refuse || f.Kind == BlackHole):
		return fmt.Errorf("fault %q: concerns all calls; leave out the list", f.Kind)
	}
	return nil
}

// Fault makes something go wrong from now on, instead of what went wrong before.
func (s *Server) Fault(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	s.net.Lock()
	defer s.net.Unlock()
	if s.net.closed {
		return fmt.Errorf("%s: closed", s.id)
	}
	if err := s.heal(); err != nil {
		return err
	}
	s.fault.Store(&fault{Fault: f, healed: make(chan struct{})})
	switch f.Kind {
	case Refuse:
		_ = s.net.gate.Close()
		return s.net.http.Close()
	case BlackHole:
		return s.net.gate.shut()
	case Hang, Slow, ServerError, Garbage, Truncated, Malformed:
	}
	return nil
}

// Heal ends the fault, if there is one.
func (s *Server) Heal() error {
	s.net.Lock()
	defer s.net.Unlock()
	if s.net.closed {
		return nil
	}
	return s.heal()
}

// heal needs s.net to be locked.
func (s *Server) heal() error {
	f := s.fault.Load()
	if f == nil {
		return nil
	}
	switch f.Kind {
	case Refuse:
		if err := s.listen(); err != nil {
			return err // and stays refusing
		}
		if s.net.started {
			s.serve()
		}
	case BlackHole:
		if err := s.net.gate.reopen(); err != nil {
			return err
		}
	case Hang, Slow, ServerError, Garbage, Truncated, Malformed:
	}
	s.fault.Store(nil)
	close(f.healed)
	return nil
}

// CurrentFault returns what is wrong with the server; ok is false while nothing is.
func (s *Server) CurrentFault() (f Fault, ok bool) {
	if f := s.fault.Load(); f != nil {
		return f.Fault, true
	}
	return Fault{}, false
}

// suffer answers a request as the fault would have it.
func (s *Server) suffer(call string, answer http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	f := s.fault.Load()
	if !f.concerns(call) {
		answer(w, r)
		return
	}
	switch f.Kind {
	case Refuse, Hang:
		s.wait(r.Context(), f.healed, 0)
		panic(http.ErrAbortHandler)
	case BlackHole:
		s.wait(r.Context(), f.healed, 0)
		answer(w, r)
	case Slow:
		s.slowly(f, answer, w, r)
	case ServerError:
		failPage(w, f.Status)
	case Garbage, Truncated, Malformed:
		spoilt := &recorder{header: w.Header()}
		answer(spoilt, r)
		spoilt.send(w, f.Kind)
	}
}

// wait returns when c is closed or the time is up, and does not return at all where there is nobody left to answer.
func (s *Server) wait(ctx context.Context, c <-chan struct{}, d time.Duration) {
	var up <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		up = timer.C
	}
	select {
	case <-c:
	case <-up:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	case <-s.closed:
		panic(http.ErrAbortHandler)
	}
}

// slowly answers late. The work is done even if the caller has hung up by then, so the body is read first.
func (s *Server) slowly(f *fault, answer http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if f.Delay > 0 {
		s.wait(context.WithoutCancel(r.Context()), nil, f.Delay)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer(w, r)
}

// recorder keeps an answer, to be spoilt.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// send sends what is left of the answer.
func (r *recorder) send(w http.ResponseWriter, kind Kind) {
	body := r.body.Bytes()
	switch kind {
	case Garbage:
		body = []byte("\x00\x9f\x92\x96 <<< this is not the answer that you are looking for")
	case Truncated:
		body = body[:len(body)/2]
	case Malformed:
		body = malform(body)
	case Refuse, BlackHole, Hang, Slow, ServerError:
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	_, _ = w.Write(body) // the caller hung up: nobody is left to tell
}

// malform puts text that XML forbids behind the first name of a meeting, or where there is none behind the return
// code.
func malform(body []byte) []byte {
	const bad = " \x01\xff & <b"
	for _, tag := range []string{"</meetingName>", "</returncode>"} {
		if i := bytes.Index(body, []byte(tag)); i >= 0 {
			if tag == "</returncode>" {
				i += len(tag)
			}
			return slices.Concat(body[:i], []byte(bad), body[i:])
		}
	}
	return append([]byte(bad), body...)
}
