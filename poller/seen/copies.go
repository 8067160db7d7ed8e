package seen

import (
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Copy is what is known of a meeting here that is claimed on another server.
type Copy struct {
	Key     store.MeetingKey
	Alias   string    // as in the sighting
	People  int       // in it at the last good poll
	Rooms   int       // in its breakout rooms
	Twin    bool      // it is the claimed meeting itself, as far as its ID tells
	Refused bool      // the server refused to end it
	Since   time.Time // when somebody was first seen in it; zero where nobody is
}

// Used tells whether somebody would be thrown out with its end, which is that of its breakout rooms, too.
func (c Copy) Used() bool { return c.People > 0 || c.Rooms > 0 }

// Who says who is in it.
func (c Copy) Who() string {
	if c.Rooms > 0 {
		return fmt.Sprintf("%d people, and %d in its breakout rooms", c.People, c.Rooms)
	}
	return fmt.Sprintf("%d people", c.People)
}

// maxCopies is how many copies are remembered that answers which cannot be read whole do not show: as many as a whole one may.
const maxCopies = 20_000

// Copies is what is known after a poll, by internal ID.
func Copies(known map[string]Copy, strays []placement.Sighting, complete bool, now time.Time) map[string]Copy {
	seen := make(map[string]Copy, len(strays))
	for _, stray := range strays {
		old := known[stray.InternalID]
		c := Copy{
			Key: stray.Key, Alias: stray.Alias, People: stray.People, Rooms: stray.Rooms, Twin: stray.Twin, Refused: old.Refused,
		}
		switch {
		case !c.Used():
		case old.Used():
			c.Since = old.Since
		default:
			c.Since = now
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

// NewlyUsed returns the copies that have people now and had none before, sorted.
func NewlyUsed(before, now map[string]Copy) []string {
	var list []string
	for internal, c := range now {
		if c.Used() && !before[internal].Used() {
			list = append(list, internal)
		}
	}
	slices.Sort(list)
	return list
}
