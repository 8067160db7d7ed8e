// Package handback writes what the pool sees of its servers where Scalelite would have it, so that Scalelite finds servers as
// they are when it takes over again: when a server comes or goes, and all of them once more when the pool stops or another
// instance is to lead. Of servers whose records were just brought there it asks once itself. It never writes for each look at a
// server, and never reads what it has written.
package handback

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

const (
	// lookEvery is how soon a change is written.
	lookEvery = time.Second
	// lastWrite bounds what is written at the end, so that nobody waits for it who wants to stop.
	lastWrite = 2 * time.Second
)

// Writer writes what is seen. Its Run is for as long as this instance leads.
type Writer struct {
	Pool  interface{ Servers() []poller.Status }
	Store interface {
		Observed(ctx context.Context, list []redis.Observation) error
	}
	Log zerolog.Logger

	told   map[string]condition // of each server; what has been written
	failed bool                 // the last write; that is told once
}

// condition is what makes a server another one to Scalelite.
type condition struct {
	online bool
	state  store.ServerState
}

// Run writes servers whose condition has changed, and all of them when ctx ends. What cannot be written is no reason to fail for
// anybody.
func (w *Writer) Run(ctx context.Context) error {
	w.told = map[string]condition{}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			w.told = map[string]condition{} // all of them
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			w.write(last)
			return nil
		case <-ticker.C:
			w.write(ctx)
		}
	}
}

// write writes those that have changed.
func (w *Writer) write(ctx context.Context) {
	var list []redis.Observation
	now := map[string]condition{}
	for _, s := range w.Pool.Servers() {
		c := condition{s.Health != poller.Offline, s.State}
		if s.Health == poller.Unknown || s.LastPoll.IsZero() && c.online {
			continue // nobody has seen it yet, and what Scalelite has seen may be so still
		}
		now[s.ID] = c
		if before, ok := w.told[s.ID]; !ok || before != c {
			list = append(list, observation(s, c.online))
		}
	}
	if len(list) == 0 {
		return
	}
	err := w.Store.Observed(ctx, list)
	if err != nil && !w.failed && !errors.Is(err, store.ErrFenced) { // without the lease another instance does this
		w.Log.Warn().Err(err).Msg("what is seen of servers is not written for Scalelite now")
	}
	if w.failed = err != nil; !w.failed {
		w.told = now
	}
}

// observation is a server in Scalelite's words. Its load is what it is to Scalelite's tasks everywhere else here.
func observation(s poller.Status, online bool) redis.Observation {
	o := redis.Observation{
		Server: s.ID, Online: online, Load: -1, Meetings: s.Meetings, Users: s.Users, LargestMeeting: s.Largest, Videos: s.Videos,
	}
	if online && s.State != store.Disabled {
		o.Load = loadOf(float64(s.Load.People)+s.Load.Expected, s.Weight)
	}
	return o
}
