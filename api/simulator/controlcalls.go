package simulator

import (
	"net/http"

	"github.com/bbbpool/bbbpool/api/simulator/callback"
)

// callbackControls are what the control port does about callbacks.
func callbackControls() map[string]controlled {
	return map[string]controlled{
		"PUT /servers/{id}/version":                       controlRelease,
		"PUT /servers/{id}/url-rules":                     controlRules,
		"GET /servers/{id}/callbacks":                     controlCallbacks,
		"POST /servers/{id}/callbacks/send":               controlSend,
		"PUT /servers/{id}/callbacks/fault":               controlCallbackFault,
		"DELETE /servers/{id}/callbacks/fault":            controlCallbackHeal,
		"POST /servers/{id}/meetings/{meeting}/recording": controlRecord,
		"GET /servers/{id}/hooks":                         controlHooks,
		"PUT /servers/{id}/hooks":                         controlSetHooks,
		"POST /servers/{id}/events":                       controlEmit,
	}
}

func controlRelease(s *Server, r *http.Request) (any, error) {
	var to struct {
		Version string
		Hidden  bool
	}
	if err := body(r, &to); err != nil {
		return nil, err
	}
	return nil, s.SetRelease(to.Version, to.Hidden)
}

func controlRules(s *Server, r *http.Request) (any, error) {
	var rules URLRules
	if err := body(r, &rules); err != nil {
		return nil, err
	}
	return nil, s.SetURLRules(rules)
}

// called is the callbacks of a server on the control port.
type called struct {
	Version string                           `json:"version"`
	Hidden  bool                             `json:"hidden"`
	Rules   URLRules                         `json:"rules"`
	Faults  map[callback.Kind]callback.Fault `json:"faults"`
	Waiting int                              `json:"waiting"`
	Trace   []CallbackTrace                  `json:"trace"`
}

func controlCallbacks(s *Server, _ *http.Request) (any, error) {
	name, hidden := s.Release()
	return called{
		Version: name, Hidden: hidden, Rules: s.callbacks.Rules(), Faults: s.faults.All(),
		Waiting: s.callbacks.Waiting(), Trace: s.Callbacks(),
	}, nil
}

// controlSend sends what waits. It takes as long as the receivers do, so what answers a caller is not held to a time.
func controlSend(s *Server, r *http.Request) (any, error) {
	s.live(s.sim.cfg.Now())
	s.SendCallbacks(r.Context())
	return nil, nil //nolint:nilnil // there is nothing to say
}

func controlCallbackFault(s *Server, r *http.Request) (any, error) {
	var f CallbackFault
	if err := body(r, &f); err != nil {
		return nil, err
	}
	return nil, s.FailCallbacks(f)
}

func controlCallbackHeal(s *Server, r *http.Request) (any, error) {
	var kinds []CallbackKind
	for _, name := range splitList(r.URL.Query().Get("callbacks")) {
		kinds = append(kinds, CallbackKind(name))
	}
	s.HealCallbacks(kinds...)
	return nil, nil //nolint:nilnil // there is nothing to say
}

func controlRecord(s *Server, r *http.Request) (any, error) {
	to := struct{ On bool }{On: true}
	if err := body(r, &to); err != nil {
		return nil, err
	}
	return nil, s.Record(r.PathValue("meeting"), to.On)
}
