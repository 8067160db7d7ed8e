// Package resolver connects to hosts by their names, and goes on where these cannot be looked up any more.
//
// It owns which addresses hosts were last reached at, how long a lookup may take, and which address is tried first. It
// speaks no protocol over the connections, keeps none, and asks nobody on its own: lookups belong to connections that
// somebody wants, or to a list of what is unresolved that somebody asks for. What it remembers is this process's own, and
// gone with it.
package resolver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	maxHosts     = 4096            // whose addresses are remembered; the one reached longest ago is forgotten for a new one
	maxAddresses = 4               // of a host that are tried, so that each gets a fair share of the time
	lookAgain    = 5 * time.Second // how long after a lookup that failed Unresolved starts another one
	hurry        = 20              // once a lookup has failed, later ones get so small a part of the time
)

// Dialer makes connections. They go to the addresses that a host's name has at that moment, and while it cannot be
// resolved to those where the host was last reached, see Unresolved. It is safe for concurrent use.
type Dialer struct {
	Lookup func(ctx context.Context, host string) ([]string, error) // of a name; IP addresses need none
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)

	connect time.Duration
	names   names
}

// New returns a dialer that gives a name's addresses and TCP a time.
func New(connect time.Duration) *Dialer {
	return &Dialer{
		Lookup:  net.DefaultResolver.LookupHost,
		Dial:    (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext,
		connect: connect,
		names:   names{hosts: hosts{}},
	}
}

// Open connects to a host and port, which takes no longer than the connect timeout allows. What is spoken over the
// connection first, TLS for one, is begin's; nil begins nothing. Only a host that this succeeds with is remembered as
// reached: what answers at an address need not be who was called.
func (d *Dialer) Open(ctx context.Context, addr string, begin func(net.Conn, string) (net.Conn, error)) (net.Conn, error) {
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	c, addrs, err := d.dial(ctx, name, port)
	if err == nil && begin != nil {
		c, err = begin(c, name)
	}
	if err != nil {
		return nil, err
	}
	d.names.reached(name, addrs)
	return c, nil
}

// names remembers where servers were reached, by their names, and which of these are being looked up. A resolver that
// fails for five minutes must cost no sound server its health, as it would if every new connection depended on it.
type names struct {
	mu    sync.Mutex
	hosts hosts
}

// hosts are at most maxHosts by their names, but for those that were never reached: these are there only for as long as
// they are being looked up.
type hosts map[string]*host

// host is what is known of a server's name.
type host struct {
	good    []string // its addresses when it was last reached, the one that took the connection first
	reached time.Time
	lookup  *lookup   // under way, or nil
	failed  bool      // the last lookup did, or takes too long
	looked  time.Time // when the last lookup began
}

// lookup is a question to the resolver. All who have the same one share it, so that one that hangs is one goroutine.
type lookup struct {
	of    *host
	done  chan struct{} // closed when the answer is there
	addrs []string
	err   error
}

// Unresolved lists the hosts, sorted, whose last lookup failed or took too long, and which are called at the addresses
// where they were reached before. As idle connections need no lookups, asking starts new ones beside it, a few seconds
// apart, so that the list empties soon after the resolver works again. Hosts stay on it that nobody calls any more.
func (d *Dialer) Unresolved() []string {
	list, again := d.names.failed()
	for name, asked := range again {
		d.lookUp(context.Background(), name, asked)
	}
	slices.Sort(list)
	return list
}

// dial connects to a host within the connect timeout, and returns its addresses with the one that it is at first. An
// address that does not answer costs its share of the time and no more.
func (d *Dialer) dial(ctx context.Context, name, port string) (net.Conn, []string, error) {
	ctx, cancel := context.WithTimeout(ctx, d.connect)
	defer cancel()
	addrs, doubt, err := d.resolve(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	for i, addr := range addrs {
		c, failed := d.dialShare(ctx, net.JoinHostPort(addr, port), len(addrs)-i)
		if failed == nil {
			return c, front(addrs, addr), nil
		}
		if err = cmp.Or(err, failed); ctx.Err() != nil { // of the best address, that is
			break
		}
	}
	if doubt != nil {
		// What failed is the connection, so that is the reason given.
		err = fmt.Errorf("%w (its last known address, as the name cannot be resolved now: %v)", err, doubt.Error())
	}
	return nil, nil, err
}

// dialShare connects to an address in its share of what is left of the time.
func (d *Dialer) dialShare(ctx context.Context, addr string, shares int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	return d.Dial(ctx, "tcp", addr)
}

// resolve returns the addresses of a host, the best first. Where it cannot be looked up in time these are the ones that
// it was last reached at, and doubt says why; a host that was never reached has none, which is an error.
func (d *Dialer) resolve(ctx context.Context, name string) (addrs []string, doubt, err error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return []string{name}, nil, nil
	}
	asked, fresh, good, failed := d.names.ask(name)
	if fresh {
		d.lookUp(ctx, name, asked)
	}
	part := time.Duration(1)
	if good != nil {
		part = 2
	}
	if failed {
		part = hurry
	}
	addrs, err = asked.wait(ctx, name, part)
	switch {
	case err == nil && good != nil:
		return front(addrs, good[0]), nil, nil
	case err == nil:
		return front(addrs, ""), nil, nil
	case good == nil, ctx.Err() != nil:
		return nil, nil, err
	}
	d.names.tooSlow(name, asked)
	return good, err, nil
}

// wait waits for the answer, for a part of the time that ctx has left.
func (l *lookup) wait(ctx context.Context, name string, part time.Duration) ([]string, error) {
	deadline, _ := ctx.Deadline()
	timer := time.NewTimer(time.Until(deadline) / part)
	defer timer.Stop()
	select {
	case <-l.done:
		return l.addrs, l.err
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, &net.DNSError{Err: "the lookup takes too long", Name: name, IsTimeout: true}
}

// lookUp asks the resolver in a goroutine, once for each lookup that is begun. It outlives the call that it is made for:
// others wait for it as well.
func (d *Dialer) lookUp(ctx context.Context, name string, asked *lookup) {
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.connect)
		defer cancel()
		asked.addrs, asked.err = d.Lookup(ctx, name)
		if asked.err == nil && len(asked.addrs) == 0 {
			asked.err = &net.DNSError{Err: "no addresses", Name: name, IsNotFound: true}
		}
		d.names.answered(name, asked)
		close(asked.done)
	}()
}

// begin returns the lookup of a host that is under way, or a new one, which the caller has to make.
func (h *host) begin() (asked *lookup, fresh bool) {
	if h.lookup == nil {
		h.lookup, h.looked = &lookup{done: make(chan struct{}), of: h}, time.Now()
		fresh = true
	}
	return h.lookup, fresh
}

// of returns what is known of a name, and makes a place for one that nothing is known of.
func (all hosts) of(name string) *host {
	h := all[name]
	if h == nil {
		h = &host{}
		all[name] = h
	}
	return h
}

// ask returns the lookup of a host that is under way, or a fresh one, which the caller has to make, and where the host was
// last reached.
func (n *names) ask(name string) (asked *lookup, fresh bool, good []string, failed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts.of(name)
	asked, fresh = h.begin()
	return asked, fresh, h.good, h.failed
}

// failed returns the names whose last lookup failed, and lookups of those to make that it is time to ask for again.
func (n *names) failed() (list []string, again map[string]*lookup) {
	n.mu.Lock()
	defer n.mu.Unlock()
	again = map[string]*lookup{}
	for name, h := range n.hosts {
		if !h.failed {
			continue
		}
		list = append(list, name)
		if time.Since(h.looked) < lookAgain {
			continue
		}
		if asked, fresh := h.begin(); fresh {
			again[name] = asked
		}
	}
	return list, again
}

// answered remembers how a lookup ended. Of a host that was never reached nothing is kept.
func (n *names) answered(name string, asked *lookup) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := asked.of
	h.lookup, h.failed = nil, asked.err != nil && h.good != nil
	if h.good == nil && n.hosts[name] == h {
		delete(n.hosts, name)
	}
}

// tooSlow remembers that somebody has given up on a lookup, unless it has been answered meanwhile.
func (n *names) tooSlow(name string, asked *lookup) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.hosts[name]; h != nil && h.lookup == asked {
		h.failed = true
	}
}

// reached remembers the addresses of a host that was connected to.
func (n *names) reached(name string, addrs []string) {
	if _, err := netip.ParseAddr(name); err == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[name] == nil && len(n.hosts) >= maxHosts {
		n.hosts.forget()
	}
	h := n.hosts.of(name)
	h.good, h.reached = addrs, time.Now()
}

// forget makes room for a host: the one that was reached longest ago goes.
func (all hosts) forget() {
	delete(all, slices.MinFunc(slices.Collect(maps.Keys(all)), func(a, b string) int {
		return all[a].reached.Compare(all[b].reached)
	}))
}

// front returns the first few addresses, with one of them before all others.
func front(addrs []string, first string) []string {
	list := slices.Clone(addrs)
	if i := slices.Index(list, first); i > 0 {
		copy(list[1:i+1], list[:i])
		list[0] = first
	}
	return list[:min(len(list), maxAddresses)]
}
