package poller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// sight is what a server showed.
type sight struct {
	meetings []bbb.Meeting
	broken   int        // meetings that could not be read
	reply    *bbb.Reply // that the meetings were in
	ended    time.Time  // when it was there
}

// look asks a server and brings its health and its view up to date. It returns false where nothing was seen, or the
// server's address, secret or state has changed meanwhile. One that failed is probed first, which costs it less.
func (p *Poller) look(ctx context.Context, s *server, q *inquiry) (sight, bool) {
	p.ledger.BeginPoll(s.id)
	if q.doubt {
		if err := p.probe(ctx, s, q.client); err != nil {
			p.report(s, q.client, err)
			return sight{}, false
		}
	}
	began := p.now()
	seen, err := p.ask(ctx, s, q.client)
	if ctx.Err() != nil {
		return sight{}, false
	}
	p.report(s, q.client, err)
	if err != nil {
		return sight{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != q.client {
		return sight{}, false
	}
	s.polled, s.latency = q.began, p.now().Sub(q.began)
	if seen.broken != s.broken {
		p.log.Warn().Str("server", s.id).Int("meetings", seen.broken).Msg("meetings in a poll could not be read")
	}
	s.saw(seen, q.began)
	if s.learn(seen, began) {
		p.ledger.SetServer(s.page())
	}
	p.review(s)
	return seen, true
}

// learn takes from an answer what it shows beside the meetings. It tells whether the server can be used less than before,
// or more, by that. The lock is held.
func (t *traits) learn(seen sight, began time.Time) (changed bool) {
	took := seen.ended.Sub(began)
	t.pace.took(took)
	t.clock.said(seen.reply, began, seen.ended)
	t.expires = seen.reply.Expires
	if changed = t.slow.took(took); changed {
		t.warned[tooSlow] = t.slow.level == brisk // another level is news
	}
	return changed
}

// probe asks a server for a sign of life, and learns how long that takes.
func (p *Poller) probe(ctx context.Context, s *server, client *bbb.Client) error {
	s.mu.Lock()
	limit := s.pace.probe(p.config.Connect, p.config.Response)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := p.now()
	_, err := client.Probe(ctx)
	took := p.now().Sub(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.client != client:
	case err == nil:
		s.pace.took(took)
	case silent(err):
		s.pace.timedOut()
	}
	return err
}

// silent tells whether a call failed for no other reason than that the time was over.
func silent(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && call.Reason == bbb.Timeout
}

// Patience is how long a server may take for a sign of life before it counts as silent: the connect timeout or, where it
// has answered slowly of late, the smoothed latency and four times its deviation (RFC 6298), up to the response timeout.
// Of a server that is not in the pool it is the connect timeout.
func (p *Poller) Patience(id string) time.Duration {
	s := p.server(id)
	if s == nil {
		return p.config.Connect
	}
	return p.patience(s)
}

func (p *Poller) patience(s *server) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pace.patience(p.config.Connect, p.config.Response)
}

// ask gets the meetings of a server.
func (p *Poller) ask(ctx context.Context, s *server, client *bbb.Client) (sight, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	p.loops.Go(func() { p.watch(ctx, s, client, giveUp) })
	list, err := client.Meetings(ctx)
	if err != nil {
		if silent, ok := errors.AsType[*bbb.CallError](context.Cause(ctx)); ok {
			return sight{}, silent
		}
		return sight{}, err
	}
	return sight{slices.DeleteFunc(list.Meetings, p.trial), list.Broken, list.Reply, p.now()}, nil
}

// trialPrefix is trial.Prefix: what begins so is a test of the server, made past the pool.
const trialPrefix = "bbbpool-probe-"

// trial tells whether a meeting is a test of the server. Nobody asked the pool for it, so nobody finds it there, and
// whoever made it ends it. A front end that calls a meeting so hides nothing by that: it has a claim.
func (p *Poller) trial(m bbb.Meeting) bool {
	if !strings.HasPrefix(m.MeetingID, trialPrefix) {
		return false
	}
	_, err := p.ledger.Peek(key(m))
	return err != nil
}

// watch probes a server that takes its time with an answer. One that is alive is waited for, a silent one given up. So
// is a poll that waits behind other calls of ours for very long, which is not the server's fault.
func (p *Poller) watch(ctx context.Context, s *server, client *bbb.Client, giveUp context.CancelCauseFunc) {
	ticker := time.NewTicker(p.patience(s))
	defer ticker.Stop()
	limit := time.NewTimer(2 * p.config.Response)
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
		if err := p.probe(ctx, s, client); err != nil && !cancelled(err) {
			giveUp(err)
			return
		}
	}
}

// conclude does what follows from a poll beyond the server itself.
func (p *Poller) conclude(ctx context.Context, s *server, q *inquiry, seen sight) {
	s.mu.Lock()
	ahead := s.clock.skew()
	s.mu.Unlock()
	found, err := p.ledger.Reconcile(ctx, placement.Poll{
		Server: s.id, Began: q.began, Complete: seen.broken == 0, Ahead: ahead, Meetings: sightings(seen.meetings),
	})
	if err != nil && ctx.Err() == nil {
		p.log.Error().Err(err).Str("server", s.id).Msg("reconcile claims")
	}
	p.noteExcess(s, q.client, found.Excess)
	over := func(stray placement.Sighting) bool { return stray.Over }
	asked := slices.DeleteFunc(slices.Clone(found.Strays), func(stray placement.Sighting) bool { return !stray.Over })
	strays := slices.DeleteFunc(found.Strays, over)
	p.compareCopies(s, q.client, strays, seen.broken == 0)
	if seen.broken == 0 { // else there may be people in breakout rooms that could not be read
		asked = append(asked, strays...)
	}
	p.endStrays(ctx, s, q.client, asked)
}

// sightings is what the ledger is told of a poll. A meeting with an ID that BigBlueButton does not allow cannot be
// asked for, so nobody needs to know where it is.
func sightings(meetings []bbb.Meeting) []placement.Sighting {
	list := make([]placement.Sighting, 0, len(meetings))
	rooms := inRooms(meetings)
	for _, m := range meetings {
		if bbb.CheckMeetingID(m.MeetingID) != nil {
			continue
		}
		s := sighting(m)
		s.Rooms = rooms[m.InternalID]
		list = append(list, s)
	}
	return list
}

// sighting is one meeting of a poll, but for its breakout rooms.
func sighting(m bbb.Meeting) placement.Sighting {
	return placement.Sighting{
		Key: key(m), InternalID: m.InternalID, CreateTime: m.CreateTime, People: m.Participants, Recorded: m.Recorded,
		Name: m.Name, Ended: m.Ended, Breakout: m.Breakout,
	}
}

// inRooms counts the people in breakout rooms, by the internal ID of the meeting that the rooms belong to.
func inRooms(meetings []bbb.Meeting) map[string]int {
	people := map[string]int{}
	for _, m := range meetings {
		if m.Breakout && !m.Ended {
			people[m.ParentID] += m.Participants
		}
	}
	return people
}

// key is whose meeting it is. One without a mark belongs to the default tenant.
func key(m bbb.Meeting) store.MeetingKey {
	tenant := m.Tenant
	if tenant == "" {
		tenant = store.DefaultTenant
	}
	return store.MeetingKey{Tenant: tenant, MeetingID: m.MeetingID}
}
