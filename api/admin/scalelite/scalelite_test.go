package scalelite_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/scalelite"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

const (
	balancer = "load-balancer-secret"
	token    = "admin-token"
)

// pool is the API over a pool that nobody else serves.
type pool struct {
	t   *testing.T
	api *scalelite.API
	all *assembly.Pool
	log *bytes.Buffer
}

func newPool(t *testing.T) *pool {
	t.Helper()
	set, err := assembly.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	set.Gateway.Secret = balancer
	log := &bytes.Buffer{}
	all, err := assembly.Offline(t.Context(), assembly.Options{
		Settings: set, Data: t.TempDir(), Token: token, Log: zerolog.New(zerolog.SyncWriter(log)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Close() })
	return &pool{t, &scalelite.API{
		Config: scalelite.Config{Replayable: true}, Multitenancy: true, Pool: all.Poller, Roster: all.Admin.Servers.Roster,
		Tenants: all.Admin.Tenants.Tenancy, Door: all.Admin.Gate(), Log: zerolog.New(zerolog.SyncWriter(log)),
	}, all, log}
}

// send sends a request as it is.
func (p *pool) send(r *http.Request) (status int, body string) {
	p.t.Helper()
	w := httptest.NewRecorder()
	mux := http.NewServeMux()
	p.api.Mount(mux)
	mux.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func request(method, name, query, body string) *http.Request {
	r := httptest.NewRequest(method, scalelite.Path+name+"?"+query, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// call makes a call as Scalelite's documentation has it: with a body it is a POST.
func (p *pool) call(name, query, body string) (status int, answer string) {
	p.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	return p.send(request(method, name, bbb.SHA256.Sign(name, query, balancer), body))
}

// want makes a call and compares the answer, in which IDs are random.
func (p *pool) want(name, query, body string, status int, answer string) string {
	p.t.Helper()
	got, text := p.call(name, query, body)
	if seen.ReplaceAllString(ids.ReplaceAllString(text, "ID"), "") != answer || got != status {
		p.t.Errorf("%s?%s %s answered %d\n%s\nwant %d\n%s", name, query, body, got, text, status, answer)
	}
	return ids.FindString(text)
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// seen is what a poll that is under way may change.
var seen = regexp.MustCompile(`"(load|online)":[^,}]*,?`)

const (
	checksumError = `<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey>`
	internalError = `<response><returncode>FAILED</returncode><messageKey>internalError</messageKey>` +
		`<message>Internal error.</message></response>`
	rest = `,"lrs_endpoint":null,"lrs_username":null,"lrs_password":null,"kc_token_url":null,"kc_client_id":null,` +
		`"kc_client_secret":null,"kc_username":null,"kc_password":null,"new_record":false,"destroyed":false}`
)

// The calls about tenants have the shapes and the status codes of Scalelite, with secrets masked unless they are asked for.
func TestAPI_Tenants(t *testing.T) {
	p := newPool(t)
	p.want("getTenants", "", "", 200, `{"message":"No tenants exist"}`)
	id := p.want("addTenant", "", `{"tenant":{"name":"tenant1","secrets":"secret1:secret2"},"unknown":1}`, 201,
		`{"tenant":{"id":"ID","name":"tenant1","secrets":"***:***"`+rest+`}`)
	p.want("getTenants", "", "", 200, `[{"id":"ID","name":"tenant1","secrets":"***:***"}]`)
	p.want("getTenants", "reveal=true", "", 200, `[{"id":"ID","name":"tenant1","secrets":"secret1:secret2"}]`)
	p.want("getTenantInfo", "id="+id, "", 200, `{"id":"ID","name":"tenant1","secrets":"***:***"`+rest)
	p.want("updateTenant", "id="+id, `{"id":"`+id+`","tenant":{"secrets":"secret2:new-secret"}}`, 200,
		`{"tenant":{"id":"ID","name":"tenant1","secrets":"***:***"`+rest+`}`)
	p.want("getTenantInfo", "id="+id+"&reveal=true", "", 200, `{"id":"ID","name":"tenant1","secrets":"secret2:new-secret"`+rest)
	p.want("updateTenant", "", `{"id":"`+id+`","tenant":{"name":"tenant2"}}`, 200,
		`{"tenant":{"id":"ID","name":"tenant2","secrets":"***:***"`+rest+`}`)
	record, err := p.all.Stores.State.Tenant(t.Context(), id)
	if err != nil || record.Scoped || record.Disabled || len(record.Secrets) != 2 || record.Secrets[0].Name != "scalelite-2" ||
		record.Secrets[1].Name != "scalelite" {
		t.Errorf("stored %+v, %v", record, err)
	}
	_, err = p.all.Stores.State.UpdateTenant(t.Context(), id, func(t *store.Tenant) error {
		t.LRS = store.LRS{Endpoint: "https://lrs", User: "u", Password: "lrs-secret", ClientSecret: "kc-secret"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	own := `,"lrs_endpoint":"https://lrs","lrs_username":"u","lrs_password":"***","kc_token_url":null,"kc_client_id":null,` +
		`"kc_client_secret":"***","kc_username":null,"kc_password":null,"new_record":false,"destroyed":false}`
	p.want("getTenantInfo", "id="+id, "", 200, `{"id":"ID","name":"tenant2","secrets":"***:***"`+own)
	open := strings.NewReplacer(`"lrs_password":"***"`, `"lrs_password":"lrs-secret"`, `:"***"`, `:"kc-secret"`)
	p.want("getTenantInfo", "id="+id+"&reveal=true", "", 200, `{"id":"ID","name":"tenant2","secrets":"secret2:new-secret"`+
		open.Replace(own))
	p.want("deleteTenant", "", `{"id":"`+id+`"}`, 200, `{"success":"Tenant id=ID was destroyed"}`)
	p.want("getTenantInfo", "id="+id, "", 404, `{"error":"Couldn't find Tenant with id=ID"}`)
	for _, secret := range []string{"secret1", "secret2", "new-secret", "lrs-secret", balancer, token} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("%s is logged", secret)
		}
	}
}

// What is wrong with a call is said in Scalelite's forms, and changes nothing.
func TestAPI_TenantsRefused(t *testing.T) {
	p := newPool(t)
	id := p.want("addTenant", "", `{"tenant":{"name":"first","secrets":"secret1"}}`, 201,
		`{"tenant":{"id":"ID","name":"first","secrets":"***"`+rest+`}`)
	const both = `{"message":"Error: both name and secrets are required to create a Tenant"}`
	p.want("addTenant", "", `{"tenant":{"name":"a"}}`, 400, both)
	p.want("addTenant", "", `{"tenant":{"name":"a","secrets":":"}}`, 400, both)
	p.want("addTenant", "", `{"tenant":{"secrets":"s"}}`, 400, both)
	p.want("addTenant", "", `{"tenant":{}}`, 200, internalError)
	p.want("addTenant", "", `{}`, 200, internalError)
	p.want("addTenant", "", `[`, 200, internalError)
	p.want("updateTenant", "", `{"id":"`+id+`"}`, 200, internalError)
	p.want("updateTenant", "", `{"id":"nobody","tenant":{"name":"a"}}`, 404, `{"error":"Couldn't find Tenant with id=nobody"}`)
	p.want("deleteTenant", "", `{"id":"default"}`, 404, `{"error":"Couldn't find Tenant with id=default"}`)
	for body, words := range map[string]string{
		`{"tenant":{"name":"FIRST","secrets":"another"}}`:              `{"message":"name: tenant `,
		`{"tenant":{"name":"second","secrets":"secret1"}}`:             "another tenant has the same",
		`{"tenant":{"name":"second","secrets":"` + balancer + `"}}`:    "LOADBALANCER_SECRET",
		`{"tenant":{"name":"second","secrets":"***"}}`:                 "masks",
		`{"tenant":{"name":"second","secrets":"twice:twice"}}`:         "it is the same",
		`{"tenant":{"name":"a\u0007b","secrets":"s"}}`:                 "name: want",
		`{"tenant":{"name":"second","secrets":"own:***:` + "x" + `"}}`: "masks",
	} {
		if status, answer := p.call("addTenant", "", body); status != 400 || !strings.Contains(answer, words) {
			t.Errorf("%s answered %d %s, want %s", body, status, answer, words)
		}
	}
	status, answer := p.call("updateTenant", "", `{"id":"`+id+`","tenant":{"secrets":"***"}}`)
	if status != 422 || !strings.Contains(answer, "masks") {
		t.Errorf("a mask that is written back: %d %s", status, answer)
	}
	p.want("getTenants", "reveal=true", "", 200, `[{"id":"ID","name":"first","secrets":"secret1"}]`)
	p.api.Multitenancy = false
	p.want("getTenants", "", "", 412, `{"message":"Multitenancy is disabled"}`)
	p.want("addTenant", "", `{"tenant":{"name":"a","secrets":"s"}}`, 412, `{"message":"Multitenancy is disabled"}`)
}

// A tenant with meetings that run is not removed.
func TestAPI_DeleteTenant_Meetings(t *testing.T) {
	p := newPool(t)
	p.server()
	id := p.want("addTenant", "", `{"tenant":{"name":"a","secrets":"s"}}`, 201,
		`{"tenant":{"id":"ID","name":"a","secrets":"***"`+rest+`}`)
	creation, err := p.all.Ledger.Begin(t.Context(), store.MeetingKey{Tenant: id, MeetingID: "room"})
	if err != nil {
		t.Fatal(err)
	}
	defer creation.End()
	if _, err := creation.Place(t.Context(), placement.Wish{}, nil); err != nil {
		t.Fatal(err)
	}
	status, answer := p.call("deleteTenant", "", `{"id":"`+id+`"}`)
	if status != 422 || !strings.Contains(answer, "1 meeting with") {
		t.Errorf("answered %d %s", status, answer)
	}
}

// server adds a simulated server, enabled, and returns its ID and address.
func (p *pool) server() (id, address string) {
	p.t.Helper()
	sim, err := simulator.New(simulator.Config{Servers: 1, Secret: "server-secret"})
	if err != nil {
		p.t.Fatal(err)
	}
	sim.Start()
	p.t.Cleanup(sim.Close)
	address = sim.Servers()[0].URL()
	id = p.want("addServer", "", `{"server":{"url":"`+address+`","secret":"server-secret","load_multiplier":2.5,"tag":"big"}}`, 201,
		shown(address, "disabled", "2.5", "big"))
	if status, answer := p.call("updateServer", "", `{"id":"`+id+`","server":{"state":"enable"}}`); status != 200 {
		p.t.Fatalf("enable: %d %s", status, answer)
	}
	if status, answer := p.call("updateServer", "", `{"id":"`+id+`","server":{"tag":""}}`); status != 200 {
		p.t.Fatalf("untag: %d %s", status, answer)
	}
	return id, address
}

// shown is a server as Scalelite shows it, but for what a poll has seen.
func shown(address, state, multiplier, tag string) string {
	return `{"id":"ID","url":"` + address + `","secret":"***","tag":"` + tag + `","bbb_version":"","state":"` + state +
		`","load_multiplier":"` + multiplier + `",}`
}

// The calls about servers have the shapes and the status codes of Scalelite.
func TestAPI_Servers(t *testing.T) {
	p := newPool(t)
	p.want("getServers", "", "", 404, `{"error":"No servers are configured"}`)
	id, address := p.server()
	known := func(body string) string { return `{"id":"` + id + `",` + body + `}` }
	status, answer := p.call("getServers", "", "")
	var list []map[string]any
	if json.Unmarshal([]byte(answer), &list) != nil || status != 200 || len(list) != 1 || list[0]["state"] != "enabled" ||
		list[0]["load"] == nil || list[0]["online"] == nil {
		t.Errorf("answered %d %s", status, answer)
	}
	p.want("updateServer", "", known(`"server":{"state":"cordon","load_multiplier":"4","tag":"other"}`), 200,
		shown(address, "cordoned", "4.0", "other"))
	p.want("updateServer", "", known(`"server":{"state":"disable"}`), 200,
		shown(address, "disabled", "4.0", "other"))
	p.want("updateServer", "", known(`"server":{"state":"gone"}`), 400, `{"error":"Invalid state parameter: gone"}`)
	p.want("updateServer", "", known(`"server":{"load_multiplier":0}`), 400, `{"error":"Load-multiplier must be a non-zero number"}`)
	p.want("updateServer", "", `{"id":"x","server":{"tag":""}}`, 404, `{"error":"Couldn't find server with id=x"}`)
	p.want("updateServer", "", `{"id":"`+id+`"}`, 200, internalError)
	p.want("addServer", "", `{"server":{"url":"http://a.test"}}`, 400, `{"error":"Server needs a URL and a secret"}`)
	if status, answer := p.call("updateServer", "", known(`"server":{"secret":"***"}`)); status != 400 || !strings.Contains(answer, "masks") {
		t.Errorf("a mask that is written back: %d %s", status, answer)
	}
	if status, answer := p.call("getServerInfo", "id="+id+"&reveal=true", ""); status != 200 ||
		!strings.Contains(answer, `"secret":"server-secret"`) {
		t.Errorf("revealed: %d %s", status, answer)
	}
	p.want("panicServer", "", `{"id":"`+id+`"}`, 200,
		`{"success":"Server id=ID has been disabled and the meetings have been destroyed"}`)
	p.want("deleteServer", "", `{"id":"`+id+`"}`, 200, `{"success":"Server id=ID was destroyed"}`)
	p.want("deleteServer", "", `{"id":"`+id+`"}`, 404, `{"error":"Couldn't find server with id=ID"}`)
}

// With SERVER_ID_IS_HOSTNAME a server is known by the name of its host.
func TestAPI_AddServer_HostID(t *testing.T) {
	p := newPool(t)
	p.api.Config.HostIDs = true
	status, answer := p.call("addServer", "", `{"server":{"url":"http://LocalHost:9/bigbluebutton/api","secret":"s"}}`)
	if status != 201 || !strings.HasPrefix(answer, `{"id":"localhost",`) {
		t.Errorf("answered %d %s", status, answer)
	}
}

// Nobody comes in but with a token, or with a right checksum where that was allowed.
func TestAPI_WhoComesIn(t *testing.T) {
	p := newPool(t)
	bearer := func(r *http.Request, with string) *http.Request {
		r.Header.Set("Authorization", "Bearer "+with)
		return r
	}
	signed := func(alg bbb.Algorithm, name, secret string) *http.Request {
		return request("GET", name, alg.Sign("getTenants", "", bbb.Secret(secret)), "")
	}
	const yes = `{"message":"No tenants exist"}`
	for name, c := range map[string]struct {
		r          *http.Request
		replayable bool
		want       string
	}{
		"sha1":                   {signed(bbb.SHA1, "getTenants", balancer), true, yes},
		"sha256":                 {signed(bbb.SHA256, "getTenants", balancer), true, yes},
		"sha512":                 {signed(bbb.SHA512, "getTenants", balancer), true, yes},
		"sha384":                 {signed(bbb.SHA384, "getTenants", balancer), true, checksumError},
		"another secret":         {signed(bbb.SHA256, "getTenants", "other"), true, checksumError},
		"an empty secret":        {signed(bbb.SHA256, "getTenants", ""), true, checksumError},
		"of another call":        {signed(bbb.SHA256, "getServers", balancer), true, checksumError},
		"none":                   {request("GET", "getTenants", "", ""), true, checksumError},
		"right, and not allowed": {signed(bbb.SHA256, "getTenants", balancer), false, checksumError + "<message>This checksum could be replayed"},
		"the token":              {bearer(request("GET", "getTenants", "", ""), token), false, yes},
		"another token":          {bearer(request("GET", "getTenants", "", ""), "wrong"), false, checksumError},
		"another query":          {request("GET", "getTenants", bbb.SHA256.Sign("getTenants", "", balancer)+"&reveal=true", ""), true, checksumError},
	} {
		p.api.Config.Replayable = c.replayable
		if status, answer := p.send(c.r); status != 200 || !strings.HasPrefix(answer, c.want) {
			t.Errorf("%s: answered %d %s", name, status, answer)
		}
	}
}

// Methods, types and names that Scalelite does not take are refused as it does.
func TestAPI_Forms(t *testing.T) {
	p := newPool(t)
	key := func(r *http.Request) string {
		_, answer := p.send(r)
		return regexp.MustCompile(`<messageKey>(.*)</messageKey>`).FindString(answer)
	}
	form := request("POST", "addTenant", bbb.SHA256.Sign("addTenant", "", balancer), "name=a")
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	large := request("POST", "addTenant", bbb.SHA256.Sign("addTenant", "", balancer),
		`{"tenant":{"name":"`+strings.Repeat("a", 70_000)+`","secrets":"s"}}`)
	got := []string{
		key(request("POST", "getTenants", bbb.SHA256.Sign("getTenants", "", balancer), "{}")),
		key(request("GET", "addTenant", bbb.SHA256.Sign("addTenant", "", balancer), "")),
		key(request("GET", "getSecrets", bbb.SHA256.Sign("getSecrets", "", balancer), "")), key(form), key(large),
	}
	want := []string{"unsupportedRequest", "unsupportedRequest", "unsupportedRequest", "unsupportedContentType", "internalError"}
	for i := range want {
		want[i] = "<messageKey>" + want[i] + "</messageKey>"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Without a secret in the environment the balancer's is that of the default tenant, as long as that verifies.
func TestAPI_DefaultTenantsSecret(t *testing.T) {
	p := newPool(t)
	p.api.Tenants.Environment = nil
	if status, answer := p.call("getTenants", "", ""); status != 200 || !strings.HasPrefix(answer, checksumError) {
		t.Errorf("without any: %d %s", status, answer)
	}
	_, err := p.all.Stores.State.CreateTenant(t.Context(), store.Tenant{ID: store.DefaultTenant, Secrets: []store.TenantSecret{
		{Name: "old", Secret: "expired", Expires: time.Now().Add(-time.Hour)}, {Name: store.GeneratedSecret, Secret: balancer},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.want("getTenants", "", "", 200, `{"message":"No tenants exist"}`)
	r := request("GET", "getTenants", bbb.SHA256.Sign("getTenants", "", "expired"), "")
	if _, answer := p.send(r); !strings.HasPrefix(answer, checksumError) {
		t.Errorf("one that has expired: %s", answer)
	}
}

// entries are what the audit log has, the oldest first: what was done to what, and whose that is.
func (p *pool) entries() (lines []string) {
	p.t.Helper()
	list, err := p.all.Audit.List(p.t.Context(), store.AuditFilter{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	slices.Reverse(list)
	for _, a := range list {
		if a.Via != access.Scalelite || a.Who != "token scalelite checksum" {
			p.t.Errorf("it came by %s from %s", a.Via, a.Who)
		}
		lines = append(lines, ids.ReplaceAllString(fmt.Sprintf("%s %s %s of %q", a.Action, a.Kind, a.Object, a.Tenant), "ID"))
	}
	return lines
}

// Every change is in the audit log once, what takes long when it begins and when it ends, and who has looked at secrets; what
// is refused, or looked at without them, is not.
func TestAPI_Audit(t *testing.T) {
	p := newPool(t)
	tenant := p.want("addTenant", "", `{"tenant":{"name":"a","secrets":"s1:s2"}}`, 201,
		`{"tenant":{"id":"ID","name":"a","secrets":"***:***"`+rest+`}`)
	p.call("addTenant", "", `{"tenant":{"name":"a","secrets":"s3"}}`)
	p.call("getTenants", "", "")
	p.call("getTenantInfo", "id="+tenant+"&reveal=true", "")
	p.call("updateTenant", "", `{"id":"`+tenant+`","tenant":{"secrets":"s2:s4"}}`)
	p.call("deleteTenant", "", `{"id":"`+tenant+`"}`)
	p.call("deleteTenant", "", `{"id":"`+tenant+`"}`)
	_, added := p.call("addServer", "", `{"server":{"url":"http://127.0.0.1:1/","secret":"server-secret"}}`)
	server := ids.FindString(added)
	p.call("updateServer", "", `{"id":"`+server+`","server":{"load_multiplier":2,"state":"enable"}}`)
	p.call("updateServer", "", `{"id":"`+server+`","server":{"load_multiplier":0}}`)
	p.call("getServerInfo", "id="+server, "")
	p.call("panicServer", "", `{"id":"`+server+`"}`)
	p.call("deleteServer", "", `{"id":"`+server+`"}`)
	want := []string{
		`add tenant ID of "ID"`, `show tenant ID of "ID"`, `set tenant ID of "ID"`, `remove tenant ID of "ID"`,
		`add server ID of ""`, `set server ID of ""`, `panic server ID of ""`, `panic ended server ID of ""`, `remove server ID of ""`,
	}
	if diff := cmp.Diff(want, p.entries()); diff != "" {
		t.Errorf("the audit log (-want +got):\n%s", diff)
	}
}

// What Scalelite's documentation gave as examples for years has nothing around what is asked for: Rails wraps it.
func TestAPI_Unwrapped(t *testing.T) {
	p := newPool(t)
	tenant := p.want("addTenant", "", `{"name": "example-tenant", "secrets":"example-secret" }`, 201,
		`{"tenant":{"id":"ID","name":"example-tenant","secrets":"***"`+rest+`}`)
	p.want("updateTenant", "id="+tenant, `{"id":"`+tenant+`", "secrets":"new-secret" }`, 200,
		`{"tenant":{"id":"ID","name":"example-tenant","secrets":"***"`+rest+`}`)
	if status, answer := p.call("getTenantInfo", "id="+tenant+"&reveal=true", ""); status != 200 || !strings.Contains(answer, `"new-secret"`) {
		t.Errorf("it has %d %s", status, answer)
	}
	status, added := p.call("addServer", "", `{"url": "http://127.0.0.1:1/bigbluebutton/api", "secret":"example-secret" }`)
	if status != http.StatusCreated {
		t.Fatalf("addServer answered %d %s", status, added)
	}
	server := ids.FindString(added)
	if status, answer := p.call("updateServer", "", `{"id": "`+server+`", "secret":"new-secret" }`); status != http.StatusOK {
		t.Errorf("updateServer answered %d %s", status, answer)
	}
	for call, body := range map[string]string{
		"addTenant": `{"surname":"x"}`, "updateServer": `{"id":"` + server + `"}`, "updateTenant": `{"id":"` + tenant + `","tenant":{}}`,
		"addServer": `{"server":"http://127.0.0.1:2/","url":"http://127.0.0.1:2/","secret":"s"}`,
	} {
		if status, answer := p.call(call, "", body); status != http.StatusOK || !strings.Contains(answer, "internalError") {
			t.Errorf("%s %s answered %d %s", call, body, status, answer)
		}
	}
}
