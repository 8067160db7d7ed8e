package poller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/seen"
)

// observation is what a server showed when it was polled.
type observation struct {
	meetings   []bbb.Meeting
	unreadable int        // meetings that could not be read
	reply      *bbb.Reply // that the meetings were in
	ended      time.Time  // when it was there
}

// look asks the server and brings its health, its traits and its view up to date. It returns false where nothing was
// seen, or the server's address, secret or state has changed meanwhile. One that failed is probed first, which costs it
// less than to list its meetings.
func (q *poll) look(ctx context.Context) (observation, bool) {
	s := q.server
	s.ledger.BeginPoll(s.id)
	if q.doubt {
		if err := q.probe(ctx); err != nil {
			s.report(q.client, err)
			return observation{}, false
		}
	}
	began := s.now()
	o, err := q.ask(ctx)
	if ctx.Err() != nil {
		return observation{}, false
	}
	s.report(q.client, err)
	if err != nil {
		return observation{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.state
	if st.client != q.client {
		return observation{}, false
	}
	st.view.Polled, st.view.Latency = q.began, s.now().Sub(q.began)
	if o.unreadable != st.view.Unreadable {
		s.log.Warn().Str("server", s.id).Int("meetings", o.unreadable).Msg("meetings in a poll could not be read")
	}
	if st.view.Replace(o.meetings, o.unreadable, q.began) {
		st.news.meetings++
	}
	if st.traits.learn(o, began) {
		s.ledger.SetServer(st.forLedger())
	}
	st.review(s.pool.network.namesLost.Load())
	s.touch()
	return o, true
}

// ask gets the meetings of the server, for as long as a probe beside it finds the server alive.
func (q *poll) ask(ctx context.Context) (observation, error) {
	s := q.server
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	s.pool.loops.Go(func() { q.probeBeside(ctx, giveUp) })
	list, err := q.client.Meetings(ctx)
	if err != nil {
		if dead, ok := errors.AsType[*bbb.CallError](context.Cause(ctx)); ok {
			return observation{}, dead
		}
		return observation{}, err
	}
	q.attribute(list.Meetings)
	list.Meetings = slices.DeleteFunc(list.Meetings, q.isTrial)
	q.restore(list.Meetings)
	return observation{list.Meetings, list.Broken, list.Reply, s.now()}, nil
}

// maxRestored is how many bytes the meetings of one answer may grow by, by what front ends are to see of their own.
const maxRestored = 8 << 20

// restore puts the front ends' own back into the meetings.
func (q *poll) restore(meetings []bbb.Meeting) {
	restored := q.server.pool.restored
	if restored == nil {
		return
	}
	grown := 0
	for i := range meetings {
		if m := &meetings[i]; grown < maxRestored {
			size := len(m.Raw)
			restored(seen.KeyOf(*m), m)
			grown += max(len(m.Raw)-size, 0)
		}
	}
}

// attribute gives tenants the meetings that they have had at Scalelite, which marks them in its own way. A mark that names
// nobody whom we know means nothing.
func (q *poll) attribute(meetings []bbb.Meeting) {
	for i := range meetings {
		if m := &meetings[i]; m.Tenant == "" && m.Scalelite != "" && q.server.pool.known(m.Scalelite) {
			m.Tenant = m.Scalelite
		}
	}
}

// probeBeside probes a server that takes its time with an answer. One that is alive is waited for, a silent one given
// up. So is a poll that waits behind other calls of ours for very long, which is not the server's fault.
func (q *poll) probeBeside(ctx context.Context, giveUp context.CancelCauseFunc) {
	s := q.server
	ticker := time.NewTicker(s.patience())
	defer ticker.Stop()
	limit := time.NewTimer(2 * s.config.Response)
	defer limit.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			giveUp(nil)
			return
		case <-ticker.C:
		}
		if err := q.probe(ctx); err != nil && !cancelled(err) {
			giveUp(err)
			return
		}
	}
}

// probe asks the server for a sign of life, and learns how long that takes.
func (q *poll) probe(ctx context.Context) error {
	s := q.server
	s.mu.Lock()
	limit := s.state.traits.pace.ProbeTimeout(s.config.Connect, s.config.Response)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := s.now()
	_, err := q.client.Probe(ctx)
	took := s.now().Sub(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state.client != q.client:
	case err == nil:
		s.state.traits.pace.Add(took)
	case timedOut(err):
		s.state.traits.pace.AddTimeout()
	}
	s.touch()
	return err
}

// timedOut tells whether a call failed for no other reason than that the time was over.
func timedOut(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && call.Reason == bbb.Timeout
}

// isTrial tells whether a meeting is a test of the server, made past the pool. Nobody asked the pool for it, so nobody
// finds it there, and whoever made it ends it. A front end that calls a meeting so hides nothing by that: it has a claim.
func (q *poll) isTrial(m bbb.Meeting) bool {
	s := q.server
	if !strings.HasPrefix(m.OnServer(), bbb.ProbePrefix) {
		return false
	}
	_, err := s.ledger.Peek(seen.KeyOf(m))
	return err != nil
}
