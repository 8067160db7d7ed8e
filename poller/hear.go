package poller

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/poller/seen"
)

// Hear takes over what the leader has observed, as it told with Tell, until Run begins a term of our own. With first it is
// the beginning of everything that the leader knows: what was heard of a server before stays until it is told anew, so that
// none is unknown in between. A server that our records do not have is not heard of.
func (p *Poller) Hear(frame []byte, first bool) error {
	f, err := observed.Decode(frame)
	if err != nil {
		return err
	}
	if p.pool.leads() {
		return nil // what was on its way when we began to lead
	}
	p.pool.following.Store(true)
	if first {
		p.pool.wishes.Done()
	}
	switch f.Kind {
	case observed.OfNetwork:
		p.pool.network.hear(f.Network)
	case observed.OfRefreshed:
		p.pool.wishes.Done(append([]string{}, f.Asks...)...)
	case observed.OfMeetings, observed.OfServer:
		s := p.pool.server(f.Server)
		switch {
		case s == nil:
		case f.Kind == observed.OfMeetings:
			s.hearMeetings(f)
		default:
			s.hear(f)
		}
	}
	return nil
}

// Heard tells whether the leader has told of every server that our records have: until then it is not known here what is on those
// that are missing, and nobody is to be told that there is nothing.
func (p *Poller) Heard() bool {
	for _, s := range p.pool.sorted() {
		s.mu.Lock()
		told := s.state.told
		s.mu.Unlock()
		if !told {
			return false
		}
	}
	return true
}

// leads tells whether the poller runs.
func (p *pool) leads() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.running != nil
}

// hear takes over how our own side of the servers is, as the leader sees it.
func (n *network) hear(told *observed.Network) {
	if told == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	n.failsSince, n.lostSince = told.Failing.At(now), told.LostSince.At(now)
	n.lost = told.Lost[:min(len(told.Lost), observed.MostNames)]
	n.namesLost.Store(told.NamesLost)
}

// hear takes over how the server is.
func (s *server) hear(f observed.Frame) {
	if f.State == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, now := &s.state, s.now()
	st.told = true
	health, ok := f.State.Health.Hear(now)
	if !ok {
		return
	}
	failing, before := st.failing(), st.forLedger()
	st.health = health
	st.hearTraits(f.State, now)
	st.view.Polled, st.view.Latency = f.State.Polled.At(now), max(f.State.Latency, 0)
	st.view.Unreadable, st.schedule.began = max(f.State.Unreadable, 0), f.State.Began.At(now)
	if st.client != nil && st.record.Former != "" {
		st.client.SetOnFormer(f.State.OnFormer)
	}
	st.hearEvents(f.Events, f.Again)
	st.view.Created = append(st.view.Created, seen.HearCreated(f.Created, now)...)
	if f.Copies != nil {
		st.view.Copies = seen.HearCopies(*f.Copies, now)
	}
	if st.failing() != failing {
		st.wakeWaiting()
	}
	if after := st.forLedger(); after != before {
		s.ledger.SetServer(after)
	}
}

func (st *state) hearTraits(told *observed.State, now time.Time) {
	st.traits = traits{
		pace: told.Pace.Hear(), clock: observed.HearClock(told.Clock), slow: observed.HearSlowness(told.Slowness, told.Level),
		expires: told.Expires, unresolved: max(told.Unresolved, 0), excess: max(told.Excess, 0),
	}
	for kind := range impendingKinds {
		st.traits.raised[kind] = told.Raised[impendings[kind].name].At(now)
	}
}

// hearEvents takes over what has happened to the server. Should the leader end before it has kept that, we do.
func (st *state) hearEvents(told []observed.Event, all bool) {
	var list []Event
	for _, e := range told {
		if event, ok := e.Hear(); ok {
			list = append(list, event)
		}
	}
	if all {
		list = list[max(0, len(list)-maxEvents):]
		same := func(a, b Event) bool { return a.At.Equal(b.At) && a.Kind == b.Kind && a.Text == b.Text }
		if !slices.EqualFunc(list, st.events.last, same) {
			st.events.last, st.events.unsaved = list, true
		}
		return
	}
	for _, e := range list {
		st.events.add(e, 1)
	}
}

// hearMeetings takes over what the server was seen with, once the last piece of that is here.
func (s *server) hearMeetings(f observed.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.hearing.Hear(f, s.now(), &s.state.view)
}
