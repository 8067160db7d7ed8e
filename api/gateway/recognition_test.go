package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Whoever is named by path or host is asked for its own secrets, and everything else fails as a wrong checksum does.
func TestRecognition(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, bio, chem := p.faculties(func(t *store.Tenant) { t.Hosts = []string{t.ID + ".example.edu"}; t.Disabled = t.ID == "chem" })
	ask := func(path, host, forwarded, secret string) (body, key string) {
		req, err := http.NewRequest(http.MethodGet, p.http.URL+path+"/bigbluebutton/api/getMeetings?"+
			bbb.SHA256.Sign("getMeetings", "", bbb.Secret(secret)), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		if forwarded != "" {
			req.Header.Set("X-Forwarded-Host", forwarded)
		}
		resp, err := p.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.StatusCode, err)
		}
		return string(text), resp.Header.Get("Bbbpool-Message-Key")
	}
	wrong, key := ask("", "", "", "nobody's")
	if key != "checksumError" {
		t.Errorf("key in the header: %q", key)
	}
	right, key := ask("", "", "", arts.secret)
	if key != "" || !strings.Contains(right, "noMeetings") {
		t.Errorf("%q, %s", key, right)
	}
	for _, c := range []struct{ path, host, forwarded, secret, want string }{
		{"/t/arts", "", "", arts.secret, right},
		{"/t/arts", "arts.example.edu", "", arts.secret, right},
		{"/t/arts", "", "", bio.secret, wrong},
		{"/t/arts", "bio.example.edu", "", arts.secret, wrong},
		{"/t/nobody", "", "", arts.secret, wrong},
		{"", "bio.example.edu:8443", "", bio.secret, right},
		{"", "bio.example.edu", "", arts.secret, wrong},
		{"", "inner", "arts.example.edu", arts.secret, right},
		{"", "inner", "arts.example.edu", bio.secret, wrong},
		{"", "", "", chem.secret, wrong},
		{"/t/chem", "", "", chem.secret, wrong},
		{"", "chem.example.edu", "", chem.secret, wrong},
	} {
		if got, _ := ask(c.path, c.host, c.forwarded, c.secret); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	chem.set(func(t *store.Tenant) { t.Disabled = false })
	if got, _ := ask("/t/chem", "", "", chem.secret); got != right {
		t.Errorf("as soon as it is enabled: %s", got)
	}
	body := p.fetch(http.MethodGet, "", "", "") // the root needs no secret
	resp, err := p.client.Get(p.http.URL + "/t/nobody/bigbluebutton/api")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(text, []byte("<version>2.0</version>")) {
		t.Errorf("%v %s, %s", err, text, body)
	}
}

// A tenant's secret is changed while its front end calls: with the new one once that is there, with the old one until it is
// retired, and no call fails. Then the old one is worth nothing, and which was used when is known.
func TestSecrets_Rotate(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, _, _ := p.faculties()
	renewed := tenant{p, "arts", "another-secret"}
	arts.create("room", "")
	stop, done := make(chan struct{}), make(chan error, 1)
	var signer atomic.Pointer[tenant] // that the front end uses
	signer.Store(&arts)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			resp, err := p.client.Get(signer.Load().url("join", "meetingID=room&fullName=Ada&role=VIEWER"))
			if err == nil {
				_ = resp.Body.Close()
				if to, noTarget := resp.Location(); noTarget != nil || to.Query().Get("errors") != "" {
					err = fmt.Errorf("join: status %d, %v", resp.StatusCode, to)
				}
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	arts.set(func(t *store.Tenant) {
		t.Secrets = append(t.Secrets, store.TenantSecret{Name: "second", Secret: store.Secret(renewed.secret)})
	})
	renewed.call("getMeetings", "")
	signer.Store(&renewed)
	for range 50 {
		renewed.call("getMeetings", "")
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	arts.set(func(t *store.Tenant) { t.Secrets = t.Secrets[1:] })
	if a := arts.call("getMeetings", ""); a.Key != "checksumError" {
		t.Errorf("the old secret: %s", a.body)
	}
	if a := renewed.call("getMeetings", ""); a.Returncode != "SUCCESS" {
		t.Errorf("the new secret: %s", a.body)
	}
	for _, name := range []string{"first", "second"} {
		at := p.gateway.Uses.Last(store.Credential{Kind: store.CredentialSecret, Tenant: "arts", Name: name})
		if time.Since(at) > time.Hour {
			t.Errorf("the %s was used last at %s", name, at)
		}
	}
}
