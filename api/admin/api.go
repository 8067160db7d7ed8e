package admin

import (
	"context"
	_ "embed" // for openapi.json
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Pool is what the API needs of the servers beyond their records.
type Pool interface {
	// SetServer adds a server, or changes it.
	SetServer(s store.Server)
	// RemoveServer takes a server out and closes its claims. Its error says which of them could not be closed.
	RemoveServer(ctx context.Context, id string) error
	// Servers returns the status of every server, by ID.
	Servers() []poller.Status
	// Server returns the status of one server.
	Server(id string) (poller.Status, bool)
	// Alarms says in words what is wrong on our own side of the servers.
	Alarms() []string
	// Events returns the last events of a server, newest last.
	Events(id string) []poller.Event
	// NewClient returns a client for a server that need not be in the pool.
	NewClient(e bbb.Endpoint) *bbb.Client
}

// Meetings is what the API needs of the ledger.
type Meetings interface {
	// Meetings returns all meetings, by tenant and ID.
	Meetings() []placement.Info
	// Count returns how many there are.
	Count() int
	// Peek returns where a meeting is, or placement.ErrUnknown.
	Peek(key store.MeetingKey) (placement.Found, error)
	// Close turns a claim into a session. It returns false for one that has changed, or is just being created.
	Close(ctx context.Context, c store.Claim, reason string) (bool, error)
	// Consider tells where a create would go, without placing anything.
	Consider(key store.MeetingKey, w placement.Wish) placement.Considered
	// Capacity tells what the pool carries now.
	Capacity() placement.Capacity
	// Hash returns the name of a room in the history.
	Hash(key store.MeetingKey) string
}

// API serves the operators. Its exported fields must be set before the first request; those that say so may be left
// out.
type API struct {
	Servers    store.Servers
	Tenants    store.Tenants
	Sessions   store.Sessions
	EnvSecrets []store.Secret // of the default tenant, instead of its stored ones; may be left out
	Pool       Pool
	Meetings   Meetings
	Token      store.Secret // of those that come over TCP; without one they are turned away
	Version    string
	Listen     string           // the address that the pool serves; may be left out
	Now        func() time.Time // may be left out
	Log        zerolog.Logger
	Ready      func() []string // why the program is not ready; may be left out
	Advice     func() []string // what works and may not be what was meant; may be left out
	Recordings Recordings      // may be left out: then the pool has none
	// Script makes the script with which a server sends its recordings to the pool at base; may be left out.
	Script func(base string, s store.Server) ([]byte, error)
	// Reload has those that keep tenants in memory read them again; may be left out.
	Reload func(ctx context.Context) error

	testing sync.Map // IDs of servers that are being tested

	joining sync.Mutex // held from the search for a server's other names to its arrival in the pool

	mu sync.Mutex // held from the write of a server's record to its arrival in the pool, so that these keep in step
}

// Prefix is the path below which the API lives.
const Prefix = "/api/v1"

//go:embed openapi.json
var openAPI []byte

// handler answers one request: with a value that becomes JSON, or with nil where there is nothing to say.
type handler func(r *http.Request) (any, error)

// created is the answer to a request that has made something.
type created struct{ what any }

func (a *API) routes() map[string]handler {
	all := map[string]handler{
		"GET /status":                a.status,
		"GET /servers":               a.listServers,
		"POST /servers":              a.addServer,
		"GET /servers/{id}":          a.showServer,
		"PATCH /servers/{id}":        a.changeServer,
		"DELETE /servers/{id}":       a.removeServer,
		"POST /servers/{id}/enable":  a.enable,
		"POST /servers/{id}/cordon":  a.cordon,
		"POST /servers/{id}/disable": a.disable,
		"POST /servers/{id}/test":    a.testServer,
		"POST /servers/{id}/drain":   a.drain,
		"POST /servers/{id}/panic":   a.panicServer,
		"POST /servers/sync":         a.sync,
		"GET /servers/{id}/script":   a.script,
		"GET /capacity":              a.capacity,
		"POST /placements/dry-run":   a.dryRun,
		"GET /meetings":              a.listMeetings,
		"GET /meeting":               a.showMeeting,
		"GET /meeting/explain":       a.explainMeeting,
		"POST /meeting/end":          a.endMeeting,
		"GET /tenants":               a.listTenants,
		"GET /history":               a.exportHistory,
		"GET /tenants/{id}":          a.showTenant,
		"PATCH /tenants/{id}":        a.changeTenant,
		"POST /check":                a.check,
		"GET /version":               a.version,
		"GET /openapi.json":          describe,
	}
	for pattern, handle := range a.recordingRoutes() {
		all[pattern] = a.havingRecordings(handle)
	}
	return all
}

func describe(*http.Request) (any, error) { return json.RawMessage(openAPI), nil }

// Mount registers the API for callers from the network, who need the token.
func (a *API) Mount(mux *http.ServeMux) { mux.Handle(Prefix+"/", a.guard(a.Handler())) }

// Handler returns the API without a check of the token, for those that have access to the data directory anyway.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range a.routes() {
		mux.HandleFunc(prefixed(pattern), func(w http.ResponseWriter, r *http.Request) {
			a.serve(w, r, handle)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if h, pattern := mux.Handler(r); pattern == "" {
			missed(w, r, h)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, handle handler) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := checkContentType(r)
	var answer any
	if err == nil {
		answer, err = handle(r)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	switch answer := answer.(type) {
	case long:
		a.stream(w, r, answer)
		return
	case table:
		a.pour(w, r, answer)
		return
	}
	status := http.StatusOK
	if made, ok := answer.(created); ok {
		status, answer = http.StatusCreated, made.what
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, status, answer)
}

func (a *API) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}
