package poller

import (
	"context"
	"fmt"
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
//	lost                       it was offline for so long that the meetings on it are over
//	network                    it failed together with most of the pool
type Event = store.Event

// The kinds of events beside the healths.
const (
	kindState   = "state"
	kindChanged = "changed"
	kindRaised  = "warning"
	kindCleared = "cleared"
	kindSplit   = "split"
	kindHealed  = "healed"
	kindEnded   = "ended"
	kindNetwork = "network"
	kindLost    = "lost"
)

// kinds are all kinds of events, as the metrics list them.
var kinds = []string{
	string(Online), string(Suspect), string(Offline), kindState, kindChanged, kindRaised, kindCleared, kindSplit,
	kindHealed, kindEnded, kindNetwork, kindLost,
}

// maxEvents is how many events of a server are kept.
const maxEvents = 50

// events are the last events of a server, and how many there were of each kind.
type events struct {
	last    []Event
	counts  map[string]uint64
	added   uint64 // how many, ever
	unsaved bool   // some of it is not in the journal yet
}

// add adds one event that stands for n, and counts as many.
func (e *events) add(event Event, n int) {
	if e.counts == nil {
		e.counts = map[string]uint64{}
	}
	e.counts[event.Kind] += uint64(n)
	if len(e.last) == maxEvents {
		e.last = slices.Delete(e.last, 0, 1)
	}
	e.last, e.unsaved = append(e.last, event), true
	e.added++
}

// addEvent adds an event of now.
func (st *state) addEvent(kind, text string) {
	st.events.add(Event{At: st.now(), Kind: kind, Text: text}, 1)
}

// addEvent adds one event of now that stands for n. It takes the lock.
func (s *server) addEvent(kind string, n int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.events.add(Event{At: s.now(), Kind: kind, Text: text}, n)
	s.touch()
}

// Events returns the last events of a server, at most 50, the newest last. They are forgotten when the server leaves the
// pool, and at a restart where there is no journal. Of a server that is not in the pool there are none.
func (p *Poller) Events(id string) []Event {
	s := p.pool.server(id)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.events.last)
}

// EventCount is how many events of a kind a server has had since the program began.
type EventCount struct {
	Kind  string
	Count uint64
}

// EventCounts counts the events of a server, of each kind that there is. Of a server that is not in the pool there were none.
func (p *Poller) EventCounts(id string) []EventCount {
	counts := make([]EventCount, len(kinds))
	s := p.pool.server(id)
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	for i, kind := range kinds {
		if counts[i].Kind = kind; s != nil {
			counts[i].Count = s.state.events.counts[kind]
		}
	}
	return counts
}

// journal keeps the events of servers across restarts. It is written soon after something has happened, and never for a
// poll alone: see the package comment.
type journal struct {
	pool *pool
	kept store.Events // nil where nothing is kept
}

func (p *Poller) journal() journal { return journal{p.pool, p.Journal} }

const (
	// journalPause is how soon events are in the journal. Events come in bursts, and one write keeps all of a server's.
	journalPause = time.Second
	// journalRest is how long a journal that cannot be written is left alone.
	journalRest = time.Minute
)

// run keeps events until ctx ends.
func (j journal) run(ctx context.Context) {
	timer := time.NewTimer(journalPause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next := journalPause
		if err := j.keep(ctx); err != nil && ctx.Err() == nil {
			j.pool.log.Error().Err(err).Msg("events of servers are not kept")
			next = journalRest
		}
		timer.Reset(next)
	}
}

// keep writes the events of those servers that have had some since they were last written.
func (j journal) keep(ctx context.Context) error {
	ctx, done, may := j.pool.may(ctx)
	defer done()
	if j.kept == nil || !may || j.pool.forgetful.Load() {
		return nil
	}
	for _, s := range j.pool.sorted() {
		s.mu.Lock()
		list, unsaved := slices.Clone(s.state.events.last), s.state.events.unsaved
		s.state.events.unsaved = false
		s.mu.Unlock()
		if !unsaved {
			continue
		}
		if err := j.kept.KeepEvents(ctx, s.id, list); err != nil {
			s.mu.Lock()
			s.state.events.unsaved = true
			s.mu.Unlock()
			return fmt.Errorf("keep the events of %s: %w", s.id, err)
		}
	}
	return nil
}

// recall takes over the events of before a restart. Those of servers that have left the pool meanwhile are forgotten.
func (j journal) recall(ctx context.Context) error {
	if j.kept == nil {
		return nil
	}
	all, err := j.kept.Events(ctx)
	if err != nil {
		return err
	}
	_, done, may := j.pool.may(ctx)
	defer done()
	for id, list := range all {
		if s := j.pool.server(id); s != nil {
			s.recall(list)
		} else if !may {
			continue
		} else if err := j.forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// recall puts the events of before a restart in front of those that there are already.
func (s *server) recall(list []Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list = slices.Concat(list, s.state.events.last)
	s.state.events.last = list[max(0, len(list)-maxEvents):]
}

// forget removes what is kept of a server.
func (j journal) forget(ctx context.Context, id string) error {
	if j.kept == nil {
		return nil
	}
	return j.kept.KeepEvents(ctx, id, nil)
}
