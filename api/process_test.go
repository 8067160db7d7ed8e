package api_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
)

// part is a part of a program that notes what happens to it.
type part struct {
	name   string
	events chan<- string
	fail   error
}

func (p part) Run(ctx context.Context) error {
	if p.fail != nil {
		return p.fail
	}
	<-ctx.Done()
	p.events <- p.name
	return nil
}

// Parts stop in reverse order, when they are told to as when one of them fails.
func TestRun_StopsInReverse(t *testing.T) {
	broken := errors.New("broken")
	for _, fail := range []error{nil, broken} {
		events := make(chan string, 3)
		ctx, cancel := context.WithCancel(t.Context())
		if fail == nil {
			cancel()
		}
		err := api.Run(ctx, part{"first", events, nil}, part{"second", events, nil}, part{"third", events, fail})
		cancel()
		close(events)
		var got []string
		for e := range events {
			got = append(got, e)
		}
		want := []string{"third", "second", "first"}
		if fail != nil {
			want = want[1:]
		}
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, fail) {
			t.Errorf("fail %v: %v (-want +got):\n%s", fail, err, diff)
		}
	}
}

// Under systemd the process says when it is ready, that it lives, and that it ends.
func TestSystemd_Notifies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- api.Systemd{Alive: func() {}}.Run(ctx) }()
	var got []string
	buf := make([]byte, 100)
	for !slices.Contains(got, "STOPPING=1") {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(buf[:n]))
		if string(buf[:n]) == "WATCHDOG=1" {
			cancel()
		}
	}
	if got[0] != "READY=1" || !slices.Contains(got, "WATCHDOG=1") {
		t.Errorf("systemd heard %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The unit is one that systemd's notify and watchdog work with.
func TestUnit(t *testing.T) {
	for _, line := range []string{"ExecReload=/bin/kill -HUP $MAINPID", "Type=notify", "WatchdogSec=30", "StateDirectory=bbbpool", "DynamicUser=yes", "FileDescriptorStoreMax=1"} {
		if !strings.Contains(api.Unit, "\n"+line+"\n") {
			t.Errorf("no %s in the unit", line)
		}
	}
}

// heard is a log that can be read while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// A SIGHUP that comes while the program still starts is not lost; one whose reload fails leaves everything as it was, and
// the next one finds that somebody listens.
func TestReloader(t *testing.T) {
	var log heard
	r := api.Reloader{Log: zerolog.New(&log)}
	r.Take()
	hangUp := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp()
	calls := make(chan error)
	r.Reload = func(context.Context) error { return <-calls }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	calls <- errors.New("the store is away")
	hangUp()
	calls <- nil
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), "reloaded: tenants and tokens") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	const want = `{"level":"error","error":"the store is away","message":"reload: everything stays as it was"}
{"level":"info","message":"reloaded: tenants and tokens; settings are read at the start alone"}
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// A log has the lines that were asked for, in the form that was asked for: for programs unless somebody sits there.
func TestLog(t *testing.T) {
	for want, c := range map[string]api.Log{
		`{"level":"warn",`: {Level: "warn", Format: "auto"},
		`{"level":"info",`: {Level: "info", Format: "json"},
		"INF":              {Level: "info", Format: "text"},
	} {
		var out bytes.Buffer
		log, err := c.New(&out)
		if err != nil || c.Validate() != nil {
			t.Fatal(err, c.Validate())
		}
		log.Debug().Msg("never")
		log.Info().Msg("said")
		log.Warn().Msg("said, too")
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "never") || !strings.Contains(out.String(), "said, too") {
			t.Errorf("%+v: %s", c, out.String())
		}
	}
	for _, level := range []string{"", "loud"} {
		if err := (api.Log{Level: level}).Validate(); err == nil || !strings.Contains(err.Error(), "--log-level") {
			t.Errorf("%q: %v", level, err)
		}
	}
}
