package poller

import (
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// server is one server of the pool with everything that is observed of it.
type server struct {
	id   string
	wake chan struct{} // holds one element when the loop should look at its schedule again
	gone chan struct{} // closed when the server leaves the pool

	mu      sync.Mutex
	record  store.Server
	host    string      // of its address
	client  *bbb.Client // another one for every new address or secret; nil once the server has left
	health  health
	changed chan struct{} // closed and replaced whenever the server begins or ceases to fail
	inquiry *inquiry      // the poll in flight
	due     time.Time     // when the next poll should begin
	began   time.Time     // when the last poll began, good or bad
	events  events
	traits
	view
}

// view is what was seen at the last good poll, and what is known since.
type view struct {
	polled   time.Time // when it began
	latency  time.Duration
	meetings []bbb.Meeting
	broken   int               // meetings that could not be read
	copies   map[string]copied // meetings that are claimed on another server, by internal ID
	created  []created         // not seen by a poll yet
}

type created struct {
	at      time.Time
	meeting bbb.Meeting
}

func newServer(record store.Server, client *bbb.Client) *server {
	return &server{
		id: record.ID, record: record, client: client, health: health{is: Unknown},
		host: host(record.URL), wake: make(chan struct{}, 1), gone: make(chan struct{}), changed: make(chan struct{}),
	}
}

// host is the host of an address, "" where it has none.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// poke makes the loop look at its schedule again.
func (s *server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// notify wakes those that wait for the server to answer again. The lock is held.
func (s *server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// replace gives the server another client, with which it has to prove itself anew; nil where it leaves the pool. A poll
// with the former one is cut short. The lock is held.
func (s *server) replace(client *bbb.Client) {
	s.client, s.health, s.traits = client, health{is: Unknown}, traits{}
	if s.inquiry != nil {
		s.inquiry.cut = true
		s.inquiry.cancel()
	}
	s.notify()
}

// page is what the ledger is told of the server. The lock is held.
func (s *server) page() placement.Server {
	return placement.Server{
		ID: s.id, Weight: s.record.Weight, Capacity: s.record.Capacity, Hard: s.record.Hard,
		Tag: s.record.Tag, Standing: standing(s.record.State, &s.health, s.slow.level), Slow: s.slow.level > brisk,
		Enabled: s.record.State == store.Enabled,
	}
}

// shown is the health that people are told, and why. The lock is held.
func (s *server) shown(now time.Time, t thresholds) (Health, string) {
	if s.health.is == Online && s.slow.level == crawling {
		return Suspect, s.slow.words()
	}
	return s.health.is, s.health.why(now, t)
}

// standing is what a server may be used for.
func standing(state store.ServerState, h *health, slow level) placement.Standing {
	switch {
	case state == store.Disabled || h.is == Offline:
		return placement.Gone
	case state == store.Cordoned || state == store.Draining:
		return placement.Held
	case h.is == Online && slow < crawling:
		return placement.Open
	case h.failing.IsZero(): // not asked yet, on its way back, or slow beyond measure
		return placement.Unproven
	}
	return placement.Doubtful
}

// saw replaces the view by what a poll that began at that time has seen. The lock is held.
func (s *server) saw(seen sight, began time.Time) {
	s.meetings, s.broken = seen.meetings, seen.broken
	if len(s.created) == 0 {
		return
	}
	listed := make(map[string]bool, len(seen.meetings))
	for _, m := range seen.meetings {
		listed[m.InternalID] = true
	}
	s.created = slices.DeleteFunc(s.created, func(c created) bool {
		return c.at.Before(began) || listed[c.meeting.InternalID]
	})
}

// visible returns the meetings of the view, and whether the server fails.
func (s *server) visible() (meetings []bbb.Meeting, failing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	meetings = make([]bbb.Meeting, 0, len(s.meetings)+len(s.created))
	meetings = append(meetings, s.meetings...)
	for _, c := range s.created {
		meetings = append(meetings, c.meeting)
	}
	return meetings, !s.health.failing.IsZero()
}
