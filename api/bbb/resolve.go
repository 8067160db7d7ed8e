package bbb

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

// names looks up the addresses of servers, and remembers where they were reached. A resolver that fails for five
// minutes must cost no sound server its health, as it would if every new connection depended on it.
type names struct {
	mu    sync.Mutex
	hosts map[string]*host
}

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
	done  chan struct{} // closed when the answer is there
	addrs []string
	err   error
}

// Unresolved lists the hosts, sorted, whose last lookup failed or took too long, and which are called at the addresses
// where they were reached before. As idle connections need no lookups, asking starts new ones beside it, a few seconds
// apart, so that the list empties soon after the resolver works again. Hosts stay on it that nobody calls any more.
func (t *Transport) Unresolved() []string {
	t.names.mu.Lock()
	defer t.names.mu.Unlock()
	var list []string
	for name, h := range t.names.hosts {
		if !h.failed {
			continue
		}
		list = append(list, name)
		if time.Since(h.looked) >= lookAgain {
			t.lookUp(context.Background(), name, h)
		}
	}
	slices.Sort(list)
	return list
}

// dial connects to a host within the connect timeout, and returns its addresses with the one that it is at first. An
// address that does not answer costs its share of the time and no more.
func (t *Transport) dial(ctx context.Context, name, port string) (net.Conn, []string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.connect)
	defer cancel()
	addrs, doubt, err := t.resolve(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	for i, addr := range addrs {
		c, failed := t.dialShare(ctx, net.JoinHostPort(addr, port), len(addrs)-i)
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
func (t *Transport) dialShare(ctx context.Context, addr string, shares int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	return t.Dial(ctx, "tcp", addr)
}

// resolve returns the addresses of a host, the best first. Where it cannot be looked up in time these are the ones that
// it was last reached at, and doubt says why; a host that was never reached has none, which is an error.
func (t *Transport) resolve(ctx context.Context, name string) (addrs []string, doubt, err error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return []string{name}, nil, nil
	}
	asked, good, failed := t.ask(ctx, name)
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
	t.names.tooSlow(name, asked)
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

// ask returns the lookup of a host that is under way, or a new one, and where the host was last reached.
func (t *Transport) ask(ctx context.Context, name string) (asked *lookup, good []string, failed bool) {
	t.names.mu.Lock()
	defer t.names.mu.Unlock()
	h := t.names.hosts[name]
	if h == nil {
		h = &host{}
		t.names.hosts[name] = h
	}
	return t.lookUp(ctx, name, h), h.good, h.failed
}

// lookUp starts a lookup unless there is one under way. The lock is held. The lookup outlives the call that it is made
// for: others wait for it as well.
func (t *Transport) lookUp(ctx context.Context, name string, h *host) *lookup {
	if h.lookup != nil {
		return h.lookup
	}
	asked := &lookup{done: make(chan struct{})}
	h.lookup, h.looked = asked, time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.connect)
		defer cancel()
		asked.addrs, asked.err = t.Lookup(ctx, name)
		if asked.err == nil && len(asked.addrs) == 0 {
			asked.err = &net.DNSError{Err: "no addresses", Name: name, IsNotFound: true}
		}
		t.names.answered(name, h, asked.err)
		close(asked.done)
	}()
	return asked
}

// answered notes how a lookup ended. Of a host that was never reached nothing is kept.
func (n *names) answered(name string, h *host, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h.lookup, h.failed = nil, err != nil && h.good != nil
	if h.good == nil && n.hosts[name] == h {
		delete(n.hosts, name)
	}
}

// tooSlow notes that somebody has given up on a lookup, unless it has been answered meanwhile.
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
	h := n.hosts[name]
	if h == nil {
		if len(n.hosts) >= maxHosts {
			n.forget()
		}
		h = &host{}
		n.hosts[name] = h
	}
	h.good, h.reached = addrs, time.Now()
}

// forget makes room for a host. The lock is held.
func (n *names) forget() {
	delete(n.hosts, slices.MinFunc(slices.Collect(maps.Keys(n.hosts)), func(a, b string) int {
		return n.hosts[a].reached.Compare(n.hosts[b].reached)
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
