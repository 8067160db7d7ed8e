package admin

import (
	"fmt"
	"net/http"

	"github.com/bbbpool/bbbpool/placement"
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
	a.logState(record, f)
	return a.outcome(record, result), nil
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
		return nil, conflict("server %s has %s: cordon it and wait for their end, or force it", s.ID, running(s.Load))
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
	a.logState(record, f)
	return a.outcome(record, Result{}), nil
}

func (a *API) logState(record store.Server, f Forced) {
	a.Log.Info().Str("server", record.ID).Str("state", string(record.State)).Bool("force", f.Force).Msg("server state")
}

// running says what would be disturbed.
func running(l placement.Load) string {
	return count(l.Meetings, "meeting", "meetings") + " with " + count(l.People, "person", "people")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
