package poller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

const (
	// journalPause is how soon events are in the journal. Events come in bursts, and one write keeps all of a server's.
	journalPause = time.Second
	// journalRest is how long a journal that cannot be written is left alone.
	journalRest = time.Minute
)

// journal keeps events until ctx ends, and what is left then.
func (p *Poller) journal(ctx context.Context) {
	timer := time.NewTimer(journalPause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next := journalPause
		if err := p.keep(ctx); err != nil && ctx.Err() == nil {
			p.log.Error().Err(err).Msg("events of servers are not kept")
			next = journalRest
		}
		timer.Reset(next)
	}
}

// keep writes the events of those servers that have had some since they were last written.
func (p *Poller) keep(ctx context.Context) error {
	for _, s := range p.sorted() {
		s.mu.Lock()
		list, unkept := slices.Clone(s.events.last), s.events.unkept
		s.events.unkept = false
		s.mu.Unlock()
		if !unkept {
			continue
		}
		if err := p.Journal.KeepEvents(ctx, s.id, list); err != nil {
			s.mu.Lock()
			s.events.unkept = true
			s.mu.Unlock()
			return fmt.Errorf("keep the events of %s: %w", s.id, err)
		}
	}
	return nil
}

// recall takes over the events of before a restart. Those of servers that have left the pool meanwhile are forgotten.
func (p *Poller) recall(ctx context.Context) error {
	if p.Journal == nil {
		return nil
	}
	all, err := p.Journal.Events(ctx)
	if err != nil {
		return err
	}
	for id, list := range all {
		if s := p.server(id); s != nil {
			s.recall(list)
		} else if err := p.Journal.KeepEvents(ctx, id, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) recall(list []store.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list = slices.Concat(list, s.events.last)
	s.events.last = list[max(0, len(list)-maxEvents):]
}
