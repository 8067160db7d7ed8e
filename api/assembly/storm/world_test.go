package storm_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// tenant is one of those that share the pool.
type tenant struct{ id string }

// secretNames are the names of the secrets that each tenant has.
var secretNames = []string{"one", "two"}

// secretOf is the secret that signs the creates of a room.
func secretOf(mood int) string { return secretNames[mood%2] }

// world is a pool that is killed again and again, its servers, and what is known of both.
type world struct {
	t       *testing.T
	config  childConfig
	sim     *simulator.Simulator
	tenants []*tenant
	log     *os.File
	tokens  tokens
	calls   calls

	mu     sync.Mutex
	cmd    *exec.Cmd
	done   chan struct{}
	killed []time.Time     // when each process was
	starts []time.Duration // how long each took until it answered
}

func (w *world) secret(tenant, name string) string { return "secret of " + tenant + " " + name }

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := os.Getenv("BBBPOOL_TEST_STORM_DIR") // for whoever wants to look into it afterwards
	if dir == "" {
		dir = t.TempDir()
	}
	w := &world{t: t, tenants: []*tenant{{"physics"}, {"music"}}, tokens: tokens{seen: map[string]string{}}}
	w.config = childConfig{
		Data: filepath.Join(dir, "data"), Spool: filepath.Join(dir, "spool"), Listen: fmt.Sprint("127.0.0.1:", daemon.FreePort(t)),
	}
	w.calls.stir = make(chan struct{}, 1)
	var err error
	if w.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	w.simulate(3)
	w.enlist()
	w.start()
	t.Cleanup(w.stop)
	return w
}

// simulate starts servers, which call back as they do, and list a meeting for a moment after they have told of its end.
func (w *world) simulate(n int) {
	w.t.Helper()
	if err := os.MkdirAll(w.config.Spool, 0o755); err != nil {
		w.t.Fatal(err)
	}
	sim, err := simulator.New(simulator.Config{
		Servers: n, Secret: "secret-of-servers", SpoolDir: w.config.Spool, RecordingDelay: 100 * time.Millisecond,
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

// enlist writes servers and tenants into the store, as operators have done before.
func (w *world) enlist() {
	w.t.Helper()
	stores, err := driver.Open(driver.Config{Data: w.config.Data, Log: zerolog.Nop()})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	for _, s := range w.sim.Servers() {
		if err := stores.State.CreateServer(w.t.Context(), store.Server{
			ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1,
		}); err != nil {
			w.t.Fatal(err)
		}
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
}

// start starts the process, which ends with the test's at the latest.
func (w *world) start() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.config.Epoch = len(w.killed)
	config, err := json.Marshal(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(config))
	cmd.Stdout, cmd.Stderr = w.log, w.log
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		w.t.Fatal(err)
	}
	w.cmd, w.done = cmd, done
}

// kill ends the process at once, and returns when it is gone.
func (w *world) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.done:
		w.t.Errorf("process %d has ended by itself", len(w.killed))
	default:
	}
	w.killed = append(w.killed, time.Now())
	_ = w.cmd.Process.Kill()
	<-w.done
}

// up waits until the process answers, and notes how long that took.
func (w *world) up() {
	w.t.Helper()
	began := time.Now()
	for time.Since(began) < 30*time.Second {
		if status, _, err := w.get("/healthz", time.Second); err == nil && status == http.StatusOK {
			w.starts = append(w.starts, time.Since(began))
			return
		}
		time.Sleep(3 * time.Millisecond)
	}
	w.t.Fatalf("process %d does not start", w.config.Epoch)
}

// stop ends the process as an operator does, and looks whether one of all has ended for a reason of its own.
func (w *world) stop() {
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.done:
	case <-time.After(20 * time.Second):
		w.t.Error("the pool does not end")
		w.kill()
	}
	log, err := os.ReadFile(w.log.Name())
	if err != nil {
		w.t.Error(err)
	}
	for _, end := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: ", "the pool has failed: "} {
		if _, rest, found := strings.Cut(string(log), end); found {
			w.t.Errorf("%s%.3000s", end, rest)
		}
	}
	if w.t.Failed() {
		lines := strings.Split(string(log), "\n")
		w.t.Logf("log:\n%s", strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
}

// client keeps no connections: those to a process that was killed are no good.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext},
}

func (w *world) get(path string, patience time.Duration) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.config.Listen+path, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// call makes a call of BigBlueButton's API as a tenant's front end does; "" where nobody has answered.
func (w *world) call(of *tenant, secret, call string, params url.Values) string {
	query := bbb.SHA256.Sign(call, params.Encode(), bbb.Secret(w.secret(of.id, secret)))
	status, body, err := w.get("/bigbluebutton/api/"+call+"?"+query, 5*time.Second)
	if err != nil || status != http.StatusOK {
		return ""
	}
	return body
}

// admin is what operators have.
func (w *world) admin() *v1.Client {
	w.t.Helper()
	c, err := v1.NewSocketClient(w.config.Data)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
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
