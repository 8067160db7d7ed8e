package poller

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Event is something that happened to a server. Its kind is one of a few words; its text tells a stranger what happened
// and what follows.
//
//	online, suspect, offline   its health is another one
//	state                      people enabled, cordoned, drained or disabled it
//	changed                    its address or secret is another one
//	warning, cleared           something needs attention before it breaks, or no longer does
//	split, healed              a meeting has people on two servers, or no longer has
//	ended                      a copy of a meeting was ended: an empty one that is claimed elsewhere, or one that was
//	                           ended by its front end while the server was away
//	network                    it failed together with most of the pool
type Event = store.Event

// The kinds of events beside the healths.
const (
	kindState   = "state"
	kindChanged = "changed"
	kindWarning = "warning"
	kindCleared = "cleared"
	kindSplit   = "split"
	kindHealed  = "healed"
	kindEnded   = "ended"
	kindNetwork = "network"
)

// kinds are all kinds of events, as the metrics list them.
var kinds = []string{
	string(Online), string(Suspect), string(Offline), kindState, kindChanged, kindWarning, kindCleared, kindSplit,
	kindHealed, kindEnded, kindNetwork,
}

// maxEvents is how many events of a server are kept.
const maxEvents = 50

// events are the last events of a server, and how many there were of each kind.
type events struct {
	last   []Event
	counts map[string]uint64
	unkept bool // some of it is not in the journal yet
}

func (e *events) add(at time.Time, kind, text string) { e.sum(at, kind, 1, text) }

// sum adds one event that stands for n, and counts as many.
func (e *events) sum(at time.Time, kind string, n int, text string) {
	if e.counts == nil {
		e.counts = map[string]uint64{}
	}
	e.counts[kind] += uint64(n)
	if len(e.last) == maxEvents {
		e.last = slices.Delete(e.last, 0, 1)
	}
	e.last, e.unkept = append(e.last, Event{At: at, Kind: kind, Text: text}), true
}

// Events returns the last events of a server, at most 50, the newest last. They are forgotten when the server leaves the
// pool, and at a restart where there is no journal. Of a server that is not in the pool there are none.
func (p *Poller) Events(id string) []Event {
	s := p.server(id)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events.last)
}

// eventCounts returns how many events of each kind a server has had since the program began, in the order of kinds.
func (p *Poller) eventCounts(id string) []uint64 {
	counts := make([]uint64, len(kinds))
	s := p.server(id)
	if s == nil {
		return counts
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, kind := range kinds {
		counts[i] = s.events.counts[kind]
	}
	return counts
}
