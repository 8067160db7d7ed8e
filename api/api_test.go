package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// mount makes a Mounter of a handler for one path.
type mount struct {
	path string
	h    http.HandlerFunc
}

func (m mount) Mount(mux *http.ServeMux) { mux.HandleFunc(m.path, m.h) }

// start serves until the test ends, or until the returned function is called.
func start(t *testing.T, c api.Config, log io.Writer, check func() string, routes ...mount) (base string, stop func() error) {
	t.Helper()
	return serve(t, parts(c, log), check, routes...)
}

// serve is start for those who change what a server is made from.
func serve(t *testing.T, parts api.Parts, check func() string, routes ...mount) (base string, stop func() error) {
	t.Helper()
	c := &parts.Config
	c.Listen = "127.0.0.1:0"
	if c.MaxRequests == 0 {
		c.MaxRequests = 100
	}
	if c.Drain == 0 {
		c.Drain = 10 * time.Second
	}
	s, err := api.New(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	parts.Problems.Gate(s, problems.Func(func(context.Context) []problems.Problem {
		if reason := check(); reason != "" {
			return []problems.Problem{{Text: reason, Unready: true}}
		}
		return nil
	}))
	for _, r := range routes {
		s.Mount(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return "http://" + s.Addr().String(), stop
}

// parts are what a server needs beside its settings.
func parts(c api.Config, log io.Writer) api.Parts {
	return api.Parts{
		Config: c, Log: zerolog.New(log), Metrics: metrics.NewSet(), Page: exposition.New(api.Families), Problems: &problems.Registry{},
	}
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, strings.TrimSpace(string(body))
}

func healthy() string { return "" }

// The process says how it is in three dialects, and why it is not ready.
func TestServer_Status(t *testing.T) {
	reason := ""
	base, _ := start(t, api.Config{}, io.Discard, func() string { return reason })
	for _, c := range []struct {
		reason, path, body string
		status             int
	}{
		{"", "/healthz", "ok", 200},
		{"", "/readyz", "ready", 200},
		{"", "/health_check", "success", 200},
		{"the disk is full", "/healthz", "ok", 200},
		{"the disk is full", "/readyz", "the disk is full", 503},
		{"the disk is full", "/health_check", "Health Check Failure: the disk is full", 200},
	} {
		reason = c.reason
		resp, body := get(t, base+c.path)
		if resp.StatusCode != c.status || body != c.body || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s while %q: %d %q", c.path, c.reason, resp.StatusCode, body)
		}
	}
	if resp, body := get(t, base+"/metrics"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "bbbpool_requests_active 1") {
		t.Errorf("/metrics: %d %s", resp.StatusCode, body)
	}
}

// Every request has an ID: the caller's, if it is fit for a log, or a new one.
func TestServer_RequestID(t *testing.T) {
	base, _ := start(t, api.Config{}, io.Discard, healthy, mount{"/id", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Request-Id"))
	}})
	for _, c := range []struct {
		sent string
		kept bool
	}{{"", false}, {"abc-123_X", true}, {"two words", false}, {strings.Repeat("x", 65), false}, {`"};drop`, false}} {
		resp, body := get(t, base+"/id", "X-Request-Id", c.sent)
		if id := resp.Header.Get("X-Request-Id"); id == "" || id != body || (id == c.sent) != c.kept {
			t.Errorf("sent %q: the handler saw %q, the answer says %q", c.sent, body, id)
		}
	}
}

// A handler that panics costs its own request, and says so in the log under the request's ID.
func TestServer_SurvivesPanic(t *testing.T) {
	var log bytes.Buffer
	base, stop := start(t, api.Config{}, &log, healthy, mount{"/panic", func(http.ResponseWriter, *http.Request) { panic("oops") }})
	resp, _ := get(t, base+"/panic", "X-Request-Id", "the-one")
	if resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", resp.StatusCode)
	}
	if resp, _ := get(t, base+"/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: status %d", resp.StatusCode)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "the-one") || !strings.Contains(log.String(), "oops") {
		t.Errorf("log: %s", log.String())
	}
}

// More requests than the limit are turned away, and told when to come back.
func TestServer_Limit(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	base, _ := start(t, api.Config{MaxRequests: 1}, io.Discard, healthy, mount{"/wait", func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	}})
	done := make(chan struct{})
	go func() {
		get(t, base+"/wait")
		close(done)
	}()
	<-inside
	if resp, body := get(t, base+"/healthz"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "--max-requests") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	close(leave)
	<-done
}

// Told to end, the server answers what is under way; what takes longer than it may is cut off, and that is an error.
func TestServer_Drain(t *testing.T) {
	for name, c := range map[string]struct {
		drain time.Duration
		cut   bool
	}{"in time": {10 * time.Second, false}, "too long": {20 * time.Millisecond, true}} {
		t.Run(name, func(t *testing.T) {
			inside, leave := make(chan struct{}), make(chan struct{})
			base, stop := start(t, api.Config{Drain: c.drain}, io.Discard, healthy, mount{"/slow", func(w http.ResponseWriter, _ *http.Request) {
				close(inside)
				<-leave
				_, _ = io.WriteString(w, "done")
			}})
			answered := make(chan error, 1)
			go func() {
				resp, err := http.Get(base + "/slow")
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					_ = resp.Body.Close()
				}
				answered <- err
			}()
			<-inside
			stopped := make(chan error, 1)
			go func() { stopped <- stop() }()
			if c.cut {
				if err := <-stopped; err == nil {
					t.Error("no error although a request was cut off")
				}
			}
			close(leave)
			if err := <-answered; (err != nil) != c.cut {
				t.Errorf("the request: %v", err)
			}
			if !c.cut {
				if err := <-stopped; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Scalelite's names for the address work; what makes no sense is refused with its name.
func TestNew_Address(t *testing.T) {
	for _, c := range []struct {
		config api.Config
		want   string // part of the address, or of the error
	}{
		{api.Config{Bind: "tcp://127.0.0.1:0", Port: "1"}, "127.0.0.1:"},
		{api.Config{Listen: "127.0.0.1:0", Bind: "tcp://nonsense"}, "127.0.0.1:"},
		{api.Config{Port: "0"}, ":"},
		{api.Config{Bind: "tcp://127.0.0.1", Port: "0"}, "127.0.0.1:"},
		{api.Config{Bind: "127.0.0.1", Port: "0"}, "127.0.0.1:"},
		{api.Config{Bind: "tcp://localhost/", Port: "0"}, "127.0.0.1:"},
		{api.Config{Bind: "tcp://[::ffff:127.0.0.1]", Port: "0"}, "127.0.0.1:"},
		{api.Config{Bind: "tcp://127.0.0.1:0?low_latency=true"}, "127.0.0.1:"},
		{api.Config{Bind: "tcp://127.0.0.1", Port: "x"}, "BIND"},
		{api.Config{Bind: "unix:///run/x.sock"}, "BIND"},
		{api.Config{Port: "many"}, "PORT"},
		{api.Config{Listen: "3000"}, "--listen"},
		{api.Config{Listen: "127.0.0.1:70000"}, "--listen"},
	} {
		s, err := api.New(t.Context(), parts(c.config, io.Discard))
		var got string
		if err != nil {
			got = err.Error()
		} else {
			got = s.Addr().String()
			_ = s.Close()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%+v: %s", c.config, got)
		}
	}
}
