package poller

import (
	"fmt"
	"maps"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/seen"
)

const (
	// maxTold is how many meetings of a kind a poll tells of one by one. What there is beyond is one line in the log and
	// one event, so that no server floods the one or pushes everything else out of the others.
	maxTold = 5
)

// compareCopies remembers which meetings are on this server, too, and tells of those that have people on two servers, and
// of those that no longer have, as far as that is news. What a poll could not read whole does not show is there still,
// for all we know.
func (r reconciliation) compareCopies(strays []placement.Sighting, complete bool) {
	s := r.server
	s.mu.Lock()
	if s.state.client != r.client { // what was seen is another server's
		s.mu.Unlock()
		return
	}
	known := s.state.view.Copies
	now := seen.Copies(known, strays, complete, s.now())
	if s.state.view.Copies = now; !maps.Equal(known, now) {
		s.state.news.copies++
		s.touch()
	}
	s.mu.Unlock()
	split, healed := seen.NewlyUsed(known, now), seen.NewlyUsed(now, known)
	for _, internal := range split[:min(len(split), maxTold)] {
		r.tellSplit(internal, now[internal])
	}
	for _, internal := range healed[:min(len(healed), maxTold)] {
		r.tellHealed(internal, known[internal])
	}
	r.tellMore(kindSplit, len(split)-maxTold, "more meetings are on two servers",
		"%d more meetings are here, too, with people in them; what is a copy is ended once it is empty")
	r.tellMore(kindHealed, len(healed)-maxTold, "more meetings are no longer on two servers",
		"%d more meetings are no longer on two servers")
}

func (r reconciliation) tellSplit(internal string, c seen.Copy) {
	other, follows := "", "it is over elsewhere"
	if found, err := r.server.ledger.Peek(c.Key); err == nil {
		other = found.Claim.Server
		follows = "joins go to server " + other + ", where it is claimed"
	}
	then := "this copy is ended once it is empty"
	if c.Twin {
		then = "it has the same internal ID there, so nothing is ended; is one machine in the pool under two names?"
	}
	log := r.about(c.Key, internal)
	log.Warn().Int("people", c.People).Int("rooms", c.Rooms).Str("claimed", other).Msg("meeting is on two servers")
	r.server.addEvent(kindSplit, 1, fmt.Sprintf("meeting %s is here, too, with %s: %s; %s",
		brief(c.Key.MeetingID), c.Who(), follows, then))
}

func (r reconciliation) tellHealed(internal string, c seen.Copy) {
	how := "nobody is in the copy here any more"
	if claimedOn(r.server.ledger, c.Key, r.server.id) {
		how = "it is claimed here now"
	}
	log := r.about(c.Key, internal)
	log.Info().Str("how", how).Msg("meeting is no longer on two servers")
	r.server.addEvent(kindHealed, 1,
		fmt.Sprintf("meeting %s is no longer on two servers: %s", brief(c.Key.MeetingID), how))
}
