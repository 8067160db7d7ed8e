package poller

import (
	"context"
	"fmt"
	"net/url"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// copied is what is known of a meeting here that is claimed on another server.
type copied struct {
	key    store.MeetingKey
	people int  // in it at the last good poll
	firm   bool // the server refused to end it
}

// endStrays ends meetings that are claimed on another server, as soon as nobody is in them. With people in it a split
// meeting is left alone and reported: joins go to the claim, and who is here stays until he leaves. What cannot be
// ended in the time of one call waits for the next poll.
func (p *Poller) endStrays(ctx context.Context, s *server, client *bbb.Client, strays []placement.Sighting) {
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
	if err != nil {
		return err
	}
	log := p.about(s, stray.Key, stray.InternalID)
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.copies[stray.InternalID] // unknown where the server has got another address meanwhile
	switch {
	case answer.Err == nil:
		s.events.add(p.now(), kindEnded, fmt.Sprintf(
			"ended the empty copy of meeting %s here: it is claimed on another server, or over", brief(stray.Key.MeetingID)))
		log.Info().Msg("ended an empty meeting that is claimed on another server")
	case !c.firm:
		log.Warn().AnErr("answer", answer.Err).Msg("an empty meeting that is claimed on another server cannot be ended")
		if known {
			c.firm = true
			s.copies[stray.InternalID] = c
		}
	}
	return nil
}

// about returns a log whose lines say which meeting they are about.
func (p *Poller) about(s *server, key store.MeetingKey, internal string) zerolog.Logger {
	return p.log.With().Str("server", s.id).Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).
		Str("internalMeetingID", internal).Logger()
}

// compareCopies reports the meetings that have people on two servers, and those that no longer have, as far as that is
// news. What a poll could not read whole does not show is there still, for all we know.
func (p *Poller) compareCopies(s *server, client *bbb.Client, strays []placement.Sighting, complete bool) {
	seen := make(map[string]copied, len(strays))
	s.mu.Lock()
	if s.client != client { // what was seen is another server's
		s.mu.Unlock()
		return
	}
	known := s.copies
	for _, stray := range strays {
		seen[stray.InternalID] = copied{key: stray.Key, people: stray.People, firm: known[stray.InternalID].firm}
	}
	for internal, c := range known {
		if _, here := seen[internal]; !here && !complete {
			seen[internal] = c
		}
	}
	s.copies = seen
	s.mu.Unlock()
	for internal, c := range seen {
		if c.people > 0 && known[internal].people == 0 {
			p.split(s, internal, c)
		}
	}
	for internal, c := range known {
		if c.people > 0 && seen[internal].people == 0 {
			p.healed(s, internal, c)
		}
	}
}

func (p *Poller) split(s *server, internal string, c copied) {
	other, follows := "", "it is over elsewhere"
	if found, err := p.ledger.Peek(c.key); err == nil {
		other = found.Claim.Server
		follows = "joins go to server " + other + ", where it is claimed"
	}
	log := p.about(s, c.key, internal)
	log.Warn().Int("people", c.people).Str("claimed", other).Msg("meeting is on two servers")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.add(p.now(), kindSplit, fmt.Sprintf("meeting %s is here, too, with %d people: %s; this copy is ended once it is empty",
		brief(c.key.MeetingID), c.people, follows))
}

func (p *Poller) healed(s *server, internal string, c copied) {
	how := "nobody is in the copy here any more"
	if p.claimed(c.key, s.id) {
		how = "it is claimed here now"
	}
	log := p.about(s, c.key, internal)
	log.Info().Str("how", how).Msg("meeting is no longer on two servers")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.add(p.now(), kindHealed, fmt.Sprintf("meeting %s is no longer on two servers: %s", brief(c.key.MeetingID), how))
}

// unwanted tells whether a stray is one still. Time has passed since the poll: a create may have put it back here.
func (p *Poller) unwanted(key store.MeetingKey, server string) bool {
	found, err := p.ledger.Peek(key)
	return err != nil || found.Claim.Server != server && found.Standing > placement.Gone
}
