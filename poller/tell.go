package poller

import (
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/poller/exchange"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/poller/seen"
)

// Tell hands what is observed of all servers to send, and from then on whatever changes, until stop: with the state of a
// server as it is by then, so that what changes faster than it is told is told once. What was seen on a server is told only
// where it has changed. Without a listener nothing of this costs anything.
func (p *Poller) Tell(send func(frame []byte)) (stop func()) {
	t := &teller{Listener: p.pool.listeners.Add(), pool: p.pool, send: send, told: map[string]cursor{}}
	t.tellNetwork()
	for _, s := range p.pool.sorted() {
		t.tellServer(s)
	}
	var over sync.WaitGroup
	over.Go(t.run)
	return sync.OnceFunc(func() {
		t.Leave()
		over.Wait()
	})
}

// ownSide stands for our own side of the servers among the IDs of servers, none of which is like this.
const ownSide = ""

// touch says that something about a server is different. It may be called with the server's lock held.
func (s *server) touch() { s.pool.listeners.Touch(s.id) }

// touch says that something about our own side of the servers is different.
func (n *network) touch() { n.pool.listeners.Touch(ownSide) }

// teller tells one listener.
type teller struct {
	*exchange.Listener

	pool *pool
	send func([]byte)
	told map[string]cursor
}

// cursor is how far a listener was told of a server.
type cursor struct {
	server *server
	is     counts
}

// counts are how often something has changed about a server.
type counts struct{ meetings, created, copies, events uint64 }

func (t *teller) run() {
	for due, ok := t.Next(); ok; due, ok = t.Next() {
		for _, id := range due.Again {
			delete(t.told, id)
		}
		for _, id := range due.IDs {
			if id == ownSide {
				t.tellNetwork()
			} else if s := t.pool.server(id); s != nil {
				t.tellServer(s)
			} else {
				delete(t.told, id)
			}
		}
		if len(due.Asks) > 0 {
			t.send(observed.Frame{Kind: observed.OfRefreshed, Asks: due.Asks}.Encode())
		}
	}
}

func (t *teller) tellNetwork() {
	n := t.pool.network
	n.mu.Lock()
	now := n.now()
	told := &observed.Network{
		Failing: observed.AgoOf(n.failsSince, now), Lost: n.lost[:min(len(n.lost), observed.MostNames)],
		LostSince: observed.AgoOf(n.lostSince, now), NamesLost: n.namesLost.Load(),
	}
	n.mu.Unlock()
	t.send(observed.Frame{Kind: observed.OfNetwork, Network: told}.Encode())
}

// tellServer tells what is new of a server, its meetings first: who has heard that it was polled has them, too.
func (t *teller) tellServer(s *server) {
	was := t.told[s.id]
	again := was.server != s
	if again {
		was = cursor{server: s}
	}
	s.mu.Lock()
	st, now := &s.state, s.now()
	is := st.counts()
	frame := observed.Frame{Kind: observed.OfServer, Server: s.id, State: st.tell(now), Again: again}
	events := st.events.last
	if !again {
		events = events[len(events)-min(len(events), int(is.events-was.is.events)):]
	}
	for _, e := range events {
		frame.Events = append(frame.Events, observed.Event{At: e.At, Kind: e.Kind, Text: e.Text})
	}
	looked := again || is.meetings != was.is.meetings
	made := st.view.Created
	if !looked {
		made = made[len(made)-min(len(made), int(is.created-was.is.created)):]
	}
	created := seen.TellCreated(made, now)
	meetings := st.view.Meetings // a list that nobody changes
	if again || is.copies != was.is.copies {
		list := st.view.TellCopies(now)
		frame.Copies = &list
	}
	s.mu.Unlock()
	if looked {
		seen.TellMeetings(s.id, meetings, created, func(f observed.Frame) { t.send(f.Encode()) })
	} else {
		frame.Created = created
	}
	t.send(frame.Encode())
	t.told[s.id] = cursor{s, is}
}

// counts are how often something has changed.
func (st *state) counts() counts {
	is := st.news
	is.events = st.events.added
	return is
}

// tell is how the server is, as it is told.
func (st *state) tell(now time.Time) *observed.State {
	told := &observed.State{
		Health: st.health.Tell(now), Pace: st.traits.pace.Tell(), Clock: st.traits.clock.Tell(), Expires: st.traits.expires,
		Unresolved: st.traits.unresolved, Excess: st.traits.excess, Began: observed.AgoOf(st.schedule.began, now),
		Polled: observed.AgoOf(st.view.Polled, now), Latency: st.view.Latency, Unreadable: st.view.Unreadable,
		OnFormer: st.onFormer(),
	}
	told.Slowness, told.Level = st.traits.slow.Tell()
	for kind, since := range st.traits.raised {
		if !since.IsZero() {
			if told.Raised == nil {
				told.Raised = map[string]observed.Ago{}
			}
			told.Raised[impendings[kind].name] = observed.AgoOf(since, now)
		}
	}
	return told
}
