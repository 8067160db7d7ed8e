package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/callback"
	"github.com/bbbpool/bbbpool/api/simulator/fault"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
	"github.com/bbbpool/bbbpool/api/simulator/webhooks"
)

// Meeting is a meeting as tests and the control port see it.
type Meeting = rooms.View

// Document is a presentation that came with a create or an insertDocument.
type Document = rooms.Document

// Crowd is people who come to a meeting without a join.
type Crowd = rooms.Crowd

// Breakouts says which breakout rooms to open.
type Breakouts = rooms.Breakouts

// Server is one simulated BigBlueButton server. Its methods are safe for concurrent use.
type Server struct {
	sim      *Simulator
	id       string
	origin   string // http://HOST:PORT, as others see it
	secret   *secret
	port     *fault.Port
	api      *api
	holdings holdings

	release   atomic.Pointer[release]
	faults    callback.Faults
	traces    callback.Traces
	callbacks *callback.Outbox
	hooks     *webhooks.Hooks
	populated atomic.Int64 // meetings that Populate made
}

// holdings is what a server holds, behind a lock.
type holdings struct {
	mu   sync.Mutex
	held held
}

// held is the meetings, the people in them, and the recordings of a server.
type held struct {
	rooms *rooms.Rooms
	shelf *recorded.Shelf
}

// lock returns what is held, and blocks until nobody else has it. It is the caller's until unlock is called.
func (h *holdings) lock() (_ *held, unlock func()) {
	h.mu.Lock()
	return &h.held, h.mu.Unlock
}

func newServer(sim *Simulator, id, addr string) (*Server, error) {
	s := &Server{sim: sim, id: id, secret: newSecret(sim.cfg.secret(), sim.cfg.Now)}
	port, err := fault.Listen(fault.Options{
		Name: id, Addr: addr, MaxBody: maxBody, Report: sim.cfg.Report,
		HTTP: func() *http.Server {
			return &http.Server{
				Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: maxHeader,
			}
		},
	})
	if err != nil {
		return nil, err
	}
	s.port = port
	s.origin = "http://" + publicAddress(sim.cfg.PublicHost, port.Addr())
	if err := errors.Join(s.prepareCallbacks(&sim.cfg), s.prepareHooks(&sim.cfg)); err != nil {
		port.Close()
		return nil, err
	}
	shelf := recorded.NewShelf(sim.cfg.Formats, sim.cfg.RecordingDelay)
	s.holdings.held = held{
		rooms: rooms.New(sim.cfg.Life.Linger, rooms.Hooks{
			Over:     func(m *rooms.Meeting, now time.Time) { s.over(shelf, m, now) },
			Happened: s.happened,
			Taken:    func(internal string) bool { return shelf.Find(internal) != nil },
		}),
		shelf: shelf,
	}
	s.api = newAPI(&sim.cfg, &s.holdings, s.origin, s)
	return s, nil
}

// prepareCallbacks makes what calls back, as it was configured.
func (s *Server) prepareCallbacks(cfg *Config) error {
	s.callbacks = callback.New(callback.Options{
		Client: cfg.Client, Now: cfg.Now, Timeout: cfg.CallbackTimeout, Report: cfg.Report, Faults: &s.faults, Traces: &s.traces,
	})
	return errors.Join(s.SetRelease(cfg.Release, cfg.HideRelease), s.SetURLRules(URLRules{
		Strict: cfg.StrictURLs, Protocols: cfg.URLProtocols, Allowed: cfg.URLAllowed,
	}))
}

// ID returns the name of the server: "sim1", "sim2" and so on.
func (s *Server) ID() string { return s.id }

// URL returns the address of the API. It ends in /bigbluebutton/api.
func (s *Server) URL() string { return s.origin + "/bigbluebutton/api" }

// Secret returns the shared secret.
func (s *Server) Secret() bbb.Secret { return s.secret.get() }

// ControlURL returns the address of the server on the control port.
func (s *Server) ControlURL() string { return "http://" + s.sim.ctlHost + "/servers/" + s.id }

// Calls returns how often a call was made since the server started, whatever came of it. The root counts as "api",
// pages as "page", calls that BigBlueButton does not have as "unknown".
func (s *Server) Calls(name string) int { return s.api.count(name) }

// ServeHTTP answers what a server's nginx would: the API, and the pages that people see.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leave, ok := s.port.Enter()
	if !ok {
		panic(http.ErrAbortHandler)
	}
	defer leave()
	reply := s.port.Arrived()
	name, answer := s.api.route(r)
	if s.secret.restarting() {
		answer = badGateway
	}
	reply(name, answer, w, r)
}

// Meetings returns the meetings that the server knows, those that it has just ended too, in the order they were created.
func (s *Server) Meetings() []Meeting {
	held, unlock := s.holdings.lock()
	defer unlock()
	views := make([]Meeting, 0, len(held.rooms.All()))
	for _, m := range held.rooms.All() {
		views = append(views, m.View())
	}
	return views
}

// Meeting returns one meeting, by its meetingID or its internal ID.
func (s *Server) Meeting(id string) (Meeting, bool) {
	held, unlock := s.holdings.lock()
	defer unlock()
	if m := held.rooms.Find(id); m != nil {
		return m.View(), true
	}
	return Meeting{}, false
}

// Recordings returns the IDs of the recordings that the server has, those in the making included.
func (s *Server) Recordings() []string {
	held, unlock := s.holdings.lock()
	defer unlock()
	var ids []string
	for _, r := range held.shelf.All() {
		if r.State != recorded.Deleted {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// Fault makes something go wrong from now on, instead of what went wrong before.
func (s *Server) Fault(f Fault) error { return s.port.Fail(f) }

// Heal ends the fault, if there is one.
func (s *Server) Heal() error { return s.port.Heal() }

// CurrentFault returns what is wrong with the server; ok is false while nothing is.
func (s *Server) CurrentFault() (f Fault, ok bool) { return s.port.Current() }

// live brings the server to a moment: people arrive, meetings expire and vanish, recordings come out.
func (s *Server) live(now time.Time) {
	held, unlock := s.holdings.lock()
	held.rooms.Pass(now)
	ready := held.shelf.Process(now)
	unlock()
	for _, r := range ready {
		s.publish(&r)
	}
}

// over does what BigBlueButton does once a meeting is over: it calls back, and starts to process the recording.
func (s *Server) over(shelf *recorded.Shelf, m *rooms.Meeting, now time.Time) {
	s.callbacks.Add(callback.Ended(m, now)...)
	s.callbacks.Add(callback.Analytics(m, s.faults.Key(callback.KindAnalytics, s.Secret()), now)...)
	if m.Record {
		s.emit(func() []webhooks.Event { return webhooks.Archived(m, m.IsRecorded(), now) })
	}
	if m.IsRecorded() {
		shelf.Add(m, now, s.release.Load().without(m.Metadata.Get("bbb-disable-recording-formats"))...)
	}
}

// publish does what BigBlueButton's scripts do after publishing: they send the archive away and call back. It writes to
// the disk.
func (s *Server) publish(r *recorded.Recording) {
	if dir := s.sim.cfg.SpoolDir; dir != "" {
		if err := r.Archive(dir, s.origin); err != nil {
			s.sim.cfg.Report(fmt.Errorf("%s: archive of recording %s: %w", s.id, r.ID, err))
		}
	}
	now := s.sim.cfg.Now()
	s.made(r, callback.ReadyURL(r) != "", now)
	s.callbacks.Add(callback.Ready(r, s.faults.Key(callback.KindReady, s.Secret()), now)...)
}
