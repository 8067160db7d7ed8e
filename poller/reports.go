package poller

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/observed"
)

// Take takes what another instance has handed on to us, the leader: how its calls to servers went, and its wish to hear anew
// of all servers, or everything about one. While nothing runs here nobody is told anything by it.
func (p *Poller) Take(frame []byte) error {
	f, err := observed.Decode(frame)
	if err != nil {
		return err
	}
	s := p.pool.server(f.Server)
	switch {
	case f.Kind == observed.WantRefresh && len(f.Asks) == 1:
		p.pool.refreshes.Add(f.Asks[0], func() bool { return p.pool.loop(p.refreshOthers) })
	case s == nil:
	case f.Kind == observed.WantWhole:
		p.pool.listeners.Repeat(f.Server)
	case f.Kind == observed.OfCall && f.Call != nil && p.pool.leads():
		s.takeCall(*f.Call)
	}
	return nil
}

// contradicted is how long reports of others about a server count for no more than a reason to ask it, once one has counted:
// what we see ourselves is what all go by, and an instance that is cut off from servers must not take them from the others.
const contradicted = time.Minute

// takeCall takes into account how the call of another instance went. A failure makes the server suspect, as one of ours does,
// and never worse; whether it fails the next poll tells, which begins at once. A secret that was not accepted may be another
// one than ours.
func (s *server) takeCall(c observed.Call) {
	s.mu.Lock()
	client, here, now := s.state.client, s.state.record.URL == c.URL, s.now()
	counts := c.Failed && !c.Refused && !s.state.failing() && now.Sub(s.state.schedule.told) >= contradicted
	if here && counts {
		s.state.schedule.told = now
	}
	s.mu.Unlock()
	if !here || client == nil {
		return
	}
	if counts {
		text := errors.New("as another instance has found: " + observed.Brief(c.Text))
		why := &bbb.CallError{Reason: observed.Known(c.Reason), Err: text}
		if changed, _ := s.apply(client, why, true); changed {
			s.pool.network.watchServers()
		}
	}
	s.pollNext()
}

// pollNext has the server polled soon. A poll on its way is waited for.
func (s *server) pollNext() {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	if soon := latest(s.now(), st.schedule.began.Add(min(observed.QuickProbe, s.config.Interval))); soon.Before(st.schedule.due) {
		st.schedule.due = soon
		s.wakeLoop()
	}
}

// Look has a server polled now: somebody says that something has changed there, and may be anybody. However often that is said,
// no more than five polls begin in an interval; of a poll on its way nobody knows whether it looks before or after the change,
// so another one follows. Where another instance leads, and for a server that is not in the pool, it does nothing.
func (p *Poller) Look(server string) {
	if s := p.pool.server(server); s != nil && p.pool.leads() {
		s.lookAgain()
	}
}

// lookAgain has the server polled soon, also after a poll that is on its way.
func (s *server) lookAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := &s.state.schedule
	if sc.inFlight != nil {
		sc.inFlight.again = true
	} else if soon := latest(s.now(), sc.began.Add(s.config.LookPause())); soon.Before(sc.due) {
		sc.due = soon
		s.wakeLoop()
	}
}

// toldAgain is how soon the leader is told once more that calls to a server fail.
const toldAgain = 100 * time.Millisecond

// handOn tells the leader how a call of ours went. Whatever goes well is told only where the server was not.
func (s *server) handOn(client *bbb.Client, err error, healthy bool) {
	if err == nil && healthy {
		return
	}
	s.mu.Lock()
	call := observed.Call{URL: s.state.record.URL, Failed: err != nil}
	current, now := s.state.client == client, s.now()
	again := now.Sub(s.state.schedule.told) < toldAgain
	if current && !again && err != nil {
		s.state.schedule.told = now
	}
	s.mu.Unlock()
	if !current || again && err != nil {
		return
	}
	if err != nil {
		why := failureOf(err)
		call.Reason, call.Text, call.Refused = why.Cause, why.Text, why.Refused
	}
	s.pool.report(observed.Frame{Kind: observed.OfCall, Server: s.id, Call: &call})
}

// askLeader has the leader refresh its view, and returns when what it has seen is here, or ctx ends.
func (p *Poller) askLeader(ctx context.Context) {
	name, done := p.pool.wishes.Add()
	if name == "" {
		return
	}
	defer p.pool.wishes.Done(name)
	p.pool.report(observed.Frame{Kind: observed.WantRefresh, Asks: []string{name}})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// refreshTime is how long the servers may take: who has asked waits no longer for an answer to getMeetings.
const refreshTime = 100 * time.Millisecond

// refreshOthers answers the wishes of others until there are none.
func (p *Poller) refreshOthers(ctx context.Context) {
	for list := p.pool.refreshes.Take(); len(list) > 0; list = p.pool.refreshes.Take() {
		ctx, cancel := context.WithTimeout(ctx, refreshTime)
		p.Refresh(ctx)
		cancel()
		p.pool.listeners.Answer(list)
	}
}
