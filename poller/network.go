package poller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// outage is how many servers of the pool fail at the moment, of those that count.
type outage struct{ failing, used int }

// own tells whether so much of the pool fails at once that our own network is the likelier cause.
func (o outage) own() bool { return o.used > 1 && o.failing*2 > o.used }

func (o outage) String() string {
	return fmt.Sprintf("%d of %d servers fail at once", o.failing, o.used)
}

func (p *Poller) outage() (o outage) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	now, t := p.now(), p.config.thresholds()
	for _, s := range p.servers {
		s.mu.Lock()
		used, failing := s.health.counts(now, t)
		off := s.record.State == store.Disabled
		s.mu.Unlock()
		if used && !off {
			o.used++
		}
		if failing && !off {
			o.failing++
		}
	}
	return o
}

// watchNetwork raises the alarm when our own network seems to fail, and takes it back. While it stands, servers that
// went offline a moment before the others were found to fail are suspect again: joins to them go on.
func (p *Poller) watchNetwork() {
	p.alarmed.Lock()
	defer p.alarmed.Unlock()
	o := p.outage()
	alarm := o.own()
	if alarm {
		p.spare(o, !p.alarm)
	}
	if alarm == p.alarm {
		return
	}
	p.alarm = alarm
	if alarm {
		p.log.Error().Int("failing", o.failing).Int("servers", o.used).Msg(
			"more than half of the pool fails at once: no server goes offline; check our own network and DNS")
		return
	}
	p.log.Info().Int("failing", o.failing).Int("servers", o.used).
		Msg("no more than half of the pool fails: our own network seems to be well")
}

// spare takes back what our own network has made of servers. With news set those that fail have an event about it.
func (p *Poller) spare(o outage, news bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	now, t := p.now(), p.config.thresholds()
	for _, s := range p.servers {
		s.mu.Lock()
		if s.health.spare(now, t) {
			p.ledger.SetServer(s.page())
			p.turned(s, Offline, true)
		}
		if news && !s.health.failing.IsZero() && s.health.is == Suspect && s.record.State != store.Disabled {
			s.events.add(now, kindNetwork, "our own network is suspected: "+o.String()+
				"; it does not go offline meanwhile, and this failing is not held against it")
		}
		s.mu.Unlock()
	}
}

// patrol looks after what no poll of a single server shows, until ctx ends.
func (p *Poller) patrol(ctx context.Context) {
	ticker := time.NewTicker(p.config.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p.watchNetwork() // an outage grows old without anybody noticing
		p.watchNames()
	}
}

// watchNames looks which servers' names do not resolve. Of many there is one alarm, because the resolver is the likelier
// cause; of few a warning each.
func (p *Poller) watchNames() {
	resolver, ok := p.config.Transport.(interface{ Unresolved() []string })
	if !ok {
		return
	}
	unresolved := resolver.Unresolved()
	slices.Sort(unresolved)
	lost, used := p.markLost(unresolved)
	many := len(lost) >= 2 && len(lost)*10 >= used
	p.alarmed.Lock()
	p.lost = lost
	p.alarmed.Unlock()
	if p.namesLost.Swap(many) != many {
		p.sayNamesLost(many, lost, used)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, s := range p.servers {
		s.mu.Lock()
		p.review(s)
		s.mu.Unlock()
	}
}

// markLost notes of every server whether its name is among those that do not resolve, which are sorted. It returns the
// names of servers that are lost, sorted, and how many servers are used.
func (p *Poller) markLost(unresolved []string) (lost []string, used int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, s := range p.servers {
		s.mu.Lock()
		if s.record.State != store.Disabled {
			used++
		}
		_, listed := slices.BinarySearch(unresolved, s.host)
		switch {
		case s.record.State == store.Disabled || !listed && !s.health.nameless():
			s.lost = 0
		default:
			s.lost++
			lost = append(lost, s.host)
		}
		s.mu.Unlock()
	}
	slices.Sort(lost)
	return slices.Compact(lost), used
}

func (p *Poller) sayNamesLost(many bool, lost []string, used int) {
	if !many {
		p.log.Info().Msg("the names of servers resolve again")
		return
	}
	p.log.Error().Str("names", firstNames(lost)).Int("lost", len(lost)).Int("servers", used).
		Msg(
			"local DNS fails: the names of several servers do not resolve, their last good addresses are used; check the resolver")
}

// Alarms says in words what is wrong on our own side of the servers, each with what to check; nil where nothing is.
func (p *Poller) Alarms() (list []string) {
	p.alarmed.Lock()
	alarm, lost := p.alarm, p.lost
	p.alarmed.Unlock()
	if alarm {
		list = append(list, p.outage().String()+", so no server goes offline: check our own network and DNS. From this "+
			"machine, does the name of a server resolve, and does it answer (curl -I)? Did a firewall, a route or a proxy change?")
	}
	if p.namesLost.Load() {
		list = append(list, fmt.Sprintf("local DNS fails: the names of %d servers do not resolve (%s), their last good addresses "+
			"are used: check /etc/resolv.conf and the resolver that it names", len(lost), firstNames(lost)))
	}
	return list
}

// maxNames is how many names an alarm lists.
const maxNames = 5

func firstNames(names []string) string {
	if len(names) > maxNames {
		return strings.Join(names[:maxNames], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// nameless tells whether a server fails because its name does not resolve, and no address of it is known.
func (h *health) nameless() bool { return h.cause == bbb.DNS && !h.failing.IsZero() }
