package simulator

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Server is one simulated BigBlueButton server. Its methods are safe for concurrent use.
type Server struct {
	sim    *Simulator
	id     string
	addr   string // that it listens on
	origin string // http://HOST:PORT, as others see it
	secret bbb.Secret

	calls  map[string]*atomic.Int64 // by name; fixed after newServer
	fault  atomic.Pointer[fault]    // nil while it is well
	closed chan struct{}
	active sync.WaitGroup // requests

	net struct { // what listens
		sync.Mutex
		hold    io.Closer // keeps the port while nobody listens
		gate    *gate
		http    *http.Server
		started bool
		closed  bool
	}

	mu         sync.Mutex          // guards all below
	meetings   map[string]*meeting // by meetingID: the newest of that ID
	internal   map[string]*meeting // by internal ID
	order      []*meeting          // as they were created
	voices     map[string]*meeting // by voice bridge
	sessions   map[string]*person  // by session token
	recordings []*recording        // oldest first
	ended      int                 // meetings of order that have ended
	populated  int                 // meetings that Populate made
}

func newServer(sim *Simulator, id, addr string) (*Server, error) {
	hold, addr, err := reserve(addr)
	if err != nil {
		return nil, err
	}
	s := &Server{sim: sim, id: id, addr: addr, secret: sim.cfg.secret(), closed: make(chan struct{})}
	s.net.hold = hold
	if err := s.listen(); err != nil {
		_ = hold.Close()
		return nil, err
	}
	s.origin = "http://" + publicAddress(sim.cfg.PublicHost, s.net.gate.Addr())
	s.calls = make(map[string]*atomic.Int64, len(handlers)+2)
	for name := range handlers {
		s.calls[name] = new(atomic.Int64)
	}
	s.calls["page"], s.calls["unknown"] = new(atomic.Int64), new(atomic.Int64)
	s.forgetAll()
	return s, nil
}

// ID returns the name of the server: "sim1", "sim2" and so on.
func (s *Server) ID() string { return s.id }

// URL returns the address of the API. It ends in /bigbluebutton/api.
func (s *Server) URL() string { return s.origin + "/bigbluebutton/api" }

// Secret returns the shared secret.
func (s *Server) Secret() bbb.Secret { return s.secret }

// ControlURL returns the address of the server on the control port.
func (s *Server) ControlURL() string { return "http://" + s.sim.ctlHost + "/servers/" + s.id }

// Calls returns how often a call was made since the server started, whatever came of it. The root counts as "api",
// pages as "page", calls that BigBlueButton does not have as "unknown".
func (s *Server) Calls(name string) int {
	if n := s.calls[name]; n != nil {
		return int(n.Load())
	}
	return 0
}

// listen opens the port. The server answers once serve is called.
func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.addr) //nolint:noctx // takes no time
	if err != nil {
		return fmt.Errorf("%s: %w", s.id, err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("%s: %s is no address of TCP", s.id, s.addr)
	}
	s.net.gate = newGate(tcp)
	s.net.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: maxHeader,
	}
	return nil
}

// serve answers on the port that listen opened. The caller holds s.net.
func (s *Server) serve() {
	gate, srv := s.net.gate, s.net.http
	s.sim.serving.Go(func() {
		if err := srv.Serve(gate); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.sim.cfg.Report(fmt.Errorf("%s: serve: %w", s.id, err))
		}
	})
}

func (s *Server) start() {
	s.net.Lock()
	defer s.net.Unlock()
	if s.net.closed || s.net.started {
		return
	}
	s.net.started = true
	if f := s.fault.Load(); f == nil || f.Kind != Refuse {
		s.serve()
	}
}

func (s *Server) close() {
	s.net.Lock()
	s.net.closed = true
	close(s.closed)
	_ = s.net.http.Close()
	_ = s.net.gate.Close()
	_ = s.net.hold.Close()
	s.net.Unlock()
	s.active.Wait()
}

// enter counts a request in, unless the server is closed.
func (s *Server) enter() bool {
	s.net.Lock()
	defer s.net.Unlock()
	if s.net.closed {
		return false
	}
	s.active.Add(1)
	return true
}

// ServeHTTP answers what a server's nginx would: the API, and the pages that people see.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.active.Done()
	name, answer := s.route(r)
	s.calls[name].Add(1)
	s.suffer(name, answer, w, r)
}

// handler answers a call whose checksum is right.
type handler func(s *Server, w http.ResponseWriter, q *bbb.Request)

// handlers are the calls of the API by name. What only BigBlueButton's own client calls is missing, and unknown.
var handlers = map[string]handler{
	"api":                    nil,
	"create":                 (*Server).create,
	"join":                   (*Server).join,
	"isMeetingRunning":       (*Server).isMeetingRunning,
	"end":                    (*Server).endCall,
	"getMeetingInfo":         (*Server).getMeetingInfo,
	"getMeetings":            (*Server).getMeetings,
	"getSessions":            (*Server).getSessions,
	"insertDocument":         (*Server).insertDocument,
	"sendChatMessage":        (*Server).sendChatMessage,
	"getRecordings":          (*Server).getRecordings,
	"publishRecordings":      (*Server).publishRecordings,
	"updateRecordings":       (*Server).updateRecordings,
	"deleteRecordings":       (*Server).deleteRecordings,
	"getRecordingTextTracks": (*Server).getTextTracks,
	"putRecordingTextTrack":  (*Server).putTextTrack,
}

// route finds the name that a request counts as, and what answers it.
func (s *Server) route(r *http.Request) (string, http.HandlerFunc) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/bigbluebutton/")
	call, isCall := strings.CutPrefix(rest, "api/")
	switch {
	case ok && (rest == "" || rest == "api" || rest == "api/"):
		return "api", s.root
	case ok && isCall && call != "api" && handlers[call] != nil:
		return call, func(w http.ResponseWriter, r *http.Request) { s.call(call, w, r) }
	case ok && isCall:
		return "unknown", http.NotFound
	}
	return "page", s.page
}

// call reads and verifies a call.
func (s *Server) call(name string, w http.ResponseWriter, r *http.Request) {
	document, failed := takeDocument(name, r)
	if failed != nil {
		fail(w, failed)
		return
	}
	q, err := bbb.ReadRequest(r, name, maxBody)
	if errors.Is(err, bbb.ErrMethod) {
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	// A form without parameters in the query is under the checksum of nothing: so does BigBlueButton 3.0.
	if err == nil {
		_, err = q.Verify([]bbb.Secret{s.secret}, true)
	}
	if err != nil {
		s.refuseCall(name, w, q, err)
		return
	}
	if document != nil {
		q.Body = document
	}
	handlers[name](s, w, q)
}

// root answers with the version. Anybody may ask.
func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	host := strings.TrimPrefix(s.origin, "http://")
	socket, api := "ws://"+host+"/graphql", s.origin+"/api/rest"
	if r.Header.Get("Content-Type") == "application/json" {
		writeJSON(w, http.StatusOK, map[string]any{"response": map[string]string{
			"returncode": "SUCCESS", "version": apiVersion, "apiVersion": apiVersion, "bbbVersion": bbbVersion,
			"graphqlWebsocketUrl": socket, "graphqlApiUrl": api, "html5PluginSdkVersion": pluginVersion,
		}})
		return
	}
	bbb.WriteXML(w, http.StatusOK, bbb.Success().
		Text("version", apiVersion).Text("apiVersion", apiVersion).Text("bbbVersion", bbbVersion).
		Text("html5PluginSdkVersion", pluginVersion).Text("graphqlWebsocketUrl", socket).Text("graphqlApiUrl", api).
		Bytes())
}

// The versions of the BigBlueButton that is simulated.
const (
	apiVersion    = "2.0"
	bbbVersion    = "3.0.19"
	pluginVersion = "0.0.95"
)
