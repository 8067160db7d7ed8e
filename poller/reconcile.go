package poller

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/seen"
	"github.com/bbbpool/bbbpool/store"
)

// reconciliation is what follows from one good poll beyond the server's own state: the ledger adopts and closes claims by
// it, and what the server should not have any more is reported and ended.
type reconciliation struct {
	server *server
	client *bbb.Client // of the poll; the server may have another one by now
}

// run tells the ledger what was seen, and does what that finds. It takes calls to the server.
func (r reconciliation) run(ctx context.Context, began time.Time, o observation) {
	s := r.server
	s.mu.Lock()
	ahead := s.state.traits.clock.Skew()
	s.mu.Unlock()
	complete := o.unreadable == 0
	found, err := s.ledger.Reconcile(ctx, placement.Poll{
		Server: s.id, Began: began, Complete: complete, Ahead: ahead, Meetings: seen.Sightings(o.meetings),
	})
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, placement.ErrFollower): // the next leader does it
		s.log.Info().Err(err).Str("server", s.id).Msg("claims are another instance's to reconcile by now")
	default:
		s.log.Error().Err(err).Str("server", s.id).Msg("reconcile claims")
	}
	r.setExcess(found.Excess)
	over := func(stray placement.Sighting) bool { return stray.Over }
	ending := slices.DeleteFunc(slices.Clone(found.Strays), func(stray placement.Sighting) bool { return !stray.Over })
	strays := slices.DeleteFunc(found.Strays, over)
	r.compareCopies(strays, complete)
	if complete { // else there may be people in breakout rooms that could not be read
		ending = append(ending, strays...)
	}
	r.endStrays(ctx, ending)
}

// setExcess keeps how many meetings of the server were not adopted, which is a problem.
func (r reconciliation) setExcess(excess int) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.client == r.client && s.state.traits.excess != excess {
		s.state.traits.excess = excess
		s.state.review(s.pool.network.namesLost.Load())
		s.touch()
	}
}

// endStrays ends meetings that somebody has ended while the server was away, at once, and those that are claimed on
// another server as soon as nobody is in them nor in their breakout rooms, which end with them. With people in it a split
// meeting is left alone and reported: joins go to the claim, and who is here stays until he leaves. So is what may be the
// claimed meeting itself. What cannot be ended in the time of one call waits for the next poll.
func (r reconciliation) endStrays(ctx context.Context, strays []placement.Sighting) {
	s := r.server
	began := s.now()
	ended, refused := 0, 0
	defer func() { r.tellMoreEnds(ended-maxTold, refused-maxTold) }()
	for _, stray := range strays {
		if s.now().Sub(began) >= s.config.Response {
			return
		}
		if !stray.Over && (stray.Twin || stray.People > 0 || stray.Rooms > 0) || !r.unwanted(stray) {
			continue
		}
		done, err := r.end(ctx, stray)
		answer, no := errors.AsType[*bbb.Error](err)
		switch {
		case no && r.markRefused(stray.InternalID):
			if refused++; refused <= maxTold {
				r.tellRefused(stray, answer)
			}
		case no:
		case err != nil:
			s.report(r.client, err)
			return
		case done:
			if ended++; ended <= maxTold {
				r.tellEnded(stray)
			}
		}
	}
}

// end ends a stray, in the time of one call, if it still is one and still empty, or was ended by somebody who may. Where
// the server will not, the error is its answer. BigBlueButton ends meetings by their external IDs alone, so what is looked
// at last is whether a create has just put the meeting back here, and creates wait from then on.
func (r reconciliation) end(ctx context.Context, stray placement.Sighting) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.server.config.Response)
	defer cancel()
	query := "meetingID=" + url.QueryEscape(stray.OnServer())
	if still, err := r.stillThere(ctx, query, stray); err != nil || !still {
		return false, err
	}
	ending := r.server.ledger.TryEnd(stray.Key)
	if ending == nil {
		return false, nil
	}
	defer ending.Release()
	authority, release, may := r.server.pool.may(ctx)
	defer release()
	if !may || !r.unwanted(stray) {
		return false, nil
	}
	if ended, err := succeeded(r.client.Answer(authority, "end", query)); authority.Err() == nil || ctx.Err() != nil {
		return ended, err
	}
	return false, nil // we had no time left to wait, which says nothing about the server
}

// stillThere asks the server whether a meeting is the one that a poll saw and may be ended: nobody has joined it since, or
// that does not matter.
func (r reconciliation) stillThere(ctx context.Context, query string, stray placement.Sighting) (bool, error) {
	answer, err := r.client.Answer(ctx, "getMeetingInfo", query)
	if ok, err := succeeded(answer, err); !ok {
		if refusal, is := errors.AsType[*bbb.Error](err); is && refusal.Key == bbb.ErrMeetingNotFound.Key {
			return false, nil // it is over
		}
		return false, err
	}
	same := answer.Get("internalMeetingID") == stray.InternalID
	return same && (stray.Over || answer.Get("participantCount") == "0"), nil
}

// succeeded is how a call went whose answer may be an error, too.
func succeeded(answer bbb.Answer, err error) (bool, error) {
	switch {
	case err != nil:
		return false, err
	case answer.Err != nil:
		return false, answer.Err
	}
	return true, nil
}

// unwanted tells whether a stray is one still. Time has passed since the poll: a create may have put it back here, or may
// have another meeting here by that ID.
func (r reconciliation) unwanted(stray placement.Sighting) bool {
	found, err := r.server.ledger.Peek(stray.Key)
	switch {
	case err == nil && found.Claim.Server == r.server.id && found.Claim.OnServer() == stray.OnServer():
		return false
	case stray.Over:
		return r.server.ledger.Over(r.server.id, stray)
	}
	return err != nil || found.Standing > placement.Gone
}

// markRefused remembers that the server refused to end a copy, and tells whether that is news. The copy is unknown where
// the server has got another address meanwhile.
func (r reconciliation) markRefused(internal string) (news bool) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.state.view.Copies[internal]
	if !known {
		return true
	}
	news, c.Refused = !c.Refused, true
	s.state.view.Copies[internal] = c
	s.state.news.copies++
	s.touch()
	return news
}

func (r reconciliation) tellEnded(stray placement.Sighting) {
	log := r.about(stray.Key, stray.InternalID)
	line, event := "ended an empty meeting that is claimed on another server",
		"ended the empty copy of meeting %s here: it is claimed on another server, or over"
	if stray.Over {
		line, event = "ended a meeting that was ended while its server was away",
			"ended meeting %s here, as somebody has asked for while this server was away"
	}
	log.Info().Int("people", stray.People).Msg(line)
	r.server.addEvent(kindEnded, 1, fmt.Sprintf(event, brief(stray.Key.MeetingID)))
}

func (r reconciliation) tellRefused(stray placement.Sighting, answer *bbb.Error) {
	log := r.about(stray.Key, stray.InternalID)
	line := "an empty meeting that is claimed on another server cannot be ended"
	if stray.Over {
		line = "a meeting that was ended while its server was away cannot be ended"
	}
	log.Warn().AnErr("answer", answer).Msg(line)
}

// tellMoreEnds tells of those that were not told of one by one.
func (r reconciliation) tellMoreEnds(ended, refused int) {
	r.tellMore(kindEnded, ended, "ended more empty meetings that are claimed on other servers",
		"ended %d more empty copies of meetings here: they are claimed on other servers, or over")
	if refused > 0 {
		r.server.log.Warn().Str("server", r.server.id).Int("meetings", refused).
			Msg("more empty meetings that are claimed on other servers cannot be ended")
	}
}

// tellMore tells of n more meetings in one line of the log and one event.
func (r reconciliation) tellMore(kind string, n int, line, event string) {
	if n <= 0 {
		return
	}
	r.server.log.Warn().Str("server", r.server.id).Int("meetings", n).Msg(line)
	r.server.addEvent(kind, n, fmt.Sprintf(event, n))
}

// about returns a log whose lines say which meeting they are about.
func (r reconciliation) about(key store.MeetingKey, internal string) zerolog.Logger {
	return r.server.log.With().Str("server", r.server.id).Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).
		Str("internalMeetingID", internal).Logger()
}
