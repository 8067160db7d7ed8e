package storm_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// tenant is one of those that share the pool.
type tenant struct{ id string }

// secretNames are the names of the secrets that each tenant has.
var secretNames = []string{"one", "two"}

// secretOf is the secret that signs the creates of a room.
func secretOf(mood int) string { return secretNames[mood%2] }

// pool is what is killed: one process, or several.
type pool interface {
	// admin is what operators have.
	admin() *v1.Client
	// lapses are when a process may have been told something that it has not written down.
	lapses(process int) []lapse
	// away tells whether somebody may not have got to what is shared at some time in between.
	away(from, to time.Time) bool
	// calm waits until the pool is up, and is killed no more.
	calm()
}

// lapse is a time in which a process could not write down what it was told: an instant where it was killed, and where it has
// ceased to decide all of the time until somebody else did.
type lapse struct{ from, to time.Time }

// world is a pool that is killed again and again, its servers, and what is known of both.
type world struct {
	pool

	t     *testing.T
	dir   string
	spool string // where the pool looks for archives
	made  string // where servers put those that they have made
	base  string // where front ends and servers reach the pool

	successive bool // of its processes there is one at a time

	sim     *simulator.Simulator
	tenants []*tenant
	tokens  tokens
	calls   calls
	courier courier
}

func (w *world) secret(tenant, name string) string { return "secret of " + tenant + " " + name }

// newWorld starts everything but the pool. Its data and logs are in a temporary directory: below BBBPOOL_TEST_STORM_DIR, for
// whoever wants to look into them afterwards, if that is set.
func newWorld(t *testing.T, name string) *world {
	t.Helper()
	dir := t.TempDir()
	if keep := os.Getenv("BBBPOOL_TEST_STORM_DIR"); keep != "" {
		dir = filepath.Join(keep, fmt.Sprint(name, "-", time.Now().UnixMilli()))
	}
	w := &world{t: t, tenants: []*tenant{{"physics"}, {"music"}}, tokens: tokens{seen: map[string]string{}}}
	w.dir = dir
	w.spool, w.made = filepath.Join(w.dir, "shared", "spool"), filepath.Join(w.dir, "made")
	for _, dir := range []string{w.spool, w.made} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.calls.stir = make(chan struct{}, 1)
	w.simulate(3)
	return w
}

// simulate starts servers, which call back as they do, and list a meeting for a moment after they have told of its end.
func (w *world) simulate(n int) {
	w.t.Helper()
	sim, err := simulator.New(simulator.Config{
		Servers: n, Secret: "secret-of-servers", SpoolDir: w.made, RecordingDelay: 100 * time.Millisecond,
		Client: &http.Client{Transport: &w.calls}, CallbackTimeout: 2 * time.Second,
		Life: simulator.Settings{
			NeverJoined: time.Hour, Deserted: time.Hour, Linger: 50 * time.Millisecond, Step: 20 * time.Millisecond,
			Notice: 200 * time.Millisecond,
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	w.sim = sim
}

// enlist writes servers and tenants into the store, as operators have done before, and starts to bring recordings.
func (w *world) enlist(config driver.Config) {
	w.t.Helper()
	config.Log = zerolog.Nop()
	stores, err := driver.Open(config)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	if stores.Leases != nil {
		_, release, err := moving.Hold(w.t.Context(), stores)
		if err != nil {
			w.t.Fatal(err)
		}
		defer release()
	}
	w.courier.tokens = map[string]string{}
	for _, s := range w.sim.Servers() {
		server := store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1}
		if err := stores.State.CreateServer(w.t.Context(), server); err != nil {
			w.t.Fatal(err)
		}
		token := upload.Token(server)
		w.courier.tokens[s.ID()] = token.Reveal()
	}
	for _, one := range w.tenants {
		made := store.Tenant{ID: one.id, Name: one.id, Scoped: true}
		for _, name := range secretNames {
			made.Secrets = append(made.Secrets, store.TenantSecret{Name: name, Secret: store.Secret(w.secret(one.id, name))})
		}
		if _, err := stores.State.CreateTenant(w.t.Context(), made); err != nil {
			w.t.Fatal(err)
		}
	}
	w.bring()
}

// client keeps no connections: those to a process that was killed are no good.
var client = children.Client()

// call makes a call of BigBlueButton's API as a tenant's front end does; "" where nobody has answered.
func (w *world) call(of *tenant, secret, call string, params url.Values) string {
	query := bbb.SHA256.Sign(call, params.Encode(), bbb.Secret(w.secret(of.id, secret)))
	r, err := children.Ask(http.MethodGet, w.base+"/bigbluebutton/api/"+call+"?"+query, nil, nil, 10*time.Second)
	if err != nil || r.Status != http.StatusOK {
		return ""
	}
	return r.Body
}

// calls are what servers call back, and what was answered.
type calls struct {
	stir chan struct{}

	mu   sync.Mutex
	made int
	took map[string]time.Time // what was answered 200, and when first: addresses without their query, and whom attendance is of
}

// RoundTrip makes the call of a server.
func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case c.stir <- struct{}{}:
	default:
	}
	var told struct {
		InternalID string `json:"internal_meeting_id"`
	}
	if text, _ := io.ReadAll(r.Body); len(text) > 0 {
		_ = json.Unmarshal(text, &told) // what is no attendance stays without
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	resp, err := client.Transport.RoundTrip(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	if err == nil && resp.StatusCode == http.StatusOK {
		if c.took == nil {
			c.took = map[string]time.Time{}
		}
		at := cmp.Or(told.InternalID, "http://"+r.URL.Host+r.URL.Path)
		if _, before := c.took[at]; !before {
			c.took[at] = time.Now()
		}
	}
	return resp, err
}

// taken tells when the pool has first answered a server at an address with 200; zero for never.
func (c *calls) taken(at string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took[at]
}
