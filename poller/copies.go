package poller

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// copied is what is known of a meeting here that is claimed on another server.
type copied struct {
	key     store.MeetingKey
	alias   string    // as in the sighting
	people  int       // in it at the last good poll
	rooms   int       // in its breakout rooms
	twin    bool      // it is the claimed meeting itself, as far as its ID tells
	refused bool      // the server refused to end it
	since   time.Time // when somebody was first seen in it; zero where nobody is
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
	known := s.state.view.copies
	seen := copies(known, strays, complete, s.now())
	if s.state.view.copies = seen; !maps.Equal(known, seen) {
		s.state.news.copies++
		s.touch()
	}
	s.mu.Unlock()
	split, healed := newlyUsed(known, seen), newlyUsed(seen, known)
	for _, internal := range split[:min(len(split), maxTold)] {
		r.tellSplit(internal, seen[internal])
	}
	for _, internal := range healed[:min(len(healed), maxTold)] {
		r.tellHealed(internal, known[internal])
	}
	r.tellMore(kindSplit, len(split)-maxTold, "more meetings are on two servers",
		"%d more meetings are here, too, with people in them; what is a copy is ended once it is empty")
	r.tellMore(kindHealed, len(healed)-maxTold, "more meetings are no longer on two servers",
		"%d more meetings are no longer on two servers")
}

// copies is what is known after a poll, by internal ID.
func copies(known map[string]copied, strays []placement.Sighting, complete bool, now time.Time) map[string]copied {
	seen := make(map[string]copied, len(strays))
	for _, stray := range strays {
		old := known[stray.InternalID]
		c := copied{
			key: stray.Key, alias: stray.Alias, people: stray.People, rooms: stray.Rooms, twin: stray.Twin, refused: old.refused,
		}
		switch {
		case !c.used():
		case old.used():
			c.since = old.since
		default:
			c.since = now
		}
		seen[stray.InternalID] = c
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

// newlyUsed returns the copies that have people now and had none before, sorted.
func newlyUsed(before, now map[string]copied) []string {
	var list []string
	for internal, c := range now {
		if c.used() && !before[internal].used() {
			list = append(list, internal)
		}
	}
	slices.Sort(list)
	return list
}

func (r reconciliation) tellSplit(internal string, c copied) {
	other, follows := "", "it is over elsewhere"
	if found, err := r.server.ledger.Peek(c.key); err == nil {
		other = found.Claim.Server
		follows = "joins go to server " + other + ", where it is claimed"
	}
	then := "this copy is ended once it is empty"
	if c.twin {
		then = "it has the same internal ID there, so nothing is ended; is one machine in the pool under two names?"
	}
	log := r.about(c.key, internal)
	log.Warn().Int("people", c.people).Int("rooms", c.rooms).Str("claimed", other).Msg("meeting is on two servers")
	r.server.addEvent(kindSplit, 1, fmt.Sprintf("meeting %s is here, too, with %s: %s; %s",
		brief(c.key.MeetingID), c.who(), follows, then))
}

func (r reconciliation) tellHealed(internal string, c copied) {
	how := "nobody is in the copy here any more"
	if claimedOn(r.server.ledger, c.key, r.server.id) {
		how = "it is claimed here now"
	}
	log := r.about(c.key, internal)
	log.Info().Str("how", how).Msg("meeting is no longer on two servers")
	r.server.addEvent(kindHealed, 1,
		fmt.Sprintf("meeting %s is no longer on two servers: %s", brief(c.key.MeetingID), how))
}
