package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// summary is a server on the control port.
type summary struct {
	ID         string         `json:"id"`
	URL        string         `json:"url"`
	Control    string         `json:"control"`
	Fault      *Fault         `json:"fault"`
	Meetings   int            `json:"meetings"`
	People     int            `json:"people"`
	Recordings int            `json:"recordings"`
	Calls      map[string]int `json:"calls"`
}

func (s *Server) summary() summary {
	sum := summary{ID: s.id, URL: s.URL(), Control: s.ControlURL(), Calls: s.api.called()}
	if f, ok := s.CurrentFault(); ok {
		sum.Fault = &f
	}
	held, unlock := s.holdings.lock()
	defer unlock()
	sum.Meetings, sum.Recordings = held.rooms.Count(), len(held.shelf.All())
	for _, m := range held.rooms.All() {
		sum.People += len(m.People.In())
	}
	return sum
}

// controlled does something to a server on behalf of the control port, and returns what to answer; nil is "done".
type controlled func(s *Server, r *http.Request) (any, error)

// controlHandler serves the control port. Pages of other sites may not use it through a browser.
func (s *Simulator) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /servers", func(w http.ResponseWriter, _ *http.Request) {
		states := make([]summary, 0, len(s.servers))
		for _, server := range s.servers {
			states = append(states, server.summary())
		}
		writeJSON(w, http.StatusOK, states)
	})
	for pattern, do := range callbackControls() {
		mux.HandleFunc(pattern, s.controls(do))
	}
	for pattern, do := range map[string]controlled{
		"GET /servers/{id}":                               controlState,
		"PUT /servers/{id}/fault":                         controlFault,
		"DELETE /servers/{id}/fault":                      controlHeal,
		"POST /servers/{id}/restart":                      controlRestart,
		"PUT /servers/{id}/secret":                        controlSecret,
		"POST /servers/{id}/populate":                     controlPopulate,
		"GET /servers/{id}/meetings":                      controlMeetings,
		"POST /servers/{id}/meetings/{meeting}/people":    controlAdd,
		"DELETE /servers/{id}/meetings/{meeting}/people":  controlLeave,
		"POST /servers/{id}/meetings/{meeting}/breakouts": controlBreakouts,
		"POST /servers/{id}/meetings/{meeting}/end":       controlEnd,
	} {
		mux.HandleFunc(pattern, s.controls(do))
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

var errBody = errors.New("body")

func (s *Simulator) controls(do controlled) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		server := s.Server(r.PathValue("id"))
		if server == nil {
			writeJSON(w, http.StatusNotFound, map[string]string{"error": "there is no server of that ID; see GET /servers"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		answer, err := do(server, r)
		switch {
		case err != nil:
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeJSON(w, http.StatusOK, answer)
		}
	}
}

// body reads a JSON body strictly, so that a misspelt name is not lost.
func body(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", errBody, err)
	}
	return nil
}

func controlState(s *Server, _ *http.Request) (any, error) { return s.summary(), nil }

func controlFault(s *Server, r *http.Request) (any, error) {
	var f Fault
	if err := body(r, &f); err != nil {
		return nil, err
	}
	return nil, s.Fault(f)
}

func controlHeal(s *Server, _ *http.Request) (any, error) { return nil, s.Heal() }

func controlRestart(s *Server, _ *http.Request) (any, error) {
	s.Restart()
	return nil, nil //nolint:nilnil // there is nothing to say
}

func controlSecret(s *Server, r *http.Request) (any, error) {
	var to struct{ Secret, Pause string }
	if err := body(r, &to); err != nil {
		return nil, err
	}
	pause := time.Duration(0)
	if to.Pause != "" {
		var err error
		if pause, err = time.ParseDuration(to.Pause); err != nil {
			return nil, fmt.Errorf("pause: %w", err)
		}
	}
	return nil, s.SetSecret(bbb.Secret(to.Secret), pause)
}

func controlPopulate(s *Server, r *http.Request) (any, error) {
	var n struct{ Meetings, People int }
	if err := body(r, &n); err != nil {
		return nil, err
	}
	return nil, s.Populate(n.Meetings, n.People)
}

func controlMeetings(s *Server, _ *http.Request) (any, error) { return s.Meetings(), nil }

func controlAdd(s *Server, r *http.Request) (any, error) {
	c := Crowd{Count: 1}
	if err := body(r, &c); err != nil {
		return nil, err
	}
	return nil, s.AddPeople(r.PathValue("meeting"), c)
}

func controlLeave(s *Server, r *http.Request) (any, error) {
	count := 0
	if text := r.URL.Query().Get("count"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil || count < 1 {
			return nil, fmt.Errorf("count %q: want a number from 1", text)
		}
	}
	return nil, s.Leave(r.PathValue("meeting"), count)
}

func controlBreakouts(s *Server, r *http.Request) (any, error) {
	n := Breakouts{Rooms: 1}
	if err := body(r, &n); err != nil {
		return nil, err
	}
	return nil, s.Break(r.PathValue("meeting"), n)
}

func controlEnd(s *Server, r *http.Request) (any, error) { return nil, s.End(r.PathValue("meeting")) }
