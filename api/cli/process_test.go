package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

const frontEndSecret = "front-end-secret"

// binary is the program as it is built for these tests, by the first that needs it.
var binary struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	var err error
	if binary.dir, err = os.MkdirTemp("", "bbbpool-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(binary.dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// build makes the program, with the race detector if the tests have it.
func build(t *testing.T) string {
	t.Helper()
	binary.Do(func() {
		args := []string{"build", "-o", binary.dir}
		if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, "../..")...).CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "bbbpool")
}

// command prepares to run bbbpool.
func command(t *testing.T, data string, args ...string) *exec.Cmd {
	t.Helper()
	return (&program{path: build(t), data: data}).command(args...)
}

// bbbpool runs a command to its end and returns what it printed on the standard output.
func bbbpool(t *testing.T, data string, args ...string) string {
	t.Helper()
	cmd := command(t, data, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bbbpool %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// process is a bbbpool that serves.
type process struct {
	*exec.Cmd
	api  string // of the front ends
	base string
	log  *transcript
	read chan struct{}
}

// transcript is what a process has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// boot starts the program and returns when it listens.
func boot(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return serving(t, command(t, data, append([]string{"serve", "--listen", "127.0.0.1:0", "--poll-interval", "500ms"}, args...)...))
}

// serving starts a command that serves, and returns when it listens.
func serving(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd, log: &transcript{}, read: make(chan struct{})}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewReader(stderr)
	for p.api == "" {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("bbbpool ended before it served: %v\n%s", err, p.log)
		}
		_, _ = p.log.Write(line) // never fails
		var entry struct{ Message, Listen string }
		if json.Unmarshal(line, &entry) == nil && entry.Message == "serving" {
			p.base = "http://" + entry.Listen
			p.api = p.base + "/bigbluebutton/api"
		}
	}
	go func() {
		_, _ = io.Copy(p.log, lines)
		close(p.read)
	}()
	return p
}

// end waits for the process to be over, however that came about, and returns its log.
func (p *process) end() (string, error) {
	<-p.read
	err := p.Wait()
	return p.log.String(), err
}

// terminate asks the process to end, as systemd does.
func (p *process) terminate(t *testing.T) string {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	log, err := p.end()
	if err != nil {
		t.Fatalf("bbbpool ended with %v\n%s", err, log)
	}
	return log
}

// call makes a call as a front end does.
func (p *process) call(ctx context.Context, call, query string) (bbb.Answer, error) {
	client := bbb.NewClient(bbb.Endpoint{URL: p.api, Secret: frontEndSecret}, http.DefaultTransport, 30*time.Second)
	return client.Answer(ctx, call, query)
}

func (p *process) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get(p.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// waitReady waits until the process says that it can do its work.
func (p *process) waitReady(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		status, body := p.get(t, "/readyz")
		if status == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not ready: %s", body)
		}
	}
}

// simulated runs simulated servers until the test ends.
func simulated(t *testing.T, n int) []*simulator.Server {
	t.Helper()
	sim, err := simulator.New(simulator.Config{Servers: n})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return sim.Servers()
}

// addServers puts simulated servers into a pool.
func addServers(t *testing.T, data string, servers []*simulator.Server) {
	t.Helper()
	for _, s := range servers {
		id := bbbpool(t, data, "server", "add", s.URL(), "--secret", string(s.Secret()), "--id", s.ID(), "--enable")
		if strings.TrimSpace(id) != s.ID() {
			t.Fatalf("server add printed %q", id)
		}
	}
}
