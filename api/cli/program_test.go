package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// program is bbbpool itself, as a process that serves.
type program struct {
	path, data, api string
	env             []string // besides that of the test
}

func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, args...)
	cmd.Env = append(os.Environ(), "BBBPOOL_DATA="+p.data, "LOADBALANCER_SECRET="+frontEndSecret)
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// try runs a command and returns what it prints, on the standard output first, and how it ended.
func (p *program) try(args ...string) (string, error) {
	cmd := p.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String() + errs.String(), err
}

// do runs a command that must not fail.
func (p *program) do(t *testing.T, args ...string) string {
	t.Helper()
	said, err := p.try(args...)
	if err != nil {
		t.Fatalf("bbbpool %v: %v\n%s", args, err, said)
	}
	return said
}

// serve runs the program until the test ends.
func (p *program) serve(t *testing.T) {
	t.Helper()
	process := serving(t, p.command("serve", "--listen", "127.0.0.1:0", "--spool-rest", "50ms", "--poll-interval", "300ms"))
	t.Cleanup(func() { process.terminate(t) })
	p.api = process.api
}

// call makes a call as a front end does.
func (p *program) call(t *testing.T, call string, params url.Values) {
	t.Helper()
	client := bbb.NewClient(bbb.Endpoint{URL: p.api, Secret: frontEndSecret}, http.DefaultTransport, 10*time.Second)
	answer, err := client.Answer(t.Context(), call, params.Encode())
	if err == nil && answer.Err != nil {
		err = answer.Err
	}
	if err != nil {
		t.Fatalf("%s: %v", call, err)
	}
}

// list decodes what a command prints in JSON.
func list[T any](t *testing.T, p *program, args ...string) (list []T) {
	t.Helper()
	text := p.do(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, text)
	}
	return list
}

// state returns the state of a server.
func (p *program) state(t *testing.T, id string) string {
	t.Helper()
	type server struct{ ID, State string }
	servers := list[server](t, p, "server", "list")
	i := slices.IndexFunc(servers, func(s server) bool { return s.ID == id })
	return servers[i].State
}

// recorded counts the recordings of a meeting that have arrived.
func (p *program) recorded(t *testing.T, meetingID string) int {
	t.Helper()
	return len(list[struct{}](t, p, "recording", "list", "--state", "published", "--meeting", meetingID))
}

// draining starts a pool of two servers with a recorded meeting on the first of them, and drains that. It returns the
// command that waits for it.
func draining(t *testing.T, path string, cfg simulator.Config, args ...string) (*program, *exec.Cmd, *bytes.Buffer) {
	t.Helper()
	p := &program{path: path, data: t.TempDir()}
	cfg.Servers = 2
	if cfg.SpoolDir != "" {
		cfg.SpoolDir = filepath.Join(p.data, "recordings", "spool")
		if err := os.MkdirAll(cfg.SpoolDir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sim, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p.serve(t)
	for i, s := range sim.Servers() {
		p.do(t, "server", "add", s.URL(), "--secret", string(s.Secret()), "--id", s.ID(), "--enable")
		if i == 0 {
			p.call(t, "create", url.Values{"name": {"Taped"}, "meetingID": {"taped"}, "record": {"true"}, "autoStartRecording": {"true"}})
		}
	}
	cmd := p.command(append([]string{"server", "drain", "sim1", "--wait"}, args...)...)
	said := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is draining", func() bool { return p.state(t, "sim1") == "draining" })
	return p, cmd, said
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// A server that is drained takes nothing new, keeps its meeting until that is over, and its recording must have arrived
// before it is out of use.
func TestServerDrainCmd_Program(t *testing.T) {
	path := build(t)
	t.Run("arrives late", func(t *testing.T) {
		t.Parallel()
		p, cmd, said := draining(t, path, simulator.Config{SpoolDir: "of the pool", RecordingDelay: 2 * time.Second})
		for i := range 5 {
			p.call(t, "create", url.Values{"name": {"New"}, "meetingID": {"new" + strconv.Itoa(i)}})
		}
		servers := map[string]int{}
		for _, m := range list[struct{ Server string }](t, p, "meeting", "list") {
			servers[m.Server]++
		}
		if servers["sim1"] != 1 || servers["sim2"] != 5 {
			t.Errorf("meetings by server: %v", servers)
		}
		p.call(t, "end", url.Values{"meetingID": {"taped"}})
		early := 0
		eventually(t, "it is disabled", func() bool {
			state, arrived := p.state(t, "sim1"), p.recorded(t, "taped")
			if state == "draining" && arrived == 0 {
				early++
			}
			if state == "disabled" && arrived == 0 {
				t.Fatal("disabled before the recording was there")
			}
			return state == "disabled"
		})
		if early == 0 {
			t.Error("nobody has waited for the recording")
		}
		if err := cmd.Wait(); err != nil || !strings.HasSuffix(said.String(), "server sim1: drained and disabled\n") {
			t.Errorf("%v\n%s", err, said)
		}
		for _, step := range []string{"\nserver sim1: 1 meeting with 0 people left\n", "\nserver sim1: waiting for 1 recording: "} {
			if strings.Count(said.String(), step) != 1 || strings.Contains(said.String(), "\r") {
				t.Errorf("what is written to a file does not have the line %q:\n%q", step, said)
			}
		}
	})
	t.Run("never arrives", func(t *testing.T) {
		t.Parallel()
		p, cmd, said := draining(t, path, simulator.Config{}, "--recordings-timeout", "1500ms")
		p.call(t, "end", url.Values{"meetingID": {"taped"}})
		err := cmd.Wait()
		code := cmd.ProcessState.ExitCode()
		if code != 1 || !strings.Contains(said.String(), "missing  ") || !strings.Contains(said.String(), "1 recording did not arrive") {
			t.Errorf("%v\n%s", err, said)
		}
		if state := p.state(t, "sim1"); state != "disabled" {
			t.Errorf("it is %s", state)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		p, cmd, said := draining(t, path, simulator.Config{})
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(said.String(), "bbbpool server enable sim1") {
			t.Errorf("%v\n%s", err, said)
		}
		if state := p.state(t, "sim1"); state != "draining" {
			t.Errorf("it is %s", state)
		}
		if said := p.do(t, "server", "drain", "sim1"); !strings.Contains(said, "server sim1: draining, 1 meeting with 0 people left") {
			t.Errorf("it says %s", said)
		}
	})
}
