package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
	"github.com/bbbpool/bbbpool/api/simulator/webhooks"
)

// Webhooks is how bbb-webhooks is set up on a server.
type Webhooks = webhooks.Config

// PermanentHook is a hook that comes from that.
type PermanentHook = webhooks.Permanent

// Hook is an address that is told of events.
type Hook = webhooks.Hook

// SetWebhooks sets bbb-webhooks up anew. Hooks stay, but for permanent ones that are not named any more.
func (s *Server) SetWebhooks(c Webhooks) error { return s.hooks.Configure(c) }

// Hooks returns the hooks of the server, the oldest first.
func (s *Server) Hooks() []Hook { return s.hooks.All() }

// Emit has hooks told of any event: of a meeting that goes on or has just ended, or of none where its ID is "". Attributes come
// besides the meeting's, or instead of them; raw is what raw hooks get, nil for the same as others.
func (s *Server) Emit(id, meetingID string, attributes map[string]any, raw json.RawMessage) error {
	now := s.sim.cfg.Now()
	held, unlock := s.holdings.lock()
	defer unlock()
	var m *rooms.Meeting
	if meetingID != "" {
		if m = held.rooms.Find(meetingID); m == nil {
			return s.named(errNoMeeting)
		}
	}
	s.hooks.Emit(webhooks.Custom(id, m, attributes, raw, now))
	return nil
}

// emit has hooks told of what is only made up if there are any.
func (s *Server) emit(events func() []webhooks.Event) {
	if s.hooks.Any() {
		s.hooks.Emit(events()...)
	}
}

// happened is told of what goes on in the meetings.
func (s *Server) happened(e rooms.Event) {
	s.emit(func() []webhooks.Event { return []webhooks.Event{webhooks.Of(e)} })
}

// changed is told of recordings that a call has published, unpublished or deleted.
func (s *Server) changed(r *recorded.Recording) {
	now := s.sim.cfg.Now()
	s.emit(func() []webhooks.Event { return []webhooks.Event{webhooks.Changed(r, now)} })
}

// announce sends what hooks are told of a new meeting before its create is answered, where bbb-webhooks is to be that fast.
func (s *Server) announce() {
	if s.hooks.Config().CreatedFirst {
		s.hooks.Deliver(context.Background()) // as long as bbb-webhooks waits for answers; its caller may hang up
	}
}

// prepareHooks sets up bbb-webhooks as it was configured.
func (s *Server) prepareHooks(cfg *Config) error {
	s.hooks = webhooks.New(webhooks.Options{
		Client: cfg.Client, Now: cfg.Now, Timeout: cfg.CallbackTimeout, Report: cfg.Report, Secret: s.Secret,
		Faults: &s.faults, Traces: &s.traces, Domain: hostOf(s.origin),
	})
	set := Webhooks{Absent: cfg.NoWebhooks, Bearer: cfg.HookBearer, Algorithm: bbb.Algorithm(cfg.HookChecksum)}
	for _, url := range cfg.PermanentHooks {
		set.Permanent = append(set.Permanent, PermanentHook{URL: url})
	}
	return s.SetWebhooks(set)
}

// hooked is the webhooks of a server on the control port.
type hooked struct {
	Config  Webhooks `json:"config"`
	Hooks   []Hook   `json:"hooks"`
	Waiting int      `json:"waiting"`
}

func controlHooks(s *Server, _ *http.Request) (any, error) {
	return hooked{Config: s.hooks.Config(), Hooks: s.Hooks(), Waiting: s.hooks.Waiting()}, nil
}

func controlSetHooks(s *Server, r *http.Request) (any, error) {
	var c Webhooks
	if err := body(r, &c); err != nil {
		return nil, err
	}
	return nil, s.SetWebhooks(c)
}

func controlEmit(s *Server, r *http.Request) (any, error) {
	var e struct {
		ID, Meeting string
		Attributes  map[string]any
		Raw         json.RawMessage
	}
	if err := body(r, &e); err != nil {
		return nil, err
	}
	return nil, s.Emit(e.ID, e.Meeting, e.Attributes, e.Raw)
}

// made tells hooks how a recording came to be.
func (s *Server) made(r *recorded.Recording, told bool, now time.Time) {
	s.emit(func() []webhooks.Event { return webhooks.Made(r, told, now) })
}

var errNoMeeting = errors.New("there is no such meeting")
