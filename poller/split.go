package poller

import (
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// copied is what is known of a meeting here that is claimed on another server.
type copied struct {
	key    store.MeetingKey
	people int  // in it at the last good poll
	rooms  int  // in its breakout rooms
	twin   bool // it is the claimed meeting itself, as far as its ID tells
	firm   bool // the server refused to end it
}

// used tells whether somebody would be thrown out with its end, which is that of its breakout rooms, too.
func (c copied) used() bool { return c.people > 0 || c.rooms > 0 }

// who says who is in it.
func (c copied) who() string {
	if c.rooms > 0 {
		return fmt.Sprintf("%d people, and %d in its breakout rooms", c.people, c.rooms)
	}
	return fmt.Sprintf("%d people", c.people)
}

const (
	// maxTold is how many meetings of a kind a poll tells of one by one. What there is beyond is one line in the log and
	// one event, so that no server floods the one or pushes everything else out of the others.
	maxTold = 5
	// maxCopies is how many copies are remembered that answers which cannot be read whole do not show: as many as a whole
	// one may.
	maxCopies = 20_000
)

// compareCopies reports the meetings that have people on two servers, and those that no longer have, as far as that is
// news. What a poll could not read whole does not show is there still, for all we know.
func (p *Poller) compareCopies(s *server, client *bbb.Client, strays []placement.Sighting, complete bool) {
	s.mu.Lock()
	if s.client != client { // what was seen is another server's
		s.mu.Unlock()
		return
	}
	known := s.copies
	seen := copies(known, strays, complete)
	s.copies = seen
	s.mu.Unlock()
	split, healed := news(known, seen), news(seen, known)
	for _, internal := range split[:min(len(split), maxTold)] {
		p.split(s, internal, seen[internal])
	}
	for _, internal := range healed[:min(len(healed), maxTold)] {
		p.healed(s, internal, known[internal])
	}
	p.sumUp(s, kindSplit, len(split)-maxTold, "more meetings are on two servers",
		"%d more meetings are here, too, with people in them; what is a copy is ended once it is empty")
	p.sumUp(s, kindHealed, len(healed)-maxTold, "more meetings are no longer on two servers",
		"%d more meetings are no longer on two servers")
}

// copies is what is known after a poll, by internal ID.
func copies(known map[string]copied, strays []placement.Sighting, complete bool) map[string]copied {
	seen := make(map[string]copied, len(strays))
	for _, stray := range strays {
		seen[stray.InternalID] = copied{
			key: stray.Key, people: stray.People, rooms: stray.Rooms, twin: stray.Twin, firm: known[stray.InternalID].firm,
		}
	}
	if complete {
		return seen
	}
	for internal, c := range known {
		if _, here := seen[internal]; !here && len(seen) < maxCopies {
			seen[internal] = c
		}
	}
	return seen
}

// news returns the copies that have people now and had none before, sorted.
func news(before, now map[string]copied) []string {
	var list []string
	for internal, c := range now {
		if c.used() && !before[internal].used() {
			list = append(list, internal)
		}
	}
	slices.Sort(list)
	return list
}

func (p *Poller) split(s *server, internal string, c copied) {
	other, follows := "", "it is over elsewhere"
	if found, err := p.ledger.Peek(c.key); err == nil {
		other = found.Claim.Server
		follows = "joins go to server " + other + ", where it is claimed"
	}
	then := "this copy is ended once it is empty"
	if c.twin {
		then = "it has the same internal ID there, so nothing is ended; is one machine in the pool under two names?"
	}
	log := p.about(s, c.key, internal)
	log.Warn().Int("people", c.people).Int("rooms", c.rooms).Str("claimed", other).Msg("meeting is on two servers")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.add(p.now(), kindSplit, fmt.Sprintf("meeting %s is here, too, with %s: %s; %s",
		brief(c.key.MeetingID), c.who(), follows, then))
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

// sumUp tells of n more meetings in one line of the log and one event.
func (p *Poller) sumUp(s *server, kind string, n int, line, event string) {
	if n <= 0 {
		return
	}
	p.log.Warn().Str("server", s.id).Int("meetings", n).Msg(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.sum(p.now(), kind, n, fmt.Sprintf(event, n))
}

// about returns a log whose lines say which meeting they are about.
func (p *Poller) about(s *server, key store.MeetingKey, internal string) zerolog.Logger {
	return p.log.With().Str("server", s.id).Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).
		Str("internalMeetingID", internal).Logger()
}
