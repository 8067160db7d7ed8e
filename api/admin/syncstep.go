package admin

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// syncAtOnce is how many servers are changed at the same time.
const syncAtOnce = 8

// syncing is a sync at work.
type syncing struct {
	api     *API
	request *http.Request
	tell    func(recordings.Progress)
	total   int

	mu   sync.Mutex
	done int
}

// perform takes the steps. One that fails is noted, and stops no other; whoever hangs up ends the sync after those that
// are under way.
func (s *syncing) perform(ctx context.Context, p plan) error {
	for _, group := range p {
		var taking errgroup.Group
		taking.SetLimit(syncAtOnce)
		for _, step := range group {
			taking.Go(func() error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				s.note(step, s.take(context.WithoutCancel(ctx), step))
				return nil
			})
		}
		if err := taking.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// note notes how a step went.
func (s *syncing) note(step *step, err error) {
	problem := ""
	if err != nil {
		step.change.Action, step.change.Error = syncFailed, s.api.refusal(s.request, err).Message
		problem = step.change.Error
	}
	s.api.logger(s.request).Info().Str("server", step.change.ID).Str("action", step.change.Action).
		Strs("changed", step.change.Fields).Str("warning", step.change.Warning).Str("problem", problem).Msg("server synced")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.tell(recordings.Progress{Done: s.done, Total: s.total, Current: step.change.ID, Problem: problem})
}

func (s *syncing) take(ctx context.Context, step *step) error {
	switch {
	case step.change.Action == syncRemoved:
		return s.dismiss(ctx, step)
	case step.before.ID == "":
		step.change.Warning = s.api.sound(ctx, &step.after)
		return s.api.insert(ctx, &step.after)
	}
	return s.change(ctx, step)
}

// change changes a server. It is asked whether it is fit where that may be another server's by now, or it was not asked
// for meetings before.
func (s *syncing) change(ctx context.Context, step *step) error {
	before, after := step.before, step.after
	moved := before.URL != after.URL || before.Secret != after.Secret
	if moved {
		if _, err := s.api.clash(ctx, after, after.ID); err != nil {
			return err
		}
	}
	if moved || before.State != after.State && after.State == store.Enabled {
		step.change.Warning = s.api.sound(ctx, &after)
	}
	_, err := s.api.update(ctx, after.ID, func(now *store.Server) error {
		if now.URL != before.URL || now.Secret != before.Secret || now.State != before.State {
			return conflict("server %s was changed meanwhile: sync again", now.ID)
		}
		now.URL, now.Secret, now.Checksum = after.URL, after.Secret, after.Checksum
		now.State, now.Weight, now.Tag, now.Admitted = after.State, after.Weight, after.Tag, after.Admitted
		return nil
	})
	return err
}

// sound tests a server as it must be to take meetings, if it is to take any, and notes in its record what was found. It
// returns what speaks against it: a list has the last word all the same.
func (a *API) sound(ctx context.Context, s *store.Server) (warning string) {
	d, err := a.diagnose(ctx, *s, addDeadline)
	if err != nil {
		return err.Error()
	}
	s.Checksum = string(d.Algorithm)
	if s.State == store.Enabled {
		warning, err = a.examine(ctx, s)
	}
	if err != nil {
		return err.Error()
	}
	return warning
}

// dismiss removes a server. New meetings are kept away first; if one has come in between, the server is left cordoned,
// unless its meetings are to go with it.
func (s *syncing) dismiss(ctx context.Context, step *step) error {
	id := step.change.ID
	if step.force {
		e, err := s.api.evacuate(ctx, id, Panic{}, func(recordings.Progress) {})
		if err != nil {
			return err
		}
		if left := len(s.api.claimsOn(id)); left > 0 {
			return conflict("server %s has %s that cannot be ended: it is cordoned, sync again", id,
				count(left, "meeting", "meetings"))
		}
		if len(e.failed) > 0 {
			step.change.Warning = "not ended there, and forgotten: " + some(e.failed)
		}
		return s.api.remove(ctx, id, true)
	}
	_, err := s.api.update(ctx, id, func(now *store.Server) error {
		if now.State == store.Enabled {
			now.State = store.Cordoned
		}
		return nil
	})
	if err == nil {
		err = s.api.remove(ctx, id, false)
	}
	if refused, ok := errors.AsType[*Error](err); ok && refused.Status == http.StatusConflict {
		step.change.Action, step.change.Warning = syncCordoned, refused.Message
		return nil
	}
	return err
}
