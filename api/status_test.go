package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/problems"
)

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

// A listener of its own answers while the other one is overrun.
func TestServer_StatusWhileOverrun(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	config := api.Config{MaxRequests: 1, StatusListen: free(t)}
	base, _ := start(t, config, io.Discard, healthy, mount{"/wait", func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	}})
	done := make(chan struct{})
	go func() {
		get(t, base+"/wait")
		close(done)
	}()
	<-inside
	for _, path := range []string{"/readyz", "/metrics", "/healthz"} {
		if resp, body := get(t, "http://"+config.StatusListen+path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	close(leave)
	<-done
}

// What is not for everybody has a listener of its own, or wants a token, or both; whether we live is said to all.
func TestServer_StatusForFew(t *testing.T) {
	secret := func() string { return "the disk is full" }
	for _, c := range []struct{ listener, token bool }{{true, false}, {false, true}, {true, true}} {
		config := api.Config{}
		if c.listener {
			config.StatusListen = free(t)
		}
		if c.token {
			config.MetricsToken = "t0ken"
		}
		base, _ := start(t, config, io.Discard, secret)
		for _, path := range []string{"/healthz", "/health_check", "/readyz", "/metrics"} {
			if _, body := get(t, base+path); strings.Contains(body, "disk") || strings.Contains(body, "bbbpool_") {
				t.Errorf("%+v: %s: %s", c, path, body)
			}
		}
		inside := base
		if c.listener {
			inside = "http://" + config.StatusListen
			if resp, _ := get(t, base+"/metrics", "Authorization", "Bearer t0ken"); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%+v: /metrics: %d", c, resp.StatusCode)
			}
		}
		for _, given := range []string{"", "Bearer", "Bearer wrong", "t0ken", "Basic t0ken"} {
			resp, body := get(t, inside+"/readyz", "Authorization", given)
			if c.token && resp.StatusCode != http.StatusUnauthorized || !c.token && !strings.Contains(body, "disk") {
				t.Errorf("%+v: /readyz with %q: %d %s", c, given, resp.StatusCode, body)
			}
		}
		if resp, body := get(t, inside+"/readyz", "Authorization", "bearer t0ken"); !strings.Contains(body, "disk") {
			t.Errorf("%+v: /readyz: %d %s", c, resp.StatusCode, body)
		}
		if _, body := get(t, inside+"/metrics", "Authorization", "Bearer t0ken"); !strings.Contains(body, "bbbpool_requests_active") {
			t.Errorf("%+v: /metrics: %s", c, body)
		}
	}
	config := api.Config{StatusListen: "3001", MaxRequests: 1}
	if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "--status-listen") {
		t.Errorf("%v", err)
	}
}

// What keeps nobody from a meeting is said behind "ready", and never behind a reason why the process is not ready.
func TestServer_Readyz_Notes(t *testing.T) {
	reason := ""
	list := []problems.Problem{{Text: "published is full; spool is full"}, {Text: "a tenant has no secret", Remedy: "give it one"}}
	parts := parts(api.Config{}, io.Discard)
	parts.Problems.Aside(problems.Func(func(context.Context) []problems.Problem { return list }))
	base, _ := serve(t, parts, func() string { return reason })
	const notes = "ready\nnote: published is full; spool is full\nnote: a tenant has no secret; give it one"
	if resp, body := get(t, base+"/readyz"); resp.StatusCode != http.StatusOK || body != notes {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	if _, body := get(t, base+"/health_check"); body != "success" {
		t.Errorf("health_check: %q", body)
	}
	reason = "no server can take new meetings"
	if resp, body := get(t, base+"/readyz"); resp.StatusCode != http.StatusServiceUnavailable || body != reason {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

// Until the last request is answered, the listener for the few says that this is the end, before anything else.
func TestServer_Stopping(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	config := api.Config{StatusListen: free(t)}
	base, stop := start(t, config, io.Discard, func() string { return "the disk is full" }, mount{"/wait", func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	}})
	done := make(chan struct{})
	go func() {
		get(t, base+"/wait")
		close(done)
	}()
	<-inside
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	resp, body := get(t, "http://"+config.StatusListen+"/readyz")
	for body == "the disk is full" {
		resp, body = get(t, "http://"+config.StatusListen+"/readyz")
	}
	if resp.StatusCode != http.StatusServiceUnavailable || body != "shutting down\nthe disk is full" {
		t.Errorf("readyz: %d %q", resp.StatusCode, body)
	}
	if _, body := get(t, "http://"+config.StatusListen+"/health_check"); body != "Health Check Failure: shutting down; the disk is full" {
		t.Errorf("health_check: %q", body)
	}
	close(leave)
	<-done
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// What works and may not be what was meant is advice, in the order: what was brought along, what the system allows, where
// links lead.
func TestServer_Problems(t *testing.T) {
	parts := parts(api.Config{}, io.Discard)
	parts.Environ = api.Environment{"RAILS_ENV=production", "AWS_REGION=here", "PATH=/bin", "PIDFILE="}
	base, _ := serve(t, parts, healthy)
	advice := func(want ...string) {
		t.Helper()
		var got []string
		for _, p := range parts.Problems.List(t.Context()) {
			if p.Severity != problems.Advised || p.Subject.Kind != problems.Setting {
				t.Errorf("%+v", p)
			}
			got = append(got, p.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("advice %q, want %q", got, want)
		}
	}
	const brought = "settings of Scalelite that mean nothing here: RAILS_ENV"
	advice(brought)
	get(t, base+"/healthz")
	advice(brought)
	get(t, base+"/?checksum=x")
	advice(brought, "links lead to "+strings.TrimPrefix(base, "http://")+", which is this machine alone: set --public-url, or have "+
		"the proxy pass the host on that it is called by")
	if resp, body := get(t, base+"/readyz"); resp.StatusCode != http.StatusOK || body != "ready" {
		t.Errorf("readyz: %d %q", resp.StatusCode, body)
	}
}

// Of Scalelite's settings those mean nothing that have a value here, and the storage's only where recordings go there.
func TestEnvironment_Problems(t *testing.T) {
	for want, environ := range map[string]api.Environment{
		"":                                  {"AWS_REGION=x", "PATH=/bin", "RAILS_ENV=", "LOADBALANCER_SECRET=s"},
		"DB_DISABLED, RAILS_ENV":            {"RAILS_ENV=x", "AWS_REGION=x", "DB_DISABLED=y=z"},
		"AWS_KEY, AWS_REGION, S3_RECORDING": {"AWS_REGION=x", "S3_RECORDING=y", "AWS_KEY=z", "AWS_NONE="},
	} {
		list := environ.Problems(t.Context())
		switch {
		case want == "" && list == nil:
		case len(list) != 1 || list[0].String() != "settings of Scalelite that mean nothing here: "+want || !list[0].Logged:
			t.Errorf("%q: %+v, want %s", environ, list, want)
		}
	}
}
