package poller

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/observed"
)

// schedule is when a server is asked. It is part of the state of the server.
type schedule struct {
	inFlight *poll     // nil where there is none
	due      time.Time // when the next poll should begin
	began    time.Time // when the last poll began, good or bad
	knocked  time.Time // when the server was last asked beside its polls, see knock
	told     time.Time // when the report of another instance has counted last, or we have made one
}

// poll is one round of asking a server, with what follows from it.
type poll struct {
	server *server
	client *bbb.Client
	began  time.Time
	doubt  bool               // the server failed when it began, so a probe comes first
	cut    bool               // it was cancelled and has to be repeated soon; guarded by the lock of the server
	again  bool               // somebody wants another one after it; guarded in the same way
	cancel context.CancelFunc // ends its questions, not what follows from the answers
	seen   chan struct{}      // closed once the view is as good as this poll makes it
	over   chan struct{}      // closed at its end

	answered bool // the server did, and the ledger has what it has; to be read when it is over
}

// cutPoll ends the questions of the poll in flight, if there is one. It is repeated soon.
func (sc *schedule) cutPoll() {
	if sc.inFlight != nil {
		sc.inFlight.cut = true
		sc.inFlight.cancel()
	}
}

// loop polls the server on its own schedule until it leaves the pool, or ctx ends.
func (s *server) loop(ctx context.Context) {
	timer := time.NewTimer(s.pool.spread())
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
		timer.Reset(soonest(s.takeTurn(ctx)))
	}
}

// soonest keeps a timer from being due before anybody waits for it: in a bubble of synctest the race detector of Go 1.26 does
// not survive that.
func soonest(d time.Duration) time.Duration { return max(d, time.Nanosecond) }

// wakeLoop makes the loop look at its schedule again.
func (s *server) wakeLoop() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// takeTurn asks the server what is due, waits for the end of that, and returns how long there is nothing to do.
func (s *server) takeTurn(ctx context.Context) time.Duration {
	if s.idle() > 0 {
		s.knockIfDue(ctx)
	} else if q := s.pool.poll(s); q != nil {
		s.await(ctx, q)
	}
	return min(s.idle(), s.untilKnock())
}

// await waits for the end of a poll. A server that takes its time for one may change its secret meanwhile.
func (s *server) await(ctx context.Context, q *poll) {
	for {
		select {
		case <-q.over:
			return
		case <-time.After(soonest(s.untilKnock())):
			s.knockIfDue(ctx)
		}
	}
}

// idle is the time until the next poll is due.
func (s *server) idle() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.disabled() {
		return s.config.Interval
	}
	return s.state.schedule.due.Sub(s.now())
}

// poll begins a poll that ends with ctx at the latest, or joins the one in flight. It returns nil where the server may
// not be asked.
func (s *server) poll(running context.Context) *poll {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	if st.client == nil || st.disabled() {
		return nil
	}
	if st.schedule.inFlight != nil {
		return st.schedule.inFlight
	}
	ctx, cancel := context.WithCancel(running)
	q := &poll{
		server: s, client: st.client, began: s.now(), doubt: st.failing(), cancel: cancel,
		seen: make(chan struct{}), over: make(chan struct{}),
	}
	st.schedule.inFlight, st.schedule.began = q, q.began
	s.pool.loops.Go(func() {
		defer q.finish()
		o, ok := q.look(ctx)
		close(q.seen)
		if ok {
			reconciliation{server: s, client: q.client}.run(running, q.began, o)
			q.answered = true
		}
	})
	return q
}

// finish makes room for the next poll and says when that is due: counted from the beginning of this one, so that the
// age of what is known does not grow with the time that answers take, but never at once. A tenth of it is jitter, so that
// servers that were added together are not asked together for ever.
func (q *poll) finish() {
	s := q.server
	q.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	d := st.health.Pause(s.now(), s.config.Thresholds())
	if st.awaited() && st.failing() {
		d = min(d, restartPause(s.now().Sub(st.health.Failing)))
	}
	if q.cut {
		d = min(observed.QuickProbe, s.config.Interval)
	} else if q.again {
		d = min(d, s.config.LookPause())
	}
	d += rand.N(d/10+1) - d/20
	st.schedule.due = latest(q.began.Add(d), s.now().Add(d/2))
	st.schedule.inFlight = nil
	s.wakeLoop()
	close(q.over)
}

// pollSoon has the server polled soon after a call of somebody else has failed. A poll that was on its way says nothing
// about now and is begun anew, unless it began in doubt itself: calls that fail again and again must not keep every
// poll from its end.
func (s *server) pollSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	if st.schedule.inFlight != nil && !st.schedule.inFlight.doubt {
		st.schedule.cutPoll()
	}
	st.schedule.due = latest(s.now(), st.schedule.began.Add(min(observed.QuickProbe, s.config.Interval)))
	s.wakeLoop()
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
