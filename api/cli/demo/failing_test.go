package demo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/demo"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// A demo that cannot start says why, ends, and leaves nothing behind.
func TestCmd_Fails(t *testing.T) {
	taken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"server":{"id":"sim1"}}`)
	})
	locked := errors.New("the store is locked")
	for name, c := range map[string]struct {
		handler http.Handler
		offline error
		code    int // of serve
		want    []string
	}{
		"the data cannot be opened": {nil, locked, cli.Done, []string{"the store is locked"}},
		"no server can be added":    {http.NotFoundHandler(), nil, cli.Done, []string{"404"}},
		"serve fails":               {taken, nil, cli.Failed, []string{"the demo could not start: the pool did not run"}},
	} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		t.Setenv("RECORDING_SPOOL_DIR", "/somebody/elses")
		var out bytes.Buffer
		closed, args := 0, []string(nil)
		env := &cli.Env{
			Ctx: t.Context(), Out: &out, Err: io.Discard,
			Offline: func(context.Context, string) (http.Handler, func() error, error) {
				return c.handler, func() error { closed++; return nil }, c.offline
			},
			Main: func(_ context.Context, a []string, _ io.Reader, _, _ io.Writer) int {
				args = a
				return c.code
			},
		}
		err := demo.Cmd{Listen: "127.0.0.1:0", Servers: 1}.Run(env)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind %v, %v", name, left, err)
		}
		if (closed == 1) != (c.offline == nil) || out.Len() > 0 {
			t.Errorf("%s: the data was closed %d times, and %s was printed", name, closed, out.String())
		}
		if spool, set := os.LookupEnv("RECORDING_SPOOL_DIR"); set {
			t.Errorf("%s: the demo is let loose on %s", name, spool)
		}
		if ran := strings.HasPrefix(strings.Join(args, " "), "serve --data "+dir); ran != (c.handler != nil && c.code != cli.Done) {
			t.Errorf("%s: ran %v", name, args)
		}
		if told := !strings.Contains(strings.Join(args, " "), "127.0.0.1:0 ") && slices.Contains(args, "--callback-url"); told != (len(args) > 0) {
			t.Errorf("%s: a free port was wanted, and servers are not told which it is: %v", name, args)
		}
	}
}

// What cannot be simulated is wrong use, and said before anything is done.
func TestSimulatorCmd_Misused(t *testing.T) {
	for want, config := range map[string]simulator.Config{
		"--servers: want a number from 1 to ":                                   {Servers: 0},
		"--listen: want HOST:PORT":                                              {Servers: 1, Listen: "nowhere"},
		"--listen: want a port from 0":                                          {Servers: 1, Listen: "127.0.0.1:99999"},
		"--listen: 3 servers need the ports up to 65536, and 65535 is the last": {Servers: 3, Listen: "127.0.0.1:65534"},
	} {
		err := demo.SimulatorCmd{Config: config}.Run(&cli.Env{Ctx: t.Context(), Out: io.Discard, Err: io.Discard})
		if _, wrong := errors.AsType[grammar.UsageError](err); !wrong || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// At a terminal the servers are a table; where nothing can be printed none are left running.
func TestSimulatorCmd_Table(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	config := simulator.Config{Servers: 2, Secret: "s3cret"}
	if err := (demo.SimulatorCmd{Config: config}).Run(&cli.Env{Ctx: ctx, Out: &out, Err: io.Discard}); err != nil {
		t.Error(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 4 || strings.Join(strings.Fields(lines[0]), " ") != "ID URL SECRET CONTROL" {
		t.Fatalf("printed\n%s", out.String())
	}
	if f := strings.Fields(lines[2]); len(f) != 4 || f[0] != "sim2" || f[2] != "s3cret" || !strings.HasSuffix(f[3], "/servers/sim2") {
		t.Errorf("the second is %v", f)
	}
	reader, writer := io.Pipe()
	_ = reader.Close()
	err := demo.SimulatorCmd{Config: config}.Run(&cli.Env{Ctx: t.Context(), Out: writer, Err: io.Discard})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("nobody reads: %v", err)
	}
}
