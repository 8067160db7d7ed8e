package admin

import (
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
	checksum := s.Checksum
	if s.State != store.Enabled && !f.Force {
		d, err := a.diagnose(r.Context(), s, enableDeadline)
		if err != nil {
			return nil, unsound(fmt.Errorf("server %s stays %s: %w", s.ID, s.State, err))
		}
		result.Diagnosis, checksum = newDiagnosis(d), string(d.Algorithm)
	}
	record, err := a.update(r.Context(), s.ID, func(now *store.Server) error {
		if now.URL == s.URL && now.Secret == s.Secret {
			now.Checksum = checksum
		}
		now.State = store.Enabled
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.logState(r, record, f)
	result = a.outcome(record, result)
	if s.State == store.Enabled {
		result.Warning = a.sickness(s.ID)
	}
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

// disable takes a server out of use. Its meetings would be cut off from the pool: somebody has to insist on that.
func (a *API) disable(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	s, err := a.server(r)
	if err != nil {
		return nil, err
	}
	if s.State != store.Disabled && s.Load.Meetings > 0 && !f.Force {
		return nil, conflict("server %s has %s: cordon it and wait for their end, or insist with --force", s.ID,
			Running(s.Load.Meetings, s.Load.People))
	}
	return a.setState(r, store.Disabled, f)
}

func (a *API) setState(r *http.Request, state store.ServerState, f Forced) (any, error) {
	record, err := a.update(r.Context(), r.PathValue("id"), func(s *store.Server) error {
		s.State = state
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.logState(r, record, f)
	return a.outcome(record, Result{}), nil
}

func (a *API) logState(r *http.Request, record store.Server, f Forced) {
	a.logger(r).Info().Str("server", record.ID).Str("state", string(record.State)).Bool("force", f.Force).
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
