package admin_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// However the address is given, the pool keeps one form, tells what it has found and takes the server disabled.
func TestClient_AddServer(t *testing.T) {
	server := simulate(t, 1)[0]
	origin := strings.TrimSuffix(server.URL(), "/bigbluebutton/api")
	forms := []string{"", "/", "/bigbluebutton", "/bigbluebutton/", "/bigbluebutton/api", "/bigbluebutton/api/"}
	for _, form := range forms {
		t.Run(form, func(t *testing.T) {
			p := newTestPool(t)
			weight := 2.5
			got, err := p.Servers.Add(t.Context(), v1.NewServer{
				URL: origin + form, Secret: v1.Secret(server.Secret()) + " \n", Weight: &weight, Capacity: 200, Tag: "big",
			})
			if err != nil {
				t.Fatal(err)
			}
			want := v1.Result{Server: v1.Server{
				ID: "127.0.0.1", URL: server.URL(), State: "disabled", Health: "unknown", Weight: 2.5, Capacity: 200,
				Tag: "big", Checksum: "sha256", Warnings: []string{},
			}, Diagnosis: &v1.Diagnosis{Checksum: "sha256"}}
			ignored := cmpopts.IgnoreFields(v1.Diagnosis{}, "Version")
			if diff := cmp.Diff(want, got, ignored); diff != "" {
				t.Errorf("added (-want +got):\n%s", diff)
			}
			stored, err := p.stores.State.Server(t.Context(), got.ID)
			if err != nil || string(stored.Secret) != string(server.Secret()) {
				t.Errorf("stored %+v, %v", stored, err)
			}
			if p.poller.Client(got.ID) == nil {
				t.Error("the pool does not know it")
			}
		})
	}
}

// noHost cannot be a host's name: it fails to resolve without anybody being asked.
var noHost = strings.Repeat("a", 64) + ".example"

// A server that cannot be used is told at once with the reason, and is not stored, unless somebody insists.
func TestClient_AddServer_Diagnosis(t *testing.T) {
	genuine := simulate(t, 1)[0]
	serve := func(status int, body string) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere/")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(server.Close)
		return server
	}
	plain := func(status int, body string) string {
		server := serve(status, body)
		server.Start()
		return server.URL
	}
	untrusted := serve(200, "")
	untrusted.StartTLS()
	closed := httptest.NewServer(nil)
	closed.Close()
	tests := []struct{ name, url, reason string }{
		{"dns", "http://" + noHost, "dns: " + noHost},
		{"refused", closed.URL, "refused: "},
		{"tls", untrusted.URL, "tls: "},
		{"404", plain(404, "nothing"), "404: "},
		{"redirect", plain(301, ""), "redirect: "},
		{"not BigBlueButton", plain(200, "<html>Welcome</html>"), "not BigBlueButton: "},
		{"behind nginx", plain(502, "<html>Bad Gateway</html>"), "status 502: "},
		{"secret", genuine.URL(), "checksum: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newTestPool(t)
			n := v1.NewServer{URL: test.url, Secret: "wrong-secret", ID: "a"}
			_, err := p.Servers.Add(t.Context(), n)
			refused(t, err, http.StatusUnprocessableEntity, test.reason)
			if list, err := p.Servers.List(t.Context()); err != nil || len(list) != 0 {
				t.Errorf("stored nevertheless: %v, %v", list, err)
			}
			n.Force = true
			got, err := p.Servers.Add(t.Context(), n)
			if err != nil || got.ID != "a" || got.Diagnosis != nil || !strings.Contains(got.Warning, test.reason) {
				t.Errorf("forced: %+v, %v", got, err)
			}
		})
	}
}

// A server that only takes another algorithm than the usual one is called with that from then on.
func TestClient_AddServer_Algorithm(t *testing.T) {
	p := newTestPool(t)
	url := fakeBBB(t, "s3cret", bbb.SHA512)
	got, err := p.Servers.Add(t.Context(), v1.NewServer{URL: url, Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Checksum != "sha512" || got.State != "disabled" || got.Diagnosis.Version != "3.0.9" {
		t.Errorf("added %+v, %+v", got, got.Diagnosis)
	}
	if answer, err := p.poller.Client(got.ID).Answer(t.Context(), "getMeetings", ""); err != nil || answer.Err != nil {
		t.Errorf("called it: %v, %v", answer.Err, err)
	}
}

// IDs come from the host and stay unique; a server is in the pool once.
func TestClient_AddServer_Twice(t *testing.T) {
	p := newTestPool(t)
	ids := []string{}
	for _, server := range simulate(t, 3) {
		got, err := p.Servers.Add(t.Context(), v1.NewServer{URL: server.URL(), Secret: v1.Secret(server.Secret())})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, got.ID)
		_, err = p.Servers.Add(t.Context(), v1.NewServer{URL: server.URL() + "/", Secret: "x"})
		refused(t, err, http.StatusConflict, "in the pool already", got.ID)
	}
	if diff := cmp.Diff([]string{"127.0.0.1", "127.0.0.1-2", "127.0.0.1-3"}, ids); diff != "" {
		t.Errorf("IDs (-want +got):\n%s", diff)
	}
	_, err := p.Servers.Add(t.Context(), v1.NewServer{URL: "elsewhere", Secret: "x", ID: "127.0.0.1"})
	refused(t, err, http.StatusConflict, "127.0.0.1")
}

// Two operators who add the same servers at once do not get in each other's way, and the pool knows what is stored.
func TestClient_AddServer_AtOnce(t *testing.T) {
	p := newTestPool(t)
	var adding sync.WaitGroup
	for _, server := range simulate(t, 4) {
		for range 3 {
			adding.Go(func() {
				n := v1.NewServer{URL: server.URL(), Secret: v1.Secret(server.Secret())}
				if _, err := p.Servers.Add(t.Context(), n); err != nil && !strings.Contains(err.Error(), "already") {
					t.Error(err)
				}
			})
		}
	}
	adding.Wait()
	stored, err := p.stores.State.Servers(t.Context())
	if err != nil || len(stored) != 4 {
		t.Fatalf("stored %v, %v", stored, err)
	}
	for _, s := range stored {
		if got, err := p.Servers.Show(t.Context(), s.ID); err != nil || got.URL != s.URL {
			t.Errorf("stored %s, the pool has %+v, %v", s.URL, got, err)
		}
	}
}

// What cannot work is refused, with every fault at once.
func TestClient_AddServer_Invalid(t *testing.T) {
	p := newTestPool(t)
	number := func(f float64) *float64 { return &f }
	good := v1.NewServer{URL: "a.example", Secret: "s"}
	tests := map[string]func(n *v1.NewServer){
		"url":      func(n *v1.NewServer) { n.URL = "https://user:pass@host/?q" },
		"secret":   func(n *v1.NewServer) { n.Secret = " " },
		"id":       func(n *v1.NewServer) { n.ID = "Capital" },
		"weight":   func(n *v1.NewServer) { n.Weight = number(0) },
		"capacity": func(n *v1.NewServer) { n.Capacity = -1 },
		"tag":      func(n *v1.NewServer) { n.Tag = "a;b" },
	}
	all := good
	for field, spoil := range tests {
		n := good
		spoil(&n)
		_, err := p.Servers.Add(t.Context(), n)
		refused(t, err, http.StatusBadRequest, field+":")
		spoil(&all)
	}
	_, err := p.Servers.Add(t.Context(), all)
	refused(t, err, http.StatusBadRequest, "url:", "secret:", "id:", "weight:", "capacity:", "tag:")
	for _, tag := range []string{"none", "a!", "a\nb", strings.Repeat("t", 101)} {
		n := good
		n.Tag = tag
		_, err := p.Servers.Add(t.Context(), n)
		refused(t, err, http.StatusBadRequest, "tag:")
	}
}

// A change takes effect in the pool at once; a new secret is tried first; what is left out stays.
func TestClient_ChangeServer(t *testing.T) {
	p := newTestPool(t)
	servers := simulate(t, 2)
	p.add(t, "a", servers[0])
	p.add(t, "b", servers[1])
	weight, capacity, tag := 3.0, 50, "x"
	change := v1.Change{Weight: &weight, Capacity: &capacity, Tag: &tag}
	if _, err := p.Servers.Change(t.Context(), "a", change); err != nil {
		t.Fatal(err)
	}
	tag = ""
	got, err := p.Servers.Change(t.Context(), "a", v1.Change{Tag: &tag})
	if err != nil || got.Weight != 3 || got.Capacity != 50 || got.Tag != "" || got.State != "enabled" {
		t.Errorf("changed into %+v, %v", got, err)
	}
	wrong, right := v1.Secret("wrong"), v1.Secret(servers[0].Secret())
	atOnce := time.Duration(0)
	_, err = p.Servers.Change(t.Context(), "a", v1.Change{Secret: &wrong, Window: &atOnce})
	refused(t, err, http.StatusUnprocessableEntity, "checksum:")
	if s, _ := p.stores.State.Server(t.Context(), "a"); s.Secret != store.Secret(right) {
		t.Error("the secret has changed nevertheless")
	}
	if _, err := p.Servers.Change(t.Context(), "a", v1.Change{Secret: &right}); err != nil {
		t.Error(err)
	}
	got, err = p.Servers.Change(t.Context(), "a", v1.Change{Secret: &wrong, Window: &atOnce, Force: true})
	if err != nil || got.Warning == "" {
		t.Errorf("forced: %+v, %v", got, err)
	}
	url := servers[1].URL()
	_, err = p.Servers.Change(t.Context(), "a", v1.Change{URL: &url})
	refused(t, err, http.StatusConflict, "server b")
	weight = -1
	_, err = p.Servers.Change(t.Context(), "a", v1.Change{Weight: &weight})
	refused(t, err, http.StatusBadRequest, "weight:")
}

// A server that gets another host or port has not passed a test there: it keeps its state, and somebody is told. The
// same machine under another path, or over https, has.
func TestClient_ChangeServer_Admitted(t *testing.T) {
	for _, state := range []store.ServerState{store.Enabled, store.Disabled} {
		p, servers := newTestPool(t), simulate(t, 2)
		p.add(t, "a", servers[0])
		if state == store.Disabled {
			if _, err := p.Servers.Disable(t.Context(), "a", false); err != nil {
				t.Fatal(err)
			}
		}
		same := servers[0].URL() + "/"
		if got, err := p.Servers.Change(t.Context(), "a", v1.Change{URL: &same}); err != nil || got.Admitted == nil || got.Warning != "" {
			t.Errorf("%s, the same: %+v, %v", state, got, err)
		}
		path := strings.Replace(servers[0].URL(), "/bigbluebutton", "/second/bigbluebutton", 1)
		got, err := p.Servers.Change(t.Context(), "a", v1.Change{URL: &path, Force: true})
		if err != nil || got.Admitted == nil {
			t.Errorf("%s, another path: %+v, %v", state, got, err)
		}
		other, secret := servers[1].URL(), v1.Secret(servers[1].Secret())
		got, err = p.Servers.Change(t.Context(), "a", v1.Change{URL: &other, Secret: &secret})
		if err != nil || got.Admitted != nil || got.State != string(state) ||
			strings.Contains(got.Warning, "bbbpool server test a") != (state == store.Enabled) {
			t.Errorf("%s, another port: %+v, %v", state, got, err)
		}
	}
}

// An address can be taken once, however many ask for it at the same time.
func TestClient_ChangeServer_AtOnce(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 4)
	for i, id := range []string{"a", "b", "c"} {
		p.add(t, id, servers[i])
	}
	url, secret := servers[3].URL(), v1.Secret(servers[3].Secret())
	var changing sync.WaitGroup
	var taken atomic.Int32
	for _, id := range []string{"a", "b", "c"} {
		changing.Go(func() {
			_, err := p.Servers.Change(t.Context(), id, v1.Change{URL: &url, Secret: &secret})
			switch {
			case err == nil:
				taken.Add(1)
			case !strings.Contains(err.Error(), "in the pool already"):
				t.Error(err)
			}
		})
	}
	changing.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d servers have the address", taken.Load())
	}
}

// Whoever asks for the secrets of the servers gets them, and the log has a line about it.
func TestClient_RevealedServers(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 2)
	p.add(t, "b", servers[1])
	p.add(t, "a", servers[0])
	before := p.log.Len()
	got, err := p.Servers.Reveal(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for i, id := range []string{"a", "b"} {
		if got[i].ID != id || got[i].Secret.Reveal() != string(servers[i].Secret()) || got[i].State != "enabled" {
			t.Errorf("revealed %+v", got[i])
		}
		if text := fmt.Sprintf("%+v", got[i]); strings.Contains(text, string(servers[i].Secret())) {
			t.Errorf("printed %s", text)
		}
	}
	if line := p.log.String()[before:]; !strings.Contains(line, `"servers":2,"message":"secrets of servers shown"`) {
		t.Errorf("logged %q", line)
	}
	before = p.log.Len()
	for _, query := range []string{"", "?reveal=false"} {
		if _, body := p.request(t, "GET", "/servers"+query, ""); strings.Contains(body, `"secret"`) || p.log.Len() != before {
			t.Errorf("%q: %s", query, body)
		}
	}
	if status, body := p.request(t, "GET", "/servers?reveal=perhaps", ""); status != http.StatusBadRequest {
		t.Errorf("answered %d %s", status, body)
	}
}

// No answer of the API, list or not, has a server's secret in it, but the list of those who ask for it.
func TestAPI_ServerSecrets(t *testing.T) {
	p := newTestPool(t)
	server := simulate(t, 1)[0]
	p.add(t, "a", server)
	p.create(t, store.MeetingKey{Tenant: "default", MeetingID: "m1"})
	for _, pattern := range p.api.Routes() {
		method, path, _ := strings.Cut(pattern, " ")
		if method == "DELETE" {
			continue
		}
		path = strings.NewReplacer("{id}", "a").Replace(path) + "?id=m1"
		if pattern != "GET /servers" {
			path += "&reveal=true"
		}
		_, body := p.request(t, method, path, `{}`)
		if strings.Contains(body, string(server.Secret())) {
			t.Errorf("%s shows the secret: %s", pattern, body)
		}
	}
	if strings.Contains(p.log.String(), string(server.Secret())) {
		t.Errorf("the log shows the secret: %s", p.log)
	}
}
