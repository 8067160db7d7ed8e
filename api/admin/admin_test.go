package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// testPool is the API over everything that it has in the real program, and a client of it.
type testPool struct {
	*v1.Client
	t        *testing.T
	api      *admin.API
	ledger   *placement.Ledger
	stores   *driver.Stores
	poller   *poller.Poller
	owed     func(context.Context) ([]recordings.Owing, error) // as the real recordings have it
	problems *problems.Registry
	found    []problems.Problem // that the pool has beside those of its parts
	ahead    atomic.Int64       // what has passed for the pool beyond real time, in ns
	log      *bytes.Buffer
}

// newTestPool puts a pool together that has no recordings, unless a test gives it some.
func newTestPool(t *testing.T) *testPool {
	t.Helper()
	p := &testPool{t: t, log: &bytes.Buffer{}}
	set, err := assembly.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	set.Recordings.Volume.MinFree = 1 // however full the disk is that tests run on
	set.Placement = placement.Config{Default: 10.04, Sessions: 3}
	set.Poller = poller.Config{
		Interval: time.Second, Connect: 2 * time.Second, Response: 5 * time.Second, Unhealthy: 3, Healthy: 1,
		Failover: time.Second,
	}
	all, err := assembly.Offline(t.Context(), assembly.Options{
		Settings: set, Data: t.TempDir(), Version: "1.2.3", Log: zerolog.New(zerolog.SyncWriter(p.log)),
		Now: func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Close() })
	p.api, p.ledger, p.stores, p.poller, p.owed = all.Admin, all.Ledger, all.Stores, all.Poller, all.Recordings.Owed
	p.api.Recordings, p.api.Imports, p.api.Pool.Recordings, p.api.Servers.Roster.Debts, p.api.Servers.Script = nil, nil, nil, nil, nil
	p.problems = all.Problems
	p.problems.Report(problems.Func(func(context.Context) []problems.Problem { return p.found }))
	p.reach()
	return p
}

// reach makes a client of the API as it is now.
func (p *testPool) reach() {
	p.Client = v1.NewClient(v1.HandlerTransport(hold(p.t, p.api.Handler())), "http://bbbpool", "")
}

// have gives the pool recordings.
func (p *testPool) have(k kept) {
	p.api.Recordings = &admin.Recordings{
		Catalogue: k, Edits: k, Audit: k, Behind: k.Behind, Owed: k.Owed, Volumes: k.Volume, Tenants: p.api.Tenants,
	}
	p.api.Imports = &admin.Imports{Queue: k, Tenants: p.api.Tenants}
	p.api.Pool.Recordings, p.api.Servers.Roster.Debts = k, k.Owed
	p.reach()
}

// kept are the recordings of a pool, in one.
type kept interface {
	admin.Catalogue
	admin.Editor
	admin.Audit
	admin.Queue
	admin.PoolRecordings
	Volume() []volume.Status
	Behind(id string) error
}

// pool is what the API needs of servers, in one.
type pool interface {
	roster.Pool
	roster.Follower
	roster.Pollable
	roster.Servers
	admin.ServerPool
	admin.PoolServers
}

// warn has every server have something to warn of.
func (p *testPool) warn() {
	w := warned{p.poller}
	p.see(w)
	p.problems.Report(w)
}

// see has the API see servers in another way.
func (p *testPool) see(other pool) {
	r := p.api.Servers.Roster
	p.api.Servers.Pool, r.Pool, r.Records.Pool, r.Examiner.Pool = other, other, other, other
	p.api.Meetings.Pool, p.api.Meetings.Endings.Pool, p.api.Pool.Servers = other, other, other
}

// request sends a raw request to the handler and returns status and body.
func (p *testPool) request(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, v1.Prefix+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	hold(t, p.api.Handler()).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// add adds an enabled server.
func (p *testPool) add(t *testing.T, id string, s *simulator.Server) {
	t.Helper()
	_, err := p.Servers.Add(t.Context(), v1.NewServer{
		URL: s.URL(), Secret: v1.Secret(s.Secret()), ID: id, Enable: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// create places a meeting and creates it on the server, as the gateway does.
func (p *testPool) create(t *testing.T, key store.MeetingKey) store.Claim {
	t.Helper()
	return p.createFor(t, key, placement.Wish{})
}

func (p *testPool) createFor(t *testing.T, key store.MeetingKey, wish placement.Wish) store.Claim {
	t.Helper()
	creation, err := p.ledger.Begin(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer creation.End()
	place, err := creation.Place(t.Context(), wish, nil)
	if err != nil {
		t.Fatal(err)
	}
	query := "name=Class&meetingID=" + url.QueryEscape(key.MeetingID)
	answer, err := p.poller.Client(place.Claim.Server).Answer(t.Context(), "create", query)
	if err != nil || answer.Err != nil {
		t.Fatal(err, answer.Err)
	}
	made := answer.Created()
	if err := creation.Confirm(t.Context(), placement.Made{InternalID: made.InternalID, CreateTime: made.CreateTime}); err != nil {
		t.Fatal(err)
	}
	return place.Claim
}

func simulate(t *testing.T, n int) []*simulator.Server {
	t.Helper()
	s, err := simulator.New(simulator.Config{Servers: n})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.Servers()
}

// refused tells whether err is a refusal with that status and these words, and fails the test otherwise.
func refused(t *testing.T, err error, status int, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*v1.Error](err)
	if !ok {
		t.Fatalf("got %v, want a refusal with status %d", err, status)
	}
	if e.Status != status || e.Code == "" {
		t.Errorf("got status %d, code %q (%s), want status %d", e.Status, e.Code, e.Message, status)
	}
	for _, word := range words {
		if !strings.Contains(e.Message, word) {
			t.Errorf("error %q does not say %q", e.Message, word)
		}
	}
}

// fakeBBB answers like a server that accepts nothing but the given algorithm.
func fakeBBB(t *testing.T, secret bbb.Secret, accepts bbb.Algorithm) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bigbluebutton/api"), "/")
		query, sum := bbb.SplitChecksum(r.URL.RawQuery)
		body := "<response><returncode>SUCCESS</returncode><bbbVersion>3.0.9</bbbVersion><meetings/></response>"
		if call != "" && bbb.Verify(call, query, sum, []bbb.Secret{secret}, accepts) < 0 {
			body = "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>"
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// failingServers is a store that has lost its disk, with an error that is nobody's business.
type (
	servers        = store.Servers
	failingServers struct{ servers }
)

func (failingServers) Servers(context.Context) ([]store.Server, error) {
	return nil, errors.New("open /var/private/path")
}

// What nobody has foreseen is logged with its cause, and shown without.
func TestAPI_InternalError(t *testing.T) {
	p := newTestPool(t)
	p.api.Pool.Records = failingServers{p.stores.State}
	status, body := p.request(t, "POST", "/check", "{}")
	if status != http.StatusInternalServerError || body != `{"code":"internal","error":"Internal error."}`+"\n" {
		t.Errorf("answered %d %s", status, body)
	}
	if !strings.Contains(p.log.String(), "/var/private/path") {
		t.Errorf("logged %s", p.log)
	}
}

type fullServers struct{ servers }

func (fullServers) CreateServer(context.Context, store.Server) error {
	failed := &fs.PathError{Op: "write", Path: "/var/private/path", Err: syscall.ENOSPC}
	return fmt.Errorf("create server: %w", failed)
}

// A store that cannot be written is something that an operator can mend: the system's word for it is shown, no more.
func TestAPI_StoreFault(t *testing.T) {
	p := newTestPool(t)
	p.api.Servers.Roster.Records.Store = fullServers{p.stores.State}
	s := simulate(t, 1)[0]
	_, err := p.Servers.Add(t.Context(), v1.NewServer{URL: s.URL(), Secret: v1.Secret(s.Secret())})
	refused(t, err, http.StatusInsufficientStorage, "no space left on device; free space")
	if e, _ := errors.AsType[*v1.Error](err); e.Code != "store" || strings.Contains(e.Message, "private") {
		t.Errorf("answered %+v", e)
	}
	if !strings.Contains(p.log.String(), "/var/private/path") {
		t.Errorf("logged %s", p.log)
	}
}

// The log tells who has changed what, and who was refused, without a secret.
func TestAPI_Log(t *testing.T) {
	p := newTestPool(t)
	s := simulate(t, 1)[0]
	p.add(t, "a", s)
	for _, call := range []string{
		`PATCH /servers/a {"weight":2,"tag":"x","secret":"` + string(s.Secret()) + `"}`,
		`PATCH /servers/a {"secret":"another-secret","force":true}`,
		"POST /servers/a/cordon {}",
		"DELETE /servers/b {}",
		"DELETE /servers/a {}",
	} {
		method, rest, _ := strings.Cut(call, " ")
		path, body, _ := strings.Cut(rest, " ")
		p.request(t, method, path, body)
	}
	want := []string{
		`"server":"a","changed":["weight: 1 -> 2","tag: x"],"force":false,"message":"server changed"`,
		`"server":"a","changed":["secret: *** -> ***"],"force":true,"message":"server changed"`,
		`"state":"cordoned","was":"enabled"`,
		`"remote":"192.0.2.1:1234","method":"DELETE","path":"/api/v1/servers/b","code":"not-found","message":"refused"`,
		`"message":"server removed"`,
	}
	for _, words := range want {
		if !strings.Contains(p.log.String(), words) {
			t.Errorf("%s does not have %s", p.log, words)
		}
	}
	if strings.Contains(p.log.String(), string(s.Secret())) || strings.Contains(p.log.String(), "another-secret") {
		t.Errorf("logged the secret: %s", p.log)
	}
}

// Requests that cannot be meant are refused before anything happens, naming what is wrong with them.
func TestAPI_Requests(t *testing.T) {
	p := newTestPool(t)
	tests := []struct {
		name, method, path, body string
		status                   int
		words                    string
	}{
		{"misspelt field", "POST", "/servers", `{"url":"a","secret":"s","wieght":2}`, 400, `unknown field \"wieght\"`},
		{"wrong type", "POST", "/servers", `{"url":"a","secret":"s","weight":"2"}`, 400, "weight"},
		{"no JSON", "POST", "/servers", `url=a`, 400, "body"},
		{"two values", "POST", "/servers", `{"url":"a"}{}`, 400, "more than one"},
		{"large", "POST", "/servers", `{"url":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "1048576"},
		{"several faults", "POST", "/servers", `{"url":"ftp://a","secret":"","weight":-1}`, 400, "weight"},
		{"unknown server", "PATCH", "/servers/nope", `{"weight":1}`, 404, "nope"},
		{"unknown server", "POST", "/servers/nope/cordon", `{}`, 404, "nope"},
		{"unknown server", "DELETE", "/servers/nope", ``, 404, "nope"},
		{"no flag", "DELETE", "/servers/nope?force=perhaps", ``, 400, "force"},
		{"no meeting ID", "GET", "/meeting", ``, 400, "id"},
		{"unknown meeting", "GET", "/meeting?id=m", ``, 404, "m"},
		{"unknown meeting", "POST", "/meeting/end?id=m", ``, 404, "m"},
		{"unknown tenant", "GET", "/tenants/t", ``, 404, "t"},
		{"first tenant", "GET", "/tenants/default", ``, 404, "bbbpool serve"},
		{"unknown path", "GET", "/nope", ``, 404, "openapi.json"},
		{"wrong method", "PUT", "/servers", ``, 405, "GET, HEAD, POST"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := p.request(t, test.method, test.path, test.body)
			if status != test.status || !strings.Contains(body, test.words) || !strings.HasPrefix(body, "{") {
				t.Errorf("answered %d %s, want %d with %q", status, body, test.status, test.words)
			}
		})
	}
}

// A form on somebody else's page cannot change anything: browsers do not send this type across sites.
func TestAPI_ContentType(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"} {
		for _, call := range []string{"POST /servers/a/cordon", "DELETE /servers/a", "PATCH /servers/a"} {
			method, path, _ := strings.Cut(call, " ")
			r := httptest.NewRequest(method, v1.Prefix+path, strings.NewReader(`{"weight":2}`))
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			p.api.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusUnsupportedMediaType {
				t.Errorf("%s with %q answered %d %s", call, kind, w.Code, w.Body)
			}
		}
	}
	if s, err := p.Servers.Show(t.Context(), "a"); err != nil || s.State != "enabled" || s.Weight != 1 {
		t.Errorf("server became %+v, %v", s, err)
	}
}
