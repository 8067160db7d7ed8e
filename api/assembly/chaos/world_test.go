package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

const secret = "secret-of-the-pool"

// deserted is how long meetings wait for people once all have left, before they end by themselves.
const deserted = 300 * time.Millisecond

// world is a pool of several instances, and everything that is between them.
type world struct {
	t         *testing.T
	redis     *daemon.Redis
	postgres  *daemon.Postgres
	servers   []*simulator.Server
	tokens    []string // with which servers send recordings
	instances []*instance
}

// instance is a process, and what is between it and the rest.
type instance struct {
	name             string
	config           instanceConfig
	toRedis, toIndex *toxiproxy.Proxy
	toUs             *toxiproxy.Proxy // from other instances
	log              *os.File

	mu     sync.Mutex
	cmd    *exec.Cmd
	gate   io.WriteCloser
	done   chan struct{}
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
	w := &world{t: t, redis: daemon.NewRedis(t, "--save", "", "--appendonly", "no"), postgres: daemon.NewPostgres(t)}
	t.Cleanup(w.redis.Remove)
	t.Cleanup(w.postgres.Remove)
	w.simulate(servers)
	dir, database := directory(t), w.postgres.URL(t)
	_, path, _ := strings.Cut(strings.TrimPrefix(database, "postgres://postgres@"), "/")
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for i := range n {
		name := fmt.Sprint("instance", i+1)
		in := &instance{name: name, config: instanceConfig{
			Data: filepath.Join(dir, name), Shared: filepath.Join(dir, "shared"), Secret: secret,
			Listen: fmt.Sprint("127.0.0.1:", daemon.FreePort(t)), Between: fmt.Sprint("127.0.0.1:", daemon.FreePort(t)),
		}}
		in.toRedis = w.proxy(proxies, name+"-redis", w.redis.Addr)
		in.toIndex = w.proxy(proxies, name+"-postgres", w.postgres.Addr)
		in.toUs = w.proxy(proxies, name, in.config.Between)
		in.config.Redis = "redis://" + in.toRedis.Listen + "/0"
		in.config.Postgres = "postgres://postgres@" + in.toIndex.Listen + "/" + path
		in.config.Address = in.toUs.Listen
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		in.log = log
		w.instances = append(w.instances, in)
		in.start(t)
	}
	t.Cleanup(w.stop)
	w.ready()
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

func (w *world) proxy(all *toxiproxy.ApiServer, name, upstream string) *toxiproxy.Proxy {
	w.t.Helper()
	p := toxiproxy.NewProxy(all, name, fmt.Sprint("127.0.0.1:", daemon.FreePort(w.t)), upstream)
	if err := p.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Stop)
	return p
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

// start starts the process of an instance, which ends with the test's at the latest.
func (in *instance) start(t *testing.T) {
	t.Helper()
	config, err := json.Marshal(in.config)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(config))
	cmd.Stdout, cmd.Stderr = in.log, in.log
	gate, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		cmd.SysProcAttr = dieWithUs()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.cmd, in.gate, in.done = cmd, gate, done
}

// signal sends a signal to the process of an instance.
func (in *instance) signal(s syscall.Signal) {
	in.mu.Lock()
	defer in.mu.Unlock()
	_ = in.cmd.Process.Signal(s)
}

// kill ends the process at once, and returns when it is gone.
func (in *instance) kill() {
	in.signal(syscall.SIGKILL)
	<-in.done
}

// say tells the process what of its network to servers is cut.
func (in *instance) say(format string, args ...any) {
	in.mu.Lock()
	defer in.mu.Unlock()
	_, _ = fmt.Fprintf(in.gate, format+"\n", args...)
}

func (w *world) stop() {
	for _, in := range w.instances {
		in.signal(syscall.SIGCONT)
		in.signal(syscall.SIGTERM)
		select {
		case <-in.done:
		case <-time.After(20 * time.Second):
			w.t.Errorf("%s does not end", in.name)
			in.kill()
		}
	}
	for _, in := range w.instances {
		in.sound(w.t)
	}
	if w.t.Failed() {
		for _, in := range w.instances {
			log, _ := os.ReadFile(in.log.Name())
			w.t.Logf("%s:\n%s", in.name, tail(log, 60))
		}
	}
}

// sound checks that no process has ended for a reason of its own: nobody else would notice among so many ends.
func (in *instance) sound(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(in.log.Name())
	if err != nil {
		t.Error(err)
	}
	for _, end := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
		if _, rest, found := strings.Cut(string(log), "\n"+end); found {
			t.Errorf("%s: %s%.3000s", in.name, end, rest)
		}
	}
}

// tail is the last lines of a text.
func tail(text []byte, lines int) string {
	all := strings.Split(string(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// ready waits until every instance serves.
func (w *world) ready() {
	w.t.Helper()
	for _, in := range w.instances {
		deadline := time.Now().Add(60 * time.Second)
		for {
			status, body, err := in.get("/readyz", 2*time.Second)
			if err == nil && status == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("%s is not ready: %d %s %v", in.name, status, body, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// client goes nowhere that it is sent to, and keeps no connections: those to a process that dies are no good.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext},
}

// reply is what somebody has answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask makes a request of anybody, and waits only so long for all of the answer.
func ask(method, target string, header http.Header, body io.Reader, patience time.Duration) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return reply{}, err
	}
	maps.Copy(req.Header, header)
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, err
}

func (in *instance) url(path string) string { return "http://" + in.config.Listen + path }

func (in *instance) get(path string, patience time.Duration) (status int, body string, err error) {
	r, err := ask(http.MethodGet, in.url(path), nil, nil, patience)
	return r.status, r.body, err
}

// call makes a call of BigBlueButton's API at an instance.
func (in *instance) call(call string, params url.Values, patience time.Duration) (body string, err error) {
	r, err := in.callAs(secret, call, params, patience)
	return r.body, err
}

// callAs makes a call as a tenant, with its secret.
func (in *instance) callAs(secret bbb.Secret, call string, params url.Values, patience time.Duration) (reply, error) {
	query := bbb.SHA256.Sign(call, params.Encode(), secret)
	r, err := ask(http.MethodGet, in.url("/bigbluebutton/api/"+call+"?"+query), nil, nil, patience)
	if err == nil && r.status != http.StatusOK && r.status != http.StatusFound {
		err = fmt.Errorf("status %d: %.200s", r.status, r.body)
	}
	return r, err
}

// administrate asks the first instance for something, by the socket that its operators have, and returns the answer.
func (w *world) administrate(method, path, body string) string {
	w.t.Helper()
	socket, err := v1.SocketPath(w.instances[0].config.Data)
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
