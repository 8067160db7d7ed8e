package chaos_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

const secret = "secret-of-the-pool"

// deserted is how long meetings wait for people once all have left, before they end by themselves.
const deserted = 300 * time.Millisecond

// world is a pool of several instances, and everything that is between them.
type world struct {
	*children.Several

	t         *testing.T
	servers   []*simulator.Server
	instances []*instance
	sender    children.Sender // of recordings
	tokens    []string        // with which servers send them
}

// instance is one of them, and what is wrong with it.
type instance struct {
	*children.Instance

	mu     sync.Mutex
	sick   int       // how much is wrong with it
	healed time.Time // when something last ceased to be
}

// ail notes that something is wrong with an instance, or no more.
func (in *instance) ail(n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.sick += n; n < 0 {
		in.healed = time.Now()
	}
}

// newWorld starts everything: n instances on one Redis and one PostgreSQL, over simulated servers.
func newWorld(t *testing.T, n, servers int) *world {
	t.Helper()
	w := &world{t: t, Several: children.NewSeveral(t, n, childEnv, directory(t))}
	w.simulate(servers)
	for _, one := range w.Instances {
		in := &instance{Instance: one}
		w.instances = append(w.instances, in)
		in.start(t)
	}
	t.Cleanup(func() { w.Stop(t) })
	w.sender.At = func(random *rand.Rand) string { return w.instances[random.IntN(len(w.instances))].URL("") }
	w.Ready(t)
	return w
}

// directory is where instances have their data and their logs: BBBPOOL_TEST_CHAOS_DIR, for whoever wants to look into them
// afterwards.
func directory(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("BBBPOOL_TEST_CHAOS_DIR"); dir != "" {
		return dir
	}
	return t.TempDir()
}

func (w *world) simulate(n int) {
	w.t.Helper()
	sim, err := simulator.New(simulator.Config{
		Servers: n, Secret: "secret-of-servers",
		Life: simulator.Settings{NeverJoined: time.Hour, Deserted: deserted, Linger: time.Millisecond, Step: 50 * time.Millisecond},
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
	w.servers = sim.Servers()
}

// start starts the process of an instance.
func (in *instance) start(t *testing.T) { in.Start(t, instanceConfig{in.Config, secret}) }

// call makes a call of BigBlueButton's API at an instance.
func (in *instance) call(call string, params url.Values, patience time.Duration) (body string, err error) {
	r, err := in.callAs(secret, call, params, patience)
	return r.Body, err
}

// callAs makes a call as a tenant, with its secret.
func (in *instance) callAs(secret bbb.Secret, call string, params url.Values, patience time.Duration) (children.Reply, error) {
	query := bbb.SHA256.Sign(call, params.Encode(), secret)
	r, err := in.Get("/bigbluebutton/api/"+call+"?"+query, patience)
	if err == nil && r.Status != http.StatusOK && r.Status != http.StatusFound {
		err = fmt.Errorf("status %d: %.200s", r.Status, r.Body)
	}
	return r, err
}

// administrate asks the first instance for something, by the socket that its operators have, and returns the answer.
func (w *world) administrate(method, path, body string) string {
	w.t.Helper()
	socket, err := v1.SocketPath(w.Instances[0].Config.Data)
	if err != nil {
		w.t.Fatal(err)
	}
	local := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://admin"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := local.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
	}
	return string(text)
}
