package roster

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// syncAtOnce is how many servers are changed at the same time.
const syncAtOnce = 8

// syncing is a sync at work.
type syncing struct {
	roster *Roster
	log    *zerolog.Logger
	said   func(error) string // what an error says to whoever has asked
	tell   func(v1.Progress)  // called within the lock
	total  int

	mu   sync.Mutex
	done int
}

// Perform takes the steps, unless they were only to be shown, and returns what has become of the servers. A step that fails is
// noted, and stops no other; whoever hangs up ends the sync after those that are under way, and the report beside the error is
// of those until then. Said tells what an error says to whoever has asked.
func (r *Roster) Perform(
	ctx context.Context, s *Sync, log *zerolog.Logger, said func(error) string, tell func(v1.Progress),
) (v1.Synced, error) {
	if !s.dry {
		w := &syncing{roster: r, log: log, said: said, tell: tell, total: s.plan.steps()}
		if err := w.perform(ctx, s.plan); err != nil {
			return s.plan.cutShort(), err
		}
	}
	return s.plan.report(s.dry), nil
}

// perform takes the steps, group by group.
func (s *syncing) perform(ctx context.Context, p plan) error {
	for group, steps := range p.groups {
		take := func(ctx context.Context, step *step) { s.note(step, s.take(ctx, step)) }
		if group == syncSwapped {
			take = s.look
		}
		if err := each(ctx, steps, take); err != nil {
			return err
		}
		if group == syncSwapped {
			s.swap(context.WithoutCancel(ctx), steps)
		}
	}
	return nil
}

// each does something for each step, for some at the same time. What has begun is not cut short.
func each(ctx context.Context, steps []*step, do func(context.Context, *step)) error {
	var doing errgroup.Group
	doing.SetLimit(syncAtOnce)
	for _, step := range steps {
		doing.Go(func() error {
			if ctx.Err() == nil {
				do(context.WithoutCancel(ctx), step)
			}
			return ctx.Err()
		})
	}
	return doing.Wait()
}

// note notes how a step went.
func (s *syncing) note(step *step, err error) {
	problem := ""
	step.taken = true
	if err != nil {
		step.change.Action, step.change.Error = syncFailed, s.said(err)
		problem = step.change.Error
	}
	s.log.Info().Str("server", step.change.ID).Str("action", step.change.Action).
		Strs("changed", step.change.Fields).Str("warning", step.change.Warning).Str("problem", problem).Msg("server synced")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.tell(v1.Progress{Done: s.done, Total: s.total, Current: step.change.ID, Problem: problem})
}

func (s *syncing) take(ctx context.Context, step *step) error {
	switch {
	case step.change.Action == syncRemoved:
		return s.dismiss(ctx, step)
	case step.before.ID == "":
		if step.change.Warning, step.refused = s.roster.Examiner.inspect(ctx, &step.after); step.refused != nil {
			return step.refused
		}
		return s.roster.join(ctx, &step.after, false, &step.change.Warning)
	}
	return s.change(ctx, step)
}

// change changes a server.
func (s *syncing) change(ctx context.Context, step *step) error {
	if !step.moved() {
		if s.look(ctx, step); step.refused != nil {
			return step.refused
		}
		_, err := s.roster.Records.update(ctx, step.after.ID, step.apply)
		return err
	}
	if _, err := s.roster.Records.clash(ctx, step.after, step.after.ID); err != nil {
		return err // said before the server is asked, which may take a while
	}
	if s.look(ctx, step); step.refused != nil {
		return step.refused
	}
	return s.roster.enter(ctx, step.after, false, &step.change.Warning, func() error {
		_, err := s.roster.Records.move(ctx, step.after, step.apply)
		return err
	})
}

// moved tells whether a server may be another machine afterwards.
func (s *step) moved() bool { return s.before.URL != s.after.URL || s.before.Secret != s.after.Secret }

// look asks a server whether it is fit where it may be another machine by now, or was not asked for meetings before.
func (s *syncing) look(ctx context.Context, step *step) {
	if step.moved() || step.before.State != step.after.State && step.after.State == store.Enabled {
		step.change.Warning, step.refused = s.roster.Examiner.inspect(ctx, &step.after)
	}
}

// apply makes the change to a record, unless that is not what it was when the sync began.
func (s *step) apply(now *store.Server) error {
	if now.URL != s.before.URL || now.Secret != s.before.Secret || now.State != s.before.State {
		return v1.Conflict("server %s was changed meanwhile: sync again", s.before.ID)
	}
	if s.after.Secret != s.before.Secret {
		now.Former, now.FormerUntil, now.Switched = s.after.Former, s.after.FormerUntil, s.after.Switched
	}
	now.URL, now.Secret, now.Checksum = s.after.URL, s.after.Secret, s.after.Checksum
	now.State, now.Weight, now.Tag, now.Admitted = s.after.State, s.after.Weight, s.after.Tag, s.after.Admitted
	return nil
}

// swap changes servers that take each other's addresses, in one go.
func (s *syncing) swap(ctx context.Context, steps []*step) {
	for i, err := range s.roster.Records.swap(ctx, steps) {
		s.note(steps[i], err)
	}
}

// swap returns for each step why it was not taken. A store that fails in between leaves two servers with one address,
// until somebody syncs again.
func (r *Records) swap(ctx context.Context, steps []*step) (failed []error) {
	_ = r.inTurn(ctx, func(ctx context.Context, t turn) error { // never fails
		stored, err := r.Store.Servers(ctx)
		failed = slices.Repeat([]error{err}, len(steps))
		if err == nil {
			refuse(steps, stored, failed)
		}
		for i, step := range steps {
			if failed[i] == nil {
				_, failed[i] = t.write(ctx, step.after.ID, step.apply)
			}
		}
		return nil
	})
	return failed
}

// refuse finds the steps that cannot be taken: of servers that are not as they were, or that want an address that stays
// another's, be it that this one cannot be changed either.
func refuse(steps []*step, stored []store.Server, failed []error) {
	now, holders := map[string]store.Server{}, map[string][]store.Server{}
	for _, s := range stored {
		now[s.ID], holders[s.URL] = s, append(holders[s.URL], s)
	}
	leaves := map[string]bool{} // servers that give up their address
	for i, step := range steps {
		current := now[step.after.ID]
		failed[i] = cmp.Or(step.refused, step.apply(&current))
		leaves[step.after.ID] = failed[i] == nil
	}
	for again := true; again; {
		again = false
		for i, step := range steps {
			for _, s := range holders[step.after.URL] {
				if failed[i] == nil && s.ID != step.after.ID && !leaves[s.ID] {
					failed[i], leaves[step.after.ID], again = inPool(s), false, true
				}
			}
		}
	}
}

// dismiss removes a server. New meetings are kept away first; if one has come in between, the server is left cordoned,
// unless its meetings are to go with it.
func (s *syncing) dismiss(ctx context.Context, step *step) error {
	id := step.change.ID
	if step.force {
		e, err := s.roster.evacuate(ctx, id, v1.Panic{}, func(v1.Progress) {})
		if err != nil {
			return err
		}
		if left := len(claimsOn(s.roster.Claims, id)); left > 0 {
			return v1.Conflict("server %s has %s that cannot be ended: it is cordoned, sync again", id,
				quantity.Count(left, "meeting", "meetings"))
		}
		if len(e.tally.failed) > 0 {
			step.change.Warning = "not ended there, and forgotten: " + quantity.Some(e.tally.failed)
		}
		step.change.Meetings = e.tally.ended - e.tally.forgotten
		return s.roster.Remove(ctx, id, true)
	}
	_, err := s.roster.Records.update(ctx, id, func(now *store.Server) error {
		if now.State == store.Enabled {
			now.State = store.Cordoned
		}
		return nil
	})
	if err == nil {
		err = s.roster.Remove(ctx, id, false)
	}
	if refused, ok := errors.AsType[*v1.Error](err); ok && refused.Status == http.StatusConflict {
		step.change.Action, step.change.Warning = syncCordoned, refused.Message
		return nil
	}
	return err
}
