package poller

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// sight is what a server showed.
type sight struct {
	meetings []bbb.Meeting
	broken   int // meetings that could not be read
}

// look asks a server and brings its health and its view up to date. It returns false where nothing was seen, or the
// server's address, secret or state has changed meanwhile. One that failed is probed first, which costs it less.
func (p *Poller) look(ctx context.Context, s *server, q *inquiry) (sight, bool) {
	p.ledger.BeginPoll(s.id)
	if q.doubt {
		if err := p.probe(ctx, q.client); err != nil {
			p.report(s, q.client, err)
			return sight{}, false
		}
	}
	seen, err := p.ask(ctx, q.client)
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
	return seen, true
}

func (p *Poller) probe(ctx context.Context, client *bbb.Client) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Connect)
	defer cancel()
	_, err := client.Probe(ctx)
	return err
}

// ask gets the meetings of a server.
func (p *Poller) ask(ctx context.Context, client *bbb.Client) (sight, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	p.loops.Go(func() { p.watch(ctx, client, giveUp) })
	reply, err := client.Do(ctx, "getMeetings", "", "", nil)
	if err != nil {
		if silent, ok := errors.AsType[*bbb.CallError](context.Cause(ctx)); ok {
			return sight{}, silent
		}
		return sight{}, err
	}
	meetings, broken, err := bbb.ParseMeetings(reply.Body)
	return sight{meetings, broken}, err
}

// watch probes a server that takes its time with an answer. One that is alive is waited for, a silent one given up. So
// is a poll that waits behind other calls of ours for very long, which is not the server's fault.
func (p *Poller) watch(ctx context.Context, client *bbb.Client, giveUp context.CancelCauseFunc) {
	ticker := time.NewTicker(p.config.Connect)
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
		if err := p.probe(ctx, client); err != nil {
			giveUp(err)
			return
		}
	}
}

// conclude does what follows from a poll beyond the server itself.
func (p *Poller) conclude(ctx context.Context, s *server, q *inquiry, seen sight) {
	strays, err := p.ledger.Reconcile(ctx, placement.Poll{
		Server: s.id, Began: q.began, Complete: seen.broken == 0, Meetings: sightings(seen.meetings),
	})
	if err != nil && ctx.Err() == nil {
		p.log.Error().Err(err).Str("server", s.id).Msg("reconcile claims")
	}
	p.endStrays(ctx, s, q.client, strays)
}

// sightings is what the ledger is told of a poll. A meeting with an ID that BigBlueButton does not allow cannot be
// asked for, so nobody needs to know where it is.
func sightings(meetings []bbb.Meeting) []placement.Sighting {
	list := make([]placement.Sighting, 0, len(meetings))
	for _, m := range meetings {
		if m.Breakout || bbb.CheckMeetingID(m.MeetingID) != nil {
			continue
		}
		list = append(list, placement.Sighting{
			Key: key(m), InternalID: m.InternalID, CreateTime: m.CreateTime, People: m.Participants,
			Recorded: m.Recorded, Ended: m.Ended,
		})
	}
	return list
}

// key is whose meeting it is. One without a mark belongs to the default tenant.
func key(m bbb.Meeting) store.MeetingKey {
	tenant := m.Tenant
	if tenant == "" {
		tenant = store.DefaultTenant
	}
	return store.MeetingKey{Tenant: tenant, MeetingID: m.MeetingID}
}

// endStrays ends meetings that are claimed on another server, as soon as nobody is in them. With people in it a split
// meeting is left alone and reported. What cannot be ended in the time of one call waits for the next poll.
func (p *Poller) endStrays(ctx context.Context, s *server, client *bbb.Client, strays []placement.Sighting) {
	p.reportSplit(s, strays)
	began := p.now()
	for _, stray := range strays {
		if p.now().Sub(began) >= p.config.Response {
			return
		}
		if stray.People > 0 || !p.unwanted(stray.Key, s.id) {
			continue
		}
		if err := p.end(ctx, s, client, stray); err != nil {
			p.report(s, client, err)
			return
		}
	}
}

func (p *Poller) end(ctx context.Context, s *server, client *bbb.Client, stray placement.Sighting) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Response)
	defer cancel()
	answer, err := client.Answer(ctx, "end", "meetingID="+url.QueryEscape(stray.Key.MeetingID))
	log := p.about(s, stray)
	switch {
	case err != nil:
		return err
	case answer.Err != nil:
		log.Warn().AnErr("answer", answer.Err).Msg("an empty meeting that is claimed on another server cannot be ended")
	default:
		log.Info().Msg("ended an empty meeting that is claimed on another server")
	}
	return nil
}

// about returns a log whose lines say which meeting they are about.
func (p *Poller) about(s *server, m placement.Sighting) zerolog.Logger {
	return p.log.With().Str("server", s.id).Str("tenant", m.Key.Tenant).Str("meetingID", m.Key.MeetingID).
		Str("internalMeetingID", m.InternalID).Logger()
}

// reportSplit logs the meetings that have people on two servers, as far as that is news.
func (p *Poller) reportSplit(s *server, strays []placement.Sighting) {
	split := map[string]bool{}
	for _, stray := range strays {
		if stray.People > 0 {
			split[stray.InternalID] = true
		}
	}
	s.mu.Lock()
	known := s.split
	s.split = split
	s.mu.Unlock()
	for _, stray := range strays {
		if stray.People > 0 && !known[stray.InternalID] {
			log := p.about(s, stray)
			log.Warn().Int("people", stray.People).Msg("meeting is on two servers")
		}
	}
}

// unwanted tells whether a stray is one still. Time has passed since the poll: a create may have put it back here.
func (p *Poller) unwanted(key store.MeetingKey, server string) bool {
	found, err := p.ledger.Peek(key)
	return err != nil || found.Claim.Server != server && found.Standing > placement.Gone
}
