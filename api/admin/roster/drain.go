package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// recordingsTimeout is how long a drain waits for recordings, unless it is told otherwise.
	recordingsTimeout = 24 * time.Hour
	// maxRecordingsTimeout is when nothing is expected any more: BigBlueButton keeps its raw material for two weeks.
	maxRecordingsTimeout = 14 * 24 * time.Hour
	// drainPulse is how often a drain looks for what is left.
	drainPulse = 500 * time.Millisecond
)

// Drain takes a server out of use without anybody noticing: it keeps its meetings until they are over, delivers their
// recordings, and is disabled then. Whoever is handed the drainage has to look again for that to happen.
func (r *Roster) Drain(ctx context.Context, id string, d v1.Drain, log *zerolog.Logger) (*Drainage, error) {
	limit, err := drainLimit(d)
	if err != nil {
		return nil, err
	}
	s, err := r.Status(id)
	if err != nil {
		return nil, err
	}
	room, err := r.spare(s, d.Force)
	if err != nil {
		return nil, err
	}
	if err := r.beginDrain(ctx, s, d.Force, log); err != nil {
		return nil, err
	}
	return &Drainage{roster: r, log: log, id: s.ID, limit: limit, room: room}, nil
}

// drainLimit is how long to wait for recordings.
func drainLimit(d v1.Drain) (time.Duration, error) {
	if d.RecordingsTimeout == nil {
		return recordingsTimeout, nil
	}
	if limit := *d.RecordingsTimeout; limit >= 0 && limit <= maxRecordingsTimeout {
		return limit, nil
	}
	return 0, v1.Invalid("recordings_timeout: want from 0, which waits for no recording, to %s, in nanoseconds",
		maxRecordingsTimeout)
}

// beginDrain keeps new meetings away from a server. One that is disabled and has nothing left stays that.
func (r *Roster) beginDrain(ctx context.Context, s poller.Status, force bool, log *zerolog.Logger) error {
	left, err := r.leftovers(ctx, s.ID)
	if err != nil || s.State == store.Disabled && left.nothing() {
		return err
	}
	record, err := r.Records.update(ctx, s.ID, func(s *store.Server) error {
		s.State = store.Draining
		return nil
	})
	if err == nil {
		LogState(log, record, s.State, force)
	}
	return err
}

// spare tells what the pool has left without a server. It refuses to take one that the pool counts on where the others
// could not carry its people as well. One that fails, or takes no new meetings anyway, is not counted on, and a pool of
// one has no others: whoever drains it means to stop.
func (r *Roster) spare(s poller.Status, force bool) (v1.Room, error) {
	c := r.Claims.Capacity()
	drained, ok := c.Drain(s.ID)
	if !ok {
		return v1.Room{}, NoServer(s.ID)
	}
	room := Room(drained)
	counted := false
	for _, share := range c.Servers {
		counted = counted || share.Server == s.ID && share.Standing >= placement.Unproven
	}
	if force || !counted || len(c.Servers) == 1 || !room.Short {
		return room, nil
	}
	return room, v1.Conflict("server %s cannot be spared: %s; enable or add another server, drain it at a quieter time, "+
		"or insist with --force", s.ID, lack(room))
}

// lack says what the numbers mean where they are short.
func lack(r v1.Room) string {
	var list []string
	if r.Now < 0 {
		list = append(list, fmt.Sprintf("of the %.0f that are here or expected now %.0f would have no room", r.Carries-r.Now, -r.Now))
	}
	if r.Tightest < 0 {
		list = append(list, fmt.Sprintf("of the %.0f at the busiest time of the coming 24 hours, as that was in the last weeks, "+
			"%.0f would have no room", r.Carries-r.Tightest, -r.Tightest))
	}
	return fmt.Sprintf("the other servers that take meetings carry %.0f people; %s", r.Carries, strings.Join(list, "; "))
}

// Drainage is the wait for the end of a drain.
type Drainage struct {
	roster *Roster
	log    *zerolog.Logger
	id     string
	limit  time.Duration // for recordings, from when the last meeting was over
	room   v1.Room

	now     leftovers
	most    int       // things that were waited for at once
	quiet   time.Time // since when nobody is there
	missing []string
	failing bool // the last look failed
}

// Wait waits until the server is disabled, and tells how far that is. What the store refuses is asked again. Whoever
// hangs up leaves the server draining.
func (w *Drainage) Wait(ctx context.Context, tell func(v1.Progress)) (any, error) {
	ticker := time.NewTicker(drainPulse)
	defer ticker.Stop()
	for {
		done, err := w.look(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, final := errors.AsType[*v1.Error](err); final {
			return nil, err
		}
		if done {
			return w.outcome(ctx, true), nil
		}
		tell(w.progress(err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

// progress tells how far the drain is. What keeps it from looking is told once.
func (w *Drainage) progress(err error) v1.Progress {
	p := v1.Progress{Done: w.most - w.now.count(), Total: w.most, Current: w.now.String()}
	if err != nil && !w.failing {
		w.log.Error().Err(err).Str("server", w.id).Msg("look at what a drain waits for")
		p.Problem = "what is left cannot be looked at, or the server not be disabled: it is tried again, and the log says why"
	}
	w.failing = err != nil
	return p
}

// look looks once, and disables the server when there is nothing left to wait for. It returns true if it is disabled.
func (w *Drainage) look(ctx context.Context) (done bool, err error) {
	now, err := w.roster.leftovers(ctx, w.id)
	if err != nil {
		return false, err
	}
	w.now, w.most = now, max(w.most, now.count())
	switch {
	case now.state == store.Disabled && now.nothing():
		return true, nil
	case now.state != store.Draining:
		return false, overtaken(w.id, now.state)
	case !now.nobody():
		w.quiet = time.Time{}
		return false, nil
	}
	if w.quiet.IsZero() {
		w.quiet = w.roster.Now()
	}
	if len(now.owed) > 0 && w.roster.Now().Sub(w.quiet) < w.limit {
		return false, nil
	}
	w.missing = now.owed
	err = w.disable(ctx)
	return err == nil, err
}

func (w *Drainage) disable(ctx context.Context) error {
	_, err := w.roster.Records.update(ctx, w.id, func(s *store.Server) error {
		if s.State != store.Draining {
			return overtaken(w.id, s.State)
		}
		s.State = store.Disabled
		return nil
	})
	if err == nil {
		w.log.Info().Str("server", w.id).Str("state", string(store.Disabled)).Strs("missing", w.missing).
			Msg("server drained")
	}
	return err
}

func overtaken(id string, state store.ServerState) *v1.Error {
	return v1.Conflict("server %s was drained, and is %s now: somebody has changed its state meanwhile, which ends this drain",
		id, state)
}

// Look looks once, and tells how far the drain is.
func (w *Drainage) Look(ctx context.Context) (v1.Drained, error) {
	done, err := w.look(ctx)
	return w.outcome(ctx, done), err
}

// outcome is how far the drain has come.
func (w *Drainage) outcome(ctx context.Context, done bool) v1.Drained {
	s, ok := w.roster.Pool.Server(w.id)
	if !ok { // removed in this very moment
		s.ID, s.Health = w.id, poller.Unknown
	}
	_, notMade, err := w.roster.Debts.sorted(ctx)
	if err != nil {
		w.log.Error().Err(err).Str("server", w.id).Msg("look for what a server has not made")
	}
	return v1.Drained{
		Server: w.roster.Show(ctx, s), Done: done, Missing: append([]string{}, w.missing...),
		NotMade: append([]string{}, notMade[w.id]...), Room: w.room,
	}
}
