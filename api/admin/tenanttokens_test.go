package admin_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// token makes a token.
func (p *testPool) token(t *testing.T, name, tenant string, scopes ...access.Scope) string {
	t.Helper()
	n := access.New{Name: name, Tenant: tenant}
	for _, s := range scopes {
		n.Scopes = append(n.Scopes, string(s))
	}
	secret, _, err := p.tokens.Add(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

// mounted is the API as callers from the network see it.
func (p *testPool) mounted(t *testing.T) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	p.api.Mount(mux)
	return mux
}

// ask sends a request with a token.
func ask(h http.Handler, token, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, v1.Prefix+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// The tenants of these tests. Nobody has ever heard of the last one.
const (
	ours    = "aardvark"
	theirs  = "zebra"
	nobodys = "quagga"
)

// populate gives tenants everything that a tenant may have.
func (p *testPool) populate(t *testing.T, tenants ...string) {
	t.Helper()
	p.have(p.kept)
	p.add(t, "a", simulate(t, 1)[0])
	for _, tenant := range tenants {
		_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
			ID: tenant, Name: "Name of " + tenant, Created: then,
			Secrets: []store.TenantSecret{{Name: "n1", Secret: "secret of " + store.Secret(tenant)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p.create(t, store.MeetingKey{Tenant: tenant, MeetingID: tenant})
		for _, r := range recordingsOf(tenant) {
			if err := p.stores.Index.CreateRecording(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.stores.Index.AddCallbacks(t.Context(), callbacksOf(tenant)...); err != nil {
			t.Fatal(err)
		}
		p.audit.Write(t.Context(), access.Change{
			By: access.By{Who: "token of " + tenant}, Action: "set", Kind: "tenant", Object: tenant, Tenant: tenant,
			After: map[string]string{"name": tenant},
		})
		p.token(t, tenant, tenant, access.Admin)
	}
}

// recordingsOf are recordings of a tenant, in several states.
func recordingsOf(tenant string) (list []store.Recording) {
	for _, state := range []store.RecordingState{store.Published, store.Deleted, store.Awaited} {
		r := store.Recording{
			RecordID: tenant + "-" + string(state), Tenant: tenant, MeetingID: tenant, Name: "Lecture of " + tenant, State: state,
			Start: then, End: then.Add(time.Hour), Meta: map[string]string{"owner": tenant},
		}
		if state == store.Awaited {
			r.Owed = &store.Owed{Server: "a", Step: store.OwedEnded, Ended: then}
		}
		list = append(list, r)
	}
	return list
}

// callbacksOf are callbacks of a tenant, in several states.
func callbacksOf(tenant string) (list []store.Callback) {
	for id, state := range map[string]store.CallbackState{
		tenant: store.CallbackWaiting, tenant + "-published": store.CallbackDead, tenant + "-deleted": store.CallbackDone,
	} {
		list = append(list, store.Callback{
			ID: id, Kind: store.CallbackEnd, Tenant: tenant, MeetingID: tenant, Subject: tenant, State: state, Created: then,
			URL: "https://" + tenant + ".example.edu/end?token=secret-of-" + tenant + "&plain-secret", Changed: then,
		})
	}
	return list
}

// all is everything that a tenant has, to see whether it has changed.
func (p *testPool) all(t *testing.T, tenant string) string {
	t.Helper()
	record, err := p.stores.State.Tenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	kept, _, err := p.stores.Index.Recordings(t.Context(), store.RecordingFilter{Tenant: tenant, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := p.tokens.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var held []store.AdminToken
	for _, one := range tokens {
		if one.Tenant == tenant {
			held = append(held, one)
		}
	}
	var keys []store.MeetingKey
	for _, m := range p.ledger.Meetings() {
		if m.Tenant == tenant {
			keys = append(keys, m.MeetingKey)
		}
	}
	told, err := p.stores.Index.Callbacks(t.Context(), store.CallbackFilter{Tenant: tenant})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent([]any{record, kept, held, keys, told}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wish makes up a request to a route that is about a tenant, in any of the ways in which one can be named.
func wish(random *rand.Rand, pattern, about string) (method, path, body string) {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	method, path, _ = strings.Cut(pattern, " ")
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + pick(about, about+"-published", about+"-deleted", ours) + after
	}
	query := url.Values{}
	for _, name := range []string{"tenant", "id", "meetingID", "recordID", "object", "who", "internalMeetingID", "after", "server"} {
		if random.IntN(3) == 0 {
			query[name] = append(query[name], pick(about, about, ours, ""))
		}
	}
	if random.IntN(4) == 0 {
		query["tenant"] = append(query["tenant"], about)
	}
	if random.IntN(4) == 0 {
		query.Set("reveal", "true")
	}
	if random.IntN(4) == 0 {
		query.Set("state", "any")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if method == http.MethodGet {
		return method, path, ""
	}
	return method, path, pick(
		"", "{}", `{"tenant":"`+about+`"}`, `{"Tenant":"`+about+`","protect":true}`,
		`{"tenant":"`+ours+`","TENANT":"`+about+`","protect":true}`, `{"tenant":"`+about+`","tenant":"`+ours+`","protect":true}`,
		`{"tenant":"`+ours+`","tenant":"`+about+`","older_than":"1h"}`, `{"older_than":"1h"}`, `{"meta":{"owner":"x"}}`,
		`{"id":"`+about+`","meetingID":"`+about+`","tenant":"`+about+`"}`, `{"name":"`+about+`","scopes":["admin"],"tenant":"`+about+`"}`,
		`{"limits":{},"hosts":["`+about+`"],"disabled":true,"Scoped":true}`, `[{"tenant":"`+about+`"}]`, `{"tenant":{"x":1}}`, `{"tenant":null}`,
	)
}

// varying is what differs between two pools anyway: times, what is made of chance, and where they lie.
var varying = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z|[0-9a-f]{8,}(-[0-9a-f]+)?|/tmp/Test\w*/\d+`)

// A token of one tenant sees nothing of another, and changes nothing there, whatever it asks of whatever route. Two pools are
// asked the same; the other tenant is in one of them alone, and no answer tells in which.
func TestTenantTokens_Isolation(t *testing.T) {
	alone, shared := newTestPool(t), newTestPool(t)
	alone.populate(t, ours)
	shared.populate(t, ours, theirs)
	pools := []*testPool{alone, shared}
	handlers, tokens := make([]http.Handler, 2), make([][]string, 2)
	for i, p := range pools {
		handlers[i] = p.mounted(t)
		tokens[i] = append(tokens[i], p.token(t, "all", ours, access.Scopes...))
		for _, s := range access.Scopes {
			tokens[i] = append(tokens[i], p.token(t, "only-"+string(s), ours, s))
		}
	}
	before := shared.all(t, theirs)
	routes := shared.api.Routes()
	random := rand.New(rand.NewPCG(15, 6)) // the same again every time
	for range 1000 {
		pattern, token := routes[random.IntN(len(routes))], random.IntN(len(tokens[0]))
		method, path, body := wish(random, pattern, theirs)
		var status [2]int
		var answer [2]string
		for i, h := range handlers {
			status[i], answer[i] = ask(h, tokens[i][token], method, path, body)
			answer[i] = varying.ReplaceAllString(answer[i], "~")
		}
		if status[0] != status[1] || answer[0] != answer[1] || strings.Contains(answer[1], "of "+theirs) {
			t.Errorf("%s %s %s answers %d %s\nwhere there is such a tenant, else %d %s",
				method, path, body, status[1], answer[1], status[0], answer[0])
		}
	}
	if diff := cmp.Diff(before, shared.all(t, theirs)); diff != "" {
		t.Errorf("what is another's has changed:\n%s", diff)
	}
}

// A token of one tenant sees and does what is its own, as far as its scopes go, and the whole pool never.
func TestTenantTokens_Own(t *testing.T) {
	p := newTestPool(t)
	p.populate(t, ours, theirs)
	f := newRecordings()
	f.list = append(recordingsOf(ours), recordingsOf(theirs)...)
	f.owed, f.real = []recordings.Owing{{Recording: f.list[2]}, {Recording: f.list[5]}}, nil
	p.have(f)
	h := p.mounted(t)
	read, recs := p.token(t, "r", ours, access.Read), p.token(t, "recs", ours, access.Recordings)
	admin, operate := p.token(t, "boss", ours, access.Admin), p.token(t, "op", ours, access.Operate)
	tests := []struct {
		token, call, body string
		status            int
		has               string
	}{
		{read, "GET /tenants", "", 200, `"id":"aardvark"`},
		{read, "GET /tenants/aardvark", "", 200, `"id":"aardvark"`},
		{read, "GET /tenants/aardvark?reveal=true", "", 403, "scope admin"},
		{read, "GET /tenants/aardvark?reveal=t", "", 403, "scope admin"},
		{read, "GET /tenants/aardvark?reveal=false&reveal=1", "", 403, "scope admin"},
		{admin, "GET /tenants/aardvark/secret", "", 200, "secret of aardvark"},
		{read, "GET /tenants/aardvark/secret", "", 403, "scope admin"},
		{admin, "GET /tenants/zebra/secret", "", 404, `there is no tenant \"zebra\"`},
		{read, "GET /tenants/zebra", "", 404, `there is no tenant \"zebra\"`},
		{admin, "GET /tenants/zebra?reveal=true", "", 404, `there is no tenant \"zebra\"`},
		{read, "GET /meetings", "", 200, `"meetingID":"aardvark"`},
		{read, "GET /meeting?id=aardvark", "", 200, `"tenant":"aardvark"`},
		{read, "GET /meeting?id=zebra", "", 404, `tenant \"aardvark\" has no meeting \"zebra\"`},
		{read, "GET /recordings?state=any", "", 200, `"total":3`},
		{recs, "GET /recordings?state=any", "", 200, `"total":3`},
		{recs, "GET /recordings/zebra-published", "", 404, `there is no recording \"zebra-published\"`},
		{read, "POST /recordings/aardvark-published/publish", "{}", 403, "scope recordings, and this one has read"},
		{recs, "PATCH /recordings/aardvark-published", `{"meta":{"course":"7"}}`, 200, `"course":"7"`},
		{recs, "POST /recordings/aardvark-published/assign", `{"tenant":"zebra"}`, 403, "for the whole pool"},
		{recs, "POST /recordings-protect", `{"protect":true}`, 200, `"changed":1`},
		{recs, "POST /recordings-prune", `{"older_than":"1h","tenant":"zebra"}`, 404, "no tenant"},
		{recs, "GET /meetings", "", 403, "scope read"},
		{read, "GET /owed", "", 200, `"recordID":"aardvark-awaited"`},
		{read, "GET /audit", "", 200, "token of aardvark"},
		{recs, "GET /audit", "", 403, "scope admin"},
		{admin, "GET /audit?kind=tenant", "", 200, `"object":"aardvark"`},
		{read, "GET /servers", "", 403, "for the whole pool with scope read, and this one is for tenant aardvark"},
		{admin, "GET /tokens", "", 403, "for the whole pool"},
		{admin, "POST /tokens", `{"name":"x","scopes":["admin"]}`, 403, "for the whole pool"},
		{admin, "GET /status", "", 403, "for the whole pool"},
		{admin, "PATCH /tenants/aardvark", `{"tag":"big"}`, 403, "only whoever runs the pool"},
		{admin, "PATCH /tenants/aardvark", `{"TAG":"big"}`, 403, "only whoever runs the pool"},
		{read, "POST /meeting/end?id=aardvark", "{}", 403, "scope operate"},
		{operate, "POST /meeting/end?id=zebra", "{}", 404, "no meeting"},
		{operate, "POST /meeting/end?id=zebra&tenant=zebra", "{}", 404, "no tenant"},
		{operate, "POST /meeting/end?id=aardvark", "{}", 200, "owed"},
		{read, "GET /version", "", 200, "1.2.3"},
		{recs, "GET /openapi.json", "", 200, "openapi"},
	}
	for _, test := range tests {
		method, path, _ := strings.Cut(test.call, " ")
		status, answer := ask(h, test.token, method, path, test.body)
		if status != test.status || !strings.Contains(answer, test.has) {
			t.Errorf("%s %s answered %d %s, want %d with %s", test.call, test.body, status, answer, test.status, test.has)
		}
		if strings.Contains(strings.ReplaceAll(test.call+test.body, theirs, ""), theirs) || strings.Contains(answer, "of zebra") {
			t.Errorf("%s: %s", test.call, answer)
		}
	}
}

// Every route lets those in that have one of its scopes, and says to all others what they need.
func TestScopes_Routes(t *testing.T) {
	p := newTestPool(t)
	p.populate(t, ours, theirs)
	h := p.mounted(t)
	tokens := map[access.Scope]string{}
	for _, s := range access.Scopes {
		tokens[s] = p.token(t, "whole-"+string(s), "", s)
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same again every time
	for i, pattern := range p.api.Routes() {
		needs := strings.Fields(p.api.Rights()[i][36:])[0:]
		for scope, token := range tokens {
			method, path, body := wish(random, pattern, nobodys)
			path, _, _ = strings.Cut(path, "?")
			status, answer := ask(h, token, method, path, body)
			want := scope == access.Admin || needs[0] == "anybody"
			for j := 0; j < len(needs) && (j%2 == 0 || needs[j] == "or"); j++ {
				want = want || needs[j] == string(scope) || needs[j] == "read" && scope == access.Operate
			}
			var e v1.Error
			_ = json.Unmarshal([]byte(answer), &e)
			if refused := status == http.StatusForbidden && e.Code == "forbidden"; refused == want {
				t.Errorf("%s with %s answered %d %s, allowed %v", pattern, scope, status, answer, want)
			}
		}
	}
}
