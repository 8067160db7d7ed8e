package api_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api"
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
