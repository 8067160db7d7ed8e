package poller

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// inquiry is a poll in flight.
type inquiry struct {
	client *bbb.Client
	began  time.Time
	doubt  bool               // the server failed when it began
	cut    bool               // it was cancelled and has to be repeated soon; guarded by the server's lock
	cancel context.CancelFunc // ends its questions, not what follows from the answers
	seen   chan struct{}      // closed once the view is as good as this poll makes it
	over   chan struct{}      // closed at its end
}

// loop polls one server on its own schedule until it leaves the pool.
func (p *Poller) loop(ctx context.Context, s *server) {
	timer := time.NewTimer(p.spread())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.gone:
			return
		case <-s.wake:
		case <-timer.C:
		}
		timer.Reset(p.turn(s))
	}
}

// spread is when a server is first asked: at once, but 500 servers not in the same instant.
func (p *Poller) spread() time.Duration {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return rand.N(time.Duration(len(p.servers)+1) * time.Millisecond)
}

// turn polls a server if it is due, and returns how long there is nothing to do.
func (p *Poller) turn(s *server) time.Duration {
	if rest := p.rest(s); rest > 0 {
		return rest
	}
	if q := p.start(s); q != nil {
		<-q.over
	}
	return p.rest(s)
}

// rest is the time until the next poll is due.
func (p *Poller) rest(s *server) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record.State == store.Disabled {
		return p.config.Interval
	}
	return s.due.Sub(p.now())
}

// start begins a poll, or joins the one in flight. It returns nil where nobody may be asked.
func (p *Poller) start(s *server) *inquiry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	running := p.running
	if running == nil || s.client == nil || s.record.State == store.Disabled {
		return nil
	}
	if s.inquiry != nil {
		return s.inquiry
	}
	ctx, cancel := context.WithCancel(running)
	q := &inquiry{
		client: s.client, began: p.now(), doubt: !s.health.failing.IsZero(), cancel: cancel,
		seen: make(chan struct{}), over: make(chan struct{}),
	}
	s.inquiry, s.began = q, q.began
	p.loops.Go(func() {
		defer p.finish(s, q)
		sight, ok := p.look(ctx, s, q)
		close(q.seen)
		if ok {
			p.conclude(running, s, q, sight)
		}
	})
	return q
}

// finish makes room for the next poll and says when that is due: counted from the beginning of this one, so that the
// age of what is known does not grow with the time that answers take, but never at once. A tenth of it is jitter.
func (p *Poller) finish(s *server, q *inquiry) {
	q.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.health.next(p.now(), p.config.thresholds())
	if q.cut {
		d = min(quickProbe, p.config.Interval)
	}
	d += rand.N(d/10+1) - d/20
	s.due = latest(q.began.Add(d), p.now().Add(d/2))
	s.inquiry = nil
	s.poke()
	close(q.over)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
