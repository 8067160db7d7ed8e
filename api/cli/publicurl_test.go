package cli_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// A pool whose links lead nowhere for anybody else says so when it is checked, and how to mend it.
func TestCheck_LoopbackLinks(t *testing.T) {
	for _, public := range []string{"", "https://pool.example.edu"} {
		data := filepath.Join(t.TempDir(), "data")
		p := boot(t, data, "--public-url="+public)
		p.waitReady(t)
		if _, err := p.call(t.Context(), "getRecordings", "meetingID=x"); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(bbbpool(t, data, "check"), "--public-url"); said != (public == "") {
			t.Errorf("public URL %q: said %v", public, said)
		}
		p.terminate(t)
	}
}

// A redirect to the clean form of a path leads to where the caller was, whatever its Host header says.
func TestServe_RedirectsAtHome(t *testing.T) {
	p := boot(t, filepath.Join(t.TempDir(), "data"), "--public-url", "https://pool.example.edu")
	req, err := http.NewRequest(http.MethodGet, p.base+"/api/v1/x/../y", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "/api/v1/y" && to != "https://pool.example.edu/api/v1/y" {
		t.Errorf("%d to %q", resp.StatusCode, to)
	}
	p.terminate(t)
}
