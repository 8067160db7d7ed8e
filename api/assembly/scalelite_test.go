package assembly_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// balanced is a pool in the environment of a Scalelite with tenants, as its callers see it.
type balanced struct {
	t    *testing.T
	addr string
}

// administrate makes a call of /scalelite/api as Scalelite's documentation has it.
func (b balanced) administrate(call, query, body string) (status int, answer string) {
	b.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	address := "http://" + b.addr + "/scalelite/api/" + call + "?" + bbb.SHA256.Sign(call, query, secret)
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return b.send(r)
}

// front makes a call of a front end, at a host.
func (b balanced) front(host string, key bbb.Secret, call string, query url.Values) string {
	b.t.Helper()
	address := "http://" + b.addr + "/bigbluebutton/api/" + call + "?" + bbb.SHA1.Sign(call, query.Encode(), key)
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Host = host
	_, answer := b.send(r)
	return answer
}

func (b balanced) send(r *http.Request) (status int, answer string) {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// balance runs a pool with Scalelite's environment, and a server that was added by Scalelite's API.
func balance(t *testing.T, change func(*assembly.Options)) balanced {
	t.Helper()
	o := options(t)
	o.Settings.HTTP.PublicURL, o.Settings.HTTP.Multitenancy, o.Settings.Scalelite.Replayable = "", "true", true
	change(&o)
	p := open(t, o)
	run(t, p)
	ready(t, p)
	b := balanced{t, p.Addr()}
	sim, err := simulator.New(simulator.Config{Servers: 1, Secret: "example-secret"})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	status, answer := b.administrate("addServer", "",
		`{"server": {"url": "`+sim.Servers()[0].URL()+`", "secret":"example-secret" } }`)
	id := field(answer, "id")
	if status != http.StatusCreated || id == "" {
		t.Fatalf("addServer: %d %s", status, answer)
	}
	if status, answer = b.administrate("updateServer", "", `{"id":"`+id+`","server":{"state":"enable"}}`); status != http.StatusOK {
		t.Fatalf("updateServer: %d %s", status, answer)
	}
	return b
}

// field is what an answer in JSON has by a name, at its top or in its tenant.
func field(answer, name string) string {
	var v struct {
		ID     string
		Tenant map[string]any
	}
	_ = json.Unmarshal([]byte(answer), &v)
	if s, ok := v.Tenant[name].(string); ok {
		return s
	}
	return v.ID
}

// A site comes over with Scalelite's environment and scripts: tenants are made, changed and taken away by /scalelite/api, and
// what was changed is in force at the next call of a front end.
func TestScalelite_Tenants(t *testing.T) {
	b := balance(t, func(*assembly.Options) {})
	status, answer := b.administrate("addTenant", "", `{"tenant": {"name": "tenant1", "secrets":"secret1" } }`)
	id := field(answer, "id")
	if status != http.StatusCreated || len(id) != 36 {
		t.Fatalf("addTenant: %d %s", status, answer)
	}
	room := url.Values{"meetingID": {"room-1"}, "name": {"Room"}}
	at := "tenant1.pool.test"
	if answer := b.front(at, "secret1", "create", room); !strings.Contains(answer, "<meetingID>room-1</meetingID>") {
		t.Fatalf("create: %s", answer)
	}
	if answer := b.front(at, "secret2", "getMeetings", nil); !strings.Contains(answer, "checksumError") {
		t.Errorf("before it has the secret: %s", answer)
	}
	if status, answer = b.administrate("updateTenant", "id="+id, `{"id":"`+id+`", "tenant": {"secrets":"secret1:secret2" } }`); status != http.StatusOK {
		t.Fatalf("updateTenant: %d %s", status, answer)
	}
	for _, key := range []bbb.Secret{"secret1", "secret2"} {
		if answer := b.front(at, key, "getMeetingInfo", room); !strings.Contains(answer, "<meetingID>room-1</meetingID>") {
			t.Errorf("with %s: %s", string(key), answer)
		}
	}
	if status, answer = b.administrate("deleteTenant", "id="+id, `{"id":"`+id+`"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("with a meeting that runs: %d %s", status, answer)
	}
	info := b.front(at, "secret1", "getMeetingInfo", room)
	answered, err := bbb.ParseAnswer([]byte(info))
	if err != nil {
		t.Fatal(err)
	}
	room.Set("password", answered.Get("moderatorPW"))
	if answer := b.front(at, "secret1", "end", room); !strings.Contains(answer, "SUCCESS") {
		t.Fatalf("end: %s", answer)
	}
	if status, answer = b.administrate("deleteTenant", "id="+id, `{"id":"`+id+`"}`); status != http.StatusOK {
		t.Errorf("deleteTenant: %d %s", status, answer)
	}
	if answer := b.front(at, "secret1", "getMeetings", nil); !strings.Contains(answer, "checksumError") {
		t.Errorf("after it is gone: %s", answer)
	}
}

// Without the flag a checksum lets nobody in, however right it is, and the token of administration does.
func TestScalelite_NotReplayable(t *testing.T) {
	o := options(t)
	o.Settings.HTTP.Multitenancy, o.Token = "true", "admin-token"
	p := open(t, o)
	run(t, p)
	ready(t, p)
	b := balanced{t, p.Addr()}
	if status, answer := b.administrate("getTenants", "", ""); status != http.StatusOK || !strings.Contains(answer, "checksumError") {
		t.Errorf("by checksum: %d %s", status, answer)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr()+"/scalelite/api/getTenants", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer admin-token")
	if status, answer := b.send(r); status != http.StatusOK || answer != `{"message":"No tenants exist"}` {
		t.Errorf("by token: %d %s", status, answer)
	}
}

// Its hosts name the tenants that scripts have made, by the first label; what one has the others neither see nor get.
func TestScalelite_Hosts(t *testing.T) {
	b := balance(t, func(o *assembly.Options) { o.Settings.HTTP.PoolHost = "pool.test" })
	for _, body := range []string{
		`{"tenant": {"name": "tenant1", "secrets":"secret1" } }`, `{"tenant": {"name": "tenant2", "secrets":"secret2:secret2a" } }`,
	} {
		if status, answer := b.administrate("addTenant", "", body); status != http.StatusCreated {
			t.Fatalf("addTenant: %d %s", status, answer)
		}
	}
	room := url.Values{"meetingID": {"room-1"}, "name": {"Room"}}
	if answer := b.front("tenant1.pool.test", "secret1", "create", room); !strings.Contains(answer, "SUCCESS") {
		t.Fatalf("create: %s", answer)
	}
	for name, c := range map[string]struct {
		host   string
		secret bbb.Secret
		call   string
		want   string
	}{
		"its own":               {"tenant1.pool.test", "secret1", "getMeetingInfo", "<meetingID>room-1</meetingID>"},
		"another's meeting":     {"tenant2.pool.test", "secret2a", "getMeetingInfo", "notFound"},
		"another's create":      {"tenant2.pool.test", "secret2", "create", "notFound"},
		"another's secret":      {"tenant2.pool.test", "secret1", "getMeetings", "checksumError"},
		"the balancer's":        {"tenant1.pool.test", secret, "getMeetings", "checksumError"},
		"a tenant there is not": {"tenant3.pool.test", "secret1", "getMeetings", "checksumError"},
	} {
		if answer := b.front(c.host, c.secret, c.call, room); !strings.Contains(answer, c.want) {
			t.Errorf("%s: no %s in %s", name, c.want, answer)
		}
	}
}
