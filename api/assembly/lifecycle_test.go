package assembly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/store"
)

const secret = "front-end-secret"

// options are those of a pool in a data directory of its own.
func options(t testing.TB) assembly.Options {
	t.Helper()
	set, err := assembly.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	set.HTTP.Listen, set.HTTP.PublicURL, set.Gateway.Secret = "127.0.0.1:0", "https://pool.test", secret
	dir, err := os.MkdirTemp("", "pool") //nolint:usetesting // a look at the disk that is under way outlives its pool for a moment
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error(err)
	})
	return assembly.Options{Settings: set, Data: filepath.Join(dir, "data"), Log: zerolog.Nop()}
}

func open(t testing.TB, o assembly.Options) *assembly.Pool {
	t.Helper()
	p, err := assembly.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a pool until the test ends, or until the returned function is called.
func run(t testing.TB, p *assembly.Pool, others ...api.Runner) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, ended := make(chan struct{}), error(nil)
	go func() {
		ended = p.Run(ctx, others...)
		close(done)
	}()
	stop = func() error {
		cancel()
		<-done
		return ended
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

// get asks a pool for a page of its own.
func get(t testing.TB, addr, path string) (status int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// ready waits until a pool is ready, and has looked at its directories.
func ready(t testing.TB, p *assembly.Pool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, body := get(t, p.Addr(), "/readyz")
		if status == http.StatusOK && body == "ready\n" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz: %d %q", status, body)
		}
	}
}

// call makes a call as a front end with this secret does, and returns what comes back.
func call(t testing.TB, p *assembly.Pool, secret bbb.Secret, call, query string) string {
	t.Helper()
	_, body := get(t, p.Addr(), "/bigbluebutton/api/"+call+"?"+bbb.SHA256.Sign(call, query, secret))
	return body
}

// free returns an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// givenBack checks that nobody holds what a pool with these options has taken: it opens another one with them.
func givenBack(t *testing.T, o assembly.Options) {
	t.Helper()
	if answers, err := v1.SocketAnswers(o.Data); answers || err != nil {
		t.Errorf("somebody answers on the socket: %v %v", answers, err)
	}
	p, err := assembly.Open(t.Context(), o)
	if err != nil {
		t.Errorf("not given back: %v", err)
		return
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

// A pool that is told to end leaves nothing behind, and can be opened again where it was; one that never ran, too.
func TestPool_StartStop(t *testing.T) {
	o := options(t)
	o.Settings.HTTP.Listen = free(t)
	before := runtime.NumGoroutine()
	for range 3 {
		p := open(t, o)
		stop := run(t, p)
		ready(t, p)
		if answers, err := v1.SocketAnswers(o.Data); !answers || err != nil {
			t.Errorf("the socket: %v %v", answers, err)
		}
		http.DefaultClient.CloseIdleConnections()
		if err := stop(); err != nil {
			t.Error(err)
		}
		givenBack(t, o)
	}
	deadline := time.Now().Add(10 * time.Second) // net/http's goroutines end when their connections are seen to be closed
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}

// Whatever step fails, what the steps before it have taken is given back.
func TestOpen_FailsHalfWay(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*testing.T, *assembly.Options) (mend func())
		want  string
	}{
		"the store": {func(_ *testing.T, o *assembly.Options) func() {
			data := o.Data
			o.Data = ""
			return func() { o.Data = data }
		}, "--data"},
		"recordings": {func(t *testing.T, o *assembly.Options) func() {
			return block(t, filepath.Join(o.Data, "recordings.json.new"))
		}, "recordings.json"},
		"playback": {func(t *testing.T, o *assembly.Options) func() {
			return block(t, filepath.Join(o.Data, "playback.key"))
		}, "playback.key"},
		"the gateway": {func(_ *testing.T, o *assembly.Options) func() {
			algorithms := o.Settings.Gateway
			o.Settings.Gateway.Algorithms = []string{"md5"}
			return func() { o.Settings.Gateway = algorithms }
		}, "md5"},
		"the address": {func(t *testing.T, o *assembly.Options) func() {
			return listen(t, o.Settings.HTTP.Listen)
		}, "choose another with --listen"},
		"the address of the status": {func(t *testing.T, o *assembly.Options) func() {
			o.Settings.HTTP.StatusListen = free(t)
			return listen(t, o.Settings.HTTP.StatusListen)
		}, "choose another with --status-listen"},
		"the socket": {func(t *testing.T, o *assembly.Options) func() {
			return block(t, filepath.Join(o.Data, "bbbpool.sock"))
		}, "in the way of the socket"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			o.Settings.HTTP.Listen = free(t)
			givenBack(t, o) // and there is a pool
			mend := c.spoil(t, &o)
			p, err := assembly.Open(t.Context(), o)
			if err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want an error about %s", err, c.want)
			}
			mend()
			givenBack(t, o)
		})
	}
}

// block puts a directory with something in it where a file is wanted.
func block(t *testing.T, path string) (remove func()) {
	t.Helper()
	if strings.HasSuffix(path, ".json.new") { // it is written where the settings have changed
		if err := os.Remove(strings.TrimSuffix(path, ".new")); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Remove(path)
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.RemoveAll(path); err != nil {
			t.Error(err)
		}
	}
}

// listen takes an address.
func listen(t *testing.T, addr string) (leave func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = l.Close() }
}

// A pool that is told to end while it starts ends, at whatever step it is, and gives everything back.
func TestOpen_StopWhileStarting(t *testing.T) {
	o := options(t)
	o.Settings.HTTP.Listen = free(t)
	givenBack(t, o)
	opened := 0
	for i := range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(i)*time.Millisecond/2, cancel)
		p, err := assembly.Open(ctx, o)
		switch {
		case err == nil:
			opened++
			timer.Stop()
			cancel()
			if err := p.Run(ctx); err != nil {
				t.Errorf("run, told to end at once: %v", err)
			}
		case !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "operation was canceled"):
			t.Errorf("open: %v", err)
		}
		cancel()
		givenBack(t, o)
	}
	if opened == 0 {
		t.Error("no pool was ever opened")
	}
}

// broken is a part that fails at once, or when it is told to.
type broken chan struct{}

func (b broken) Run(context.Context) error {
	<-b
	return errors.New("a part has failed")
}

// Where one part fails the others end in order, and the pool says what has failed.
func TestPool_Run_PartFails(t *testing.T) {
	o := options(t)
	o.Settings.HTTP.Listen = free(t)
	p, part, done := open(t, o), make(broken), make(chan error, 1)
	go func() { done <- p.Run(t.Context(), part) }()
	if status, _ := get(t, p.Addr(), "/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	http.DefaultClient.CloseIdleConnections()
	close(part)
	if err := <-done; err == nil || err.Error() != "a part has failed" {
		t.Errorf("run: %v", err)
	}
	givenBack(t, o)
}

// A pool that has ended says so to whoever would have it run or read again, and touches nothing.
func TestPool_RunTwice(t *testing.T) {
	o := options(t)
	o.Settings.HTTP.Listen = free(t)
	ended := open(t, o)
	if err := run(t, ended)(); err != nil {
		t.Fatal(err)
	}
	closed := open(t, o)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	offline, err := assembly.Offline(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*assembly.Pool{"ended": ended, "closed": closed, "offline": offline} {
		if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "open another") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ended.Reload(t.Context()); err == nil {
		t.Error("reload after the end: no error")
	}
	if err := offline.Close(); err != nil {
		t.Error(err)
	}
	givenBack(t, o)
}

// Two pools in one process know nothing of one another: each has its records, its metrics and its problems.
func TestPool_Two(t *testing.T) {
	first, second := options(t), options(t)
	second.Settings.Gateway.Secret = "another-secret"
	second.Settings.HTTP.MaxRequests = 7
	second.Environ = []string{"RAILS_ENV=production"}
	one, other := open(t, first), open(t, second)
	run(t, one)
	stop := run(t, other)
	ready(t, one)
	ready(t, other)
	for range 3 {
		call(t, one, secret, "getMeetings", "")
	}
	call(t, other, "another-secret", "getMeetings", "")
	if got := call(t, other, secret, "getMeetings", ""); !strings.Contains(got, "checksumError") {
		t.Errorf("the other's secret: %s", got)
	}
	const series = `bbbpool_requests_total{call="getMeetings",outcome="SUCCESS"} `
	for p, want := range map[*assembly.Pool][]string{
		one: {series + "3\n", "bbbpool_connections_limit "}, other: {series + "1\n", "bbbpool_connections_limit 14\n"},
	} {
		_, page := get(t, p.Addr(), "/metrics")
		for _, line := range want {
			if !strings.Contains(page, line) {
				t.Errorf("no %q", line)
			}
		}
	}
	if list := one.Problems.List(t.Context()); len(list) != 0 {
		t.Errorf("problems of the first: %v", list)
	}
	if list := other.Problems.List(t.Context()); len(list) != 1 || !strings.Contains(list[0].Text, "RAILS_ENV") {
		t.Errorf("problems of the second: %v", list)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if status, _ := get(t, one.Addr(), "/readyz"); status != http.StatusOK {
		t.Errorf("the first without the second: %d", status)
	}
}

// Commands do not open the data of a pool that somebody runs; once nobody does, they find what it has left.
func TestOffline(t *testing.T) {
	o := options(t)
	p := open(t, o)
	stop := run(t, p)
	if _, err := assembly.Offline(t.Context(), o); !errors.Is(err, store.ErrLocked) {
		t.Errorf("beside one that runs: %v", err)
	}
	err := p.Stores.State.CreateServer(t.Context(), store.Server{ID: "a", URL: "http://a.test", Secret: "s", State: store.Cordoned, Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	o.Environ = []string{"RAILS_ENV=production"}
	p, err = assembly.Offline(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	client := v1.NewClient(v1.HandlerTransport(p.Administration()), "http://bbbpool", "")
	if servers, err := client.Servers.List(t.Context()); err != nil || len(servers) != 1 || servers[0].ID != "a" {
		t.Errorf("servers: %+v %v", servers, err)
	}
	check, err := client.Pool.Check(t.Context())
	if diff := cmp.Diff([]string{"settings of Scalelite that mean nothing here: RAILS_ENV"}, check.Advice); err != nil || diff != "" {
		t.Errorf("advice, %v (-want +got):\n%s", err, diff)
	}
	if _, err := assembly.Open(t.Context(), o); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a pool beside a command: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	givenBack(t, o)
}

// What changed in the store is in force after a reload, and stays as it was where the store cannot be read.
func TestPool_Reload(t *testing.T) {
	o := options(t)
	o.Settings.Gateway.Secret = ""
	p := open(t, o)
	run(t, p)
	change := func(secret store.Secret) {
		t.Helper()
		if _, err := p.Stores.State.UpdateTenant(t.Context(), store.DefaultTenant, func(tenant *store.Tenant) error {
			tenant.Secrets = []store.TenantSecret{{Name: "n1", Secret: secret}}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	works := func(secret bbb.Secret, want bool) {
		t.Helper()
		if got := call(t, p, secret, "getMeetings", ""); strings.Contains(got, "SUCCESS") != want {
			t.Errorf("with %s: %s", secret, got)
		}
	}
	change("new-secret")
	works("new-secret", false)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Reload(gone); err == nil {
		t.Error("reload: no error")
	}
	works("new-secret", false)
	if err := p.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	works("new-secret", true)
	change("third-secret")
	if err := p.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	works("new-secret", false)
	works("third-secret", true)
}

// Settings without a command line are those of one on which nothing is said, whatever the environment says.
func TestDefaults(t *testing.T) {
	for _, name := range []string{"POLL_INTERVAL", "BBBPOOL_LISTEN", "BBBPOOL_MAX_REQUESTS", "LOADBALANCER_SECRET"} {
		if value, set := os.LookupEnv(name); set {
			t.Skipf("%s is set to %s", name, value)
		}
	}
	var want assembly.Settings
	if err := cli.Defaults(&want); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POLL_INTERVAL", "7s")
	t.Setenv("BBBPOOL_LISTEN", "127.0.0.1:1")
	t.Setenv("BBBPOOL_MAX_REQUESTS", "nonsense")
	got, err := assembly.Defaults()
	if diff := cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got.HTTP.MaxRequests == 0 || got.Poller.Interval == 0 || got.Recordings.Parallel == 0 {
		t.Errorf("something is missing: %+v", got)
	}
}
