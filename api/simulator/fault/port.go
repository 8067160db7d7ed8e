package fault

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Options say what listens.
type Options struct {
	Name    string // what errors call the server
	Addr    string // HOST:PORT; the port may be 0, for any that is free
	HTTP    func() *http.Server
	MaxBody int64       // how much of a body is kept while its answer is slow
	Report  func(error) // told why the port no longer answers; may be called at once
}

// Port is the port of one server. It keeps its number throughout, whatever goes wrong. Its methods are safe for concurrent
// use.
type Port struct {
	name    string
	report  func(error)
	maxBody int64

	fault   atomic.Pointer[atWork] // nil while all is well
	ended   chan struct{}          // closed by Close
	active  sync.WaitGroup         // requests
	serving sync.WaitGroup

	mu       sync.Mutex // guards listener, and is held while that changes
	listener listener
}

// atWork is a Fault at work.
type atWork struct {
	Fault
	healed chan struct{} // closed when it ends
}

// listener is what listens on a port, or only keeps it.
type listener struct {
	addr    string
	hold    io.Closer // keeps the port while nobody listens
	server  func() *http.Server
	gate    *gate
	http    *http.Server
	started bool
	closed  bool
}

// Listen opens a port, so that callers queue up. Nobody is answered before Start. The port must be closed.
func Listen(o Options) (*Port, error) {
	hold, addr, err := reserve(o.Addr)
	if err != nil {
		return nil, err
	}
	p := &Port{name: o.Name, report: o.Report, maxBody: o.MaxBody, ended: make(chan struct{})}
	p.listener = listener{addr: addr, hold: hold, server: o.HTTP}
	if err := p.listener.open(); err != nil {
		_ = hold.Close()
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return p, nil
}

// open listens on the port. Nobody is answered yet.
func (l *listener) open() error {
	listening, err := net.Listen("tcp", l.addr) //nolint:noctx // takes no time
	if err != nil {
		return err
	}
	tcp, ok := listening.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("%s is no address of TCP", l.addr)
	}
	l.gate, l.http = newGate(tcp), l.server()
	return nil
}

func (l *listener) close() {
	l.closed = true
	_ = l.http.Close()
	_ = l.gate.Close()
	_ = l.hold.Close()
}

// Addr returns the address that the port has.
func (p *Port) Addr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listener.gate.Addr()
}

// serve answers on the listener.
func (p *Port) serve(l *listener) {
	gate, srv := l.gate, l.http
	p.serving.Go(func() {
		if err := srv.Serve(gate); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			p.report(fmt.Errorf("%s: serve: %w", p.name, err))
		}
	})
}

// Start answers requests from now on. What a fault keeps from being answered is answered once it heals.
func (p *Port) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener.closed || p.listener.started {
		return
	}
	p.listener.started = true
	if f := p.fault.Load(); f == nil || f.Kind != Refuse {
		p.serve(&p.listener)
	}
}

// Close frees the port, cuts off requests, and blocks until the last of them has ended.
func (p *Port) Close() {
	p.mu.Lock()
	p.listener.close()
	close(p.ended)
	p.mu.Unlock()
	p.active.Wait()
	p.serving.Wait()
}

// Enter counts a request in, until leave is called; ok is false once the port is closed.
func (p *Port) Enter() (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener.closed {
		return nil, false
	}
	p.active.Add(1)
	return p.active.Done, true
}

// Fail makes something go wrong from now on, instead of what went wrong before.
func (p *Port) Fail(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener.closed {
		return fmt.Errorf("%s: closed", p.name)
	}
	if err := p.heal(&p.listener); err != nil {
		return err
	}
	p.fault.Store(&atWork{Fault: f, healed: make(chan struct{})})
	switch f.Kind {
	case Refuse:
		_ = p.listener.gate.Close()
		return p.listener.http.Close()
	case BlackHole:
		return p.listener.gate.shut()
	case Hang, Slow, ServerError, Garbage, Truncated, Malformed:
	}
	return nil
}

// Heal ends the fault, if there is one.
func (p *Port) Heal() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener.closed {
		return nil
	}
	return p.heal(&p.listener)
}

// heal ends the fault at the listener, and then for requests.
func (p *Port) heal(l *listener) error {
	f := p.fault.Load()
	if f == nil {
		return nil
	}
	switch f.Kind {
	case Refuse:
		if err := l.open(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err) // and stays refusing
		}
		if l.started {
			p.serve(l)
		}
	case BlackHole:
		if err := l.gate.reopen(); err != nil {
			return err
		}
	case Hang, Slow, ServerError, Garbage, Truncated, Malformed:
	}
	p.fault.Store(nil)
	close(f.healed)
	return nil
}

// Current returns what is wrong; ok is false while nothing is.
func (p *Port) Current() (f Fault, ok bool) {
	if f := p.fault.Load(); f != nil {
		return f.Fault, true
	}
	return Fault{}, false
}
