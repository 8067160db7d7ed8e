package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// enable lets a server take meetings, once it is seen to be fit for that.
func (a *API) enable(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	s, err := a.record(r)
	if err != nil {
		return nil, err
	}
	var result Result
	fit, tested := s, s.State != store.Enabled && !f.Force
	if tested {
		if result, err = a.fit(r.Context(), &fit); err != nil {
			return nil, err
		}
	}
	record, err := a.update(r.Context(), s.ID, func(now *store.Server) error {
		if tested {
			if now.URL != s.URL || now.Secret != s.Secret {
				return conflict("server %s has another address or secret by now: enable it again", s.ID)
			}
			now.Checksum, now.Admitted = fit.Checksum, fit.Admitted
		}
		now.State = store.Enabled
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.logState(r, record, s.State, f)
	if s.State == store.Enabled {
		result.Warning = a.sickness(s.ID)
	}
	return a.outcome(r.Context(), record, result), nil
}

// fit diagnoses a server and tests it, as it must be to take meetings, and notes that in its record.
func (a *API) fit(ctx context.Context, s *store.Server) (result Result, err error) {
	d, err := a.diagnose(ctx, *s, enableDeadline)
	if err != nil {
		return result, unsound(fmt.Errorf("server %s stays %s: %w", s.ID, s.State, err))
	}
	s.Checksum = string(d.Algorithm)
	if result.Warning, err = a.examine(ctx, s); err != nil {
		return result, unsound(fmt.Errorf("server %s stays %s: %w", s.ID, s.State, err))
	}
	result.Diagnosis = newDiagnosis(d)
	return result, nil
}

// cordon lets a server keep its meetings and take no new ones.
func (a *API) cordon(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	return a.setState(r, store.Cordoned, f)
}

// disable takes a server out of use. Its meetings would be cut off from the pool, and people in copies may be left there
// without anybody's knowing: somebody has to insist on that.
func (a *API) disable(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	s, err := a.server(r)
	if err != nil {
		return nil, err
	}
	there := newLeft(s, nil) // recordings are delivered also by servers that are disabled
	if s.State != store.Disabled && !there.nobody() && !f.Force {
		return nil, conflict("server %s %s: bbbpool server drain --wait %s waits for their end; --force disables it now, and %s",
			s.ID, there.has(), s.ID, there.follows())
	}
	return a.setState(r, store.Disabled, f)
}

func (a *API) setState(r *http.Request, state store.ServerState, f Forced) (any, error) {
	var was store.ServerState
	record, err := a.update(r.Context(), r.PathValue("id"), func(s *store.Server) error {
		was, s.State = s.State, state
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.logState(r, record, was, f)
	return a.outcome(r.Context(), record, Result{}), nil
}

func (a *API) logState(r *http.Request, record store.Server, was store.ServerState, f Forced) {
	a.logger(r).Info().Str("server", record.ID).Str("state", string(record.State)).Str("was", string(was)).Bool("force", f.Force).
		Msg("server state")
}

// sickness is why a server takes no meetings although it is enabled; "" where it does, or nobody has asked it yet.
func (a *API) sickness(id string) string {
	s, ok := a.Pool.Server(id)
	if !ok || s.Health != poller.Suspect && s.Health != poller.Offline {
		return ""
	}
	return a.illness(s)
}
