package poller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller/observed"
)

// network is the watch over our own side of the servers: over our network, which is suspected when more than half of the
// pool fails at once, and over the names of the servers.
type network struct {
	*common

	pool      *pool
	resolver  resolver    // nil where the transport does not tell which names do not resolve
	namesLost atomic.Bool // so many names do not resolve that local DNS seems to fail

	// The lock comes before that of the pool. It guards what follows.
	mu         sync.Mutex
	failsSince time.Time // since when our own network is suspected; zero while it is not
	wellSince  time.Time // since when it no longer is; zero where it never was
	lost       []string  // names that do not resolve, sorted
	lostSince  time.Time // since when they are so many that namesLost is set; zero while they are not
}

// resolver knows which names do not resolve.
type resolver interface{ Unresolved() []string }

func newNetwork(p *pool) *network {
	r, _ := p.config.Transport.(resolver)
	return &network{common: p.common, pool: p, resolver: r}
}

// patrol looks after what no poll of a single server shows, until ctx ends.
func (n *network) patrol(ctx context.Context) {
	ticker := time.NewTicker(n.config.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		n.watchServers() // what failed together grows old without anybody noticing
		n.watchNames()
	}
}

// countFailing counts the servers that fail. It takes the lock of each.
func (n *network) countFailing() (f observed.Failures) {
	now, t := n.now(), n.config.Thresholds()
	n.pool.each(func(s *server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		counts, failing := s.state.health.Witness(now, t)
		if s.state.disabled() {
			return
		}
		if counts {
			f.Servers++
		}
		if failing {
			f.Failing++
		}
	})
	return f
}

// watchServers finds out when our own network seems to fail, and when no longer. While it does, servers that went offline
// a moment before the others were found to fail are suspect again: joins to them go on.
func (n *network) watchServers() {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.countFailing()
	is, was := f.Most(), !n.failsSince.IsZero()
	if is {
		n.forgive(f, !was)
	}
	switch {
	case is == was:
	case is:
		n.touch()
		n.failsSince = n.now()
		n.log.Error().Int("failing", f.Failing).Int("servers", f.Servers).Msg(
			"more than half of the pool fails at once: no server goes offline; check our own network and DNS")
	default:
		n.touch()
		n.failsSince, n.wellSince = time.Time{}, n.now()
		n.log.Info().Int("failing", f.Failing).Int("servers", f.Servers).
			Msg("no more than half of the pool fails: our own network seems to be well")
	}
}

// blamed tells whether our own network may be to blame for what servers do not answer: it is suspected, or was until just now, so
// that not all of them have been asked since.
func (n *network) blamed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.failsSince.IsZero() || !n.wellSince.IsZero() && n.now().Sub(n.wellSince) < n.config.Thresholds().Noticed
}

// OurSide tells what seems to fail on our own side of the servers: the network, because most fail at once, and local DNS.
func (p *Poller) OurSide() (network, names bool) {
	return p.pool.network.countFailing().Most(), p.pool.network.namesLost.Load()
}

// forgive takes back what our own network has made of servers. With news set those that fail have an event about it.
func (n *network) forgive(f observed.Failures, news bool) {
	now, t := n.now(), n.config.Thresholds()
	n.pool.each(func(s *server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		st := &s.state
		if st.failing() {
			s.touch()
		}
		if st.health.Forgive(now, t) {
			n.ledger.SetServer(st.forLedger())
			st.tellHealth(Offline, true)
			s.touch()
		}
		if news && st.failing() && st.health.Is == Suspect && !st.disabled() {
			st.addEvent(kindNetwork, "our own network is suspected: "+f.String()+
				"; it does not go offline meanwhile, and this failing is not held against it")
		}
	})
}

// watchNames looks which servers' names do not resolve. Of many there is one problem, because the resolver is the likelier
// cause; of few there is one for each server.
func (n *network) watchNames() {
	if n.resolver == nil {
		return
	}
	unresolved := n.resolver.Unresolved()
	slices.Sort(unresolved)
	lost, servers := n.markLost(unresolved)
	many := len(lost) >= 2 && len(lost)*10 >= servers
	was := n.namesLost.Swap(many)
	n.mu.Lock()
	if !slices.Equal(n.lost, lost) {
		n.touch()
	}
	n.lost = lost
	switch {
	case !many:
		n.lostSince = time.Time{}
	case !was:
		n.lostSince = n.now()
	}
	n.mu.Unlock()
	if many != was {
		n.tellNames(many, lost, servers)
	}
	n.pool.each(func(s *server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state.review(many) || s.state.traits.unresolved > 0 {
			s.touch()
		}
	})
}

// markLost counts for every server how often in a row its name was among those that do not resolve, which are sorted. It
// returns the names of servers that are lost, sorted, and how many servers are used.
func (n *network) markLost(unresolved []string) (lost []string, servers int) {
	n.pool.each(func(s *server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		st := &s.state
		if !st.disabled() {
			servers++
		}
		_, listed := slices.BinarySearch(unresolved, st.host)
		if st.disabled() || !listed && !st.health.Nameless() {
			st.traits.unresolved = 0
			return
		}
		st.traits.unresolved++
		lost = append(lost, st.host)
	})
	slices.Sort(lost)
	return slices.Compact(lost), servers
}

func (n *network) tellNames(many bool, lost []string, servers int) {
	if !many {
		n.log.Info().Msg("the names of servers resolve again")
		return
	}
	n.log.Error().Str("names", observed.FirstNames(lost)).Int("lost", len(lost)).Int("servers", servers).
		Msg("local DNS fails: the names of several servers do not resolve, their last good addresses are used; check the " +
			"resolver")
}

// problems is what is wrong on our own side of the servers, with what to look at; nil where nothing is.
func (n *network) problems() (list []problems.Problem) {
	n.mu.Lock()
	failsSince, lost, lostSince := n.failsSince, n.lost, n.lostSince
	n.mu.Unlock()
	subject := problems.Subject{Kind: problems.Network}
	if !failsSince.IsZero() {
		list = append(list, problems.Problem{
			Severity: problems.Blind, Subject: subject, Name: "servers", Since: failsSince, Logged: true,
			Text: n.countFailing().String() + ", so no server goes offline: check our own network and DNS. From this " +
				"machine, does the name of a server resolve, and does it answer (curl -I)? Did a firewall, a route or a proxy change?",
		})
	}
	if !lostSince.IsZero() {
		list = append(list, problems.Problem{
			Severity: problems.Blind, Subject: subject, Name: "dns", Since: lostSince, Logged: true,
			Text: fmt.Sprintf("local DNS fails: the names of %d servers do not resolve (%s), their last good addresses "+
				"are used: check /etc/resolv.conf and the resolver that it names", len(lost), observed.FirstNames(lost)),
		})
	}
	return list
}
