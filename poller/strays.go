package poller

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// endStrays ends meetings that somebody has ended while the server was away, at once, and those that are claimed on
// another server as soon as nobody is in them nor in their breakout rooms, which end with them. With people in it a split
// meeting is left alone and reported: joins go to the claim, and who is here stays until he leaves. So is what may be the
// claimed meeting itself. What cannot be ended in the time of one call waits for the next poll.
func (p *Poller) endStrays(ctx context.Context, s *server, client *bbb.Client, strays []placement.Sighting) {
	began := p.now()
	ended, refused := 0, 0
	defer func() { p.sumUpEnds(s, ended-maxTold, refused-maxTold) }()
	for _, stray := range strays {
		if p.now().Sub(began) >= p.config.Response {
			return
		}
		if !stray.Over && (stray.Twin || stray.People > 0 || stray.Rooms > 0) || !p.unwanted(stray, s.id) {
			continue
		}
		done, err := p.end(ctx, s, client, stray)
		answer, no := errors.AsType[*bbb.Error](err)
		switch {
		case no && p.firm(s, stray.InternalID):
			if refused++; refused <= maxTold {
				p.sayRefused(s, stray, answer)
			}
		case no:
		case err != nil:
			p.report(s, client, err)
			return
		case done:
			if ended++; ended <= maxTold {
				p.sayEnded(s, stray)
			}
		}
	}
}

// end ends a stray, in the time of one call, if it still is one and still empty, or was ended by somebody who may. Where
// the server will not, the error is its answer. BigBlueButton ends meetings by their external IDs alone, so what is looked
// at last is whether a create has just put the meeting back here, and creates wait from then on.
func (p *Poller) end(ctx context.Context, s *server, client *bbb.Client, stray placement.Sighting) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Response)
	defer cancel()
	query := "meetingID=" + url.QueryEscape(stray.Key.MeetingID)
	if still, err := stillThere(ctx, client, query, stray); err != nil || !still {
		return false, err
	}
	ending := p.ledger.TryEnd(stray.Key)
	if ending == nil {
		return false, nil
	}
	defer ending.Release()
	if !p.unwanted(stray, s.id) {
		return false, nil
	}
	return succeeded(client.Answer(ctx, "end", query))
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

// stillThere asks a server whether a meeting is the one that a poll saw and may be ended: nobody has joined it since, or
// that does not matter.
func stillThere(ctx context.Context, client *bbb.Client, query string, stray placement.Sighting) (bool, error) {
	answer, err := client.Answer(ctx, "getMeetingInfo", query)
	if ok, err := succeeded(answer, err); !ok {
		if refusal, is := errors.AsType[*bbb.Error](err); is && refusal.Key == bbb.ErrMeetingNotFound.Key {
			return false, nil // it is over
		}
		return false, err
	}
	same := answer.Get("internalMeetingID") == stray.InternalID
	return same && (stray.Over || answer.Get("participantCount") == "0"), nil
}

// unwanted tells whether a stray is one still. Time has passed since the poll: a create may have put it back here.
func (p *Poller) unwanted(stray placement.Sighting, server string) bool {
	found, err := p.ledger.Peek(stray.Key)
	switch {
	case err == nil && found.Claim.Server == server:
		return false
	case stray.Over:
		return p.ledger.Over(server, stray)
	}
	return err != nil || found.Standing > placement.Gone
}

// firm notes that a server refused to end a copy, and tells whether that is news. The copy is unknown where the server
// has got another address meanwhile.
func (p *Poller) firm(s *server, internal string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.copies[internal]
	if !known {
		return true
	}
	news, c.firm = !c.firm, true
	s.copies[internal] = c
	return news
}

func (p *Poller) sayEnded(s *server, stray placement.Sighting) {
	log := p.about(s, stray.Key, stray.InternalID)
	line, event := "ended an empty meeting that is claimed on another server",
		"ended the empty copy of meeting %s here: it is claimed on another server, or over"
	if stray.Over {
		line, event = "ended a meeting that was ended while its server was away",
			"ended meeting %s here, as somebody has asked for while this server was away"
	}
	log.Info().Int("people", stray.People).Msg(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.add(p.now(), kindEnded, fmt.Sprintf(event, brief(stray.Key.MeetingID)))
}

func (p *Poller) sayRefused(s *server, stray placement.Sighting, answer *bbb.Error) {
	log := p.about(s, stray.Key, stray.InternalID)
	line := "an empty meeting that is claimed on another server cannot be ended"
	if stray.Over {
		line = "a meeting that was ended while its server was away cannot be ended"
	}
	log.Warn().AnErr("answer", answer).Msg(line)
}

// sumUpEnds tells of those that were not told of one by one.
func (p *Poller) sumUpEnds(s *server, ended, refused int) {
	p.sumUp(s, kindEnded, ended, "ended more empty meetings that are claimed on other servers",
		"ended %d more empty copies of meetings here: they are claimed on other servers, or over")
	if refused > 0 {
		p.log.Warn().Str("server", s.id).Int("meetings", refused).
			Msg("more empty meetings that are claimed on other servers cannot be ended")
	}
}
