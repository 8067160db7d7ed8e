package admin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// written makes a call, and returns its status and what the log has of it, an entry in a line.
func (p *testPool) written(t *testing.T, call, body string) (status int, lines []string) {
	t.Helper()
	before := len(p.entries(t))
	method, path, _ := strings.Cut(call, " ")
	status, _ = p.request(t, method, path, body)
	for _, e := range p.entries(t)[before:] {
		lines = append(lines, said(e))
	}
	return status, lines
}

// changesOfTenants are calls that change a tenant, and how the entry of each begins.
var changesOfTenants = []struct{ call, body, want string }{
	{"POST /tenants", `{"id":"physics","secrets":[{"name":"a","secret":"hidden-a"}]}`, `add tenant physics of "physics":  -> {`},
	{"PATCH /tenants/physics", `{"limits":{"meetings":5}}`, `set tenant physics of "physics": {`},
	{"POST /tenants/physics/disable", `{}`, `disable tenant physics of "physics": {`},
	{"POST /tenants/physics/enable", `{}`, `enable tenant physics of "physics": {`},
	{"POST /tenants/physics/secrets", `{"name":"b","secret":"hidden-b"}`, `add secret b of "physics": `},
	{"POST /tenants/physics/secrets/rotate", `{"name":"c","secret":"hidden-c"}`, `rotate secret c of "physics": `},
	{"DELETE /tenants/physics/secrets/a", ``, `retire secret a of "physics": `},
	{
		"PUT /tenants/physics/params", `{"call":"create","op":"cap","name":"maxParticipants","value":"50"}`,
		`set parameter create maxParticipants of "physics":  -> `,
	},
	{
		"DELETE /tenants/physics/params?call=create&name=maxParticipants", ``,
		`remove parameter create maxParticipants of "physics": `,
	},
	{"DELETE /tenants/physics", ``, `remove tenant physics of "physics": {`},
}

// Every change of a tenant has one entry, under the tenant and without its secrets, also where it is stored and does not come
// into force: somebody has made it. A look has none, but for one at secrets.
func TestAudit_Tenants(t *testing.T) {
	for name, failing := range map[string]error{"in force": nil, "not in force yet": errors.New("the disk is gone")} {
		t.Run(name, func(t *testing.T) {
			p := newTestPool(t)
			p.api.Tenants.Reload = func(context.Context) error { return failing }
			for _, test := range changesOfTenants {
				status, got := p.written(t, test.call, test.body)
				if len(got) != 1 || !strings.HasPrefix(got[0], test.want) || strings.Contains(got[0], "hidden") {
					t.Errorf("%s answered %d, and the log has %q, want one that begins with %s", test.call, status, got, test.want)
				}
				if failing != nil && status != http.StatusInternalServerError {
					t.Errorf("%s answered %d", test.call, status)
				}
			}
			for _, call := range []string{
				"GET /tenants", "GET /tenants/physics", "DELETE /tenants/physics", "PATCH /tenants/physics", "POST /tenants/physics/enable",
				"GET /usage", "GET /history/find?id=x", "GET /audit",
			} {
				if _, got := p.written(t, call, "{}"); got != nil {
					t.Errorf("%s: the log has %q", call, got)
				}
			}
		})
	}
}

// A secret that is shown is in the log, with whose it is.
func TestAudit_SecretShown(t *testing.T) {
	p := newTestPool(t)
	if status, _ := p.written(t, "POST /tenants", `{"id":"physics"}`); status != http.StatusCreated {
		t.Fatal(status)
	}
	if _, got := p.written(t, "GET /tenants/physics/secret", ""); len(got) != 1 || got[0] != `show secret first of "physics":  -> ` {
		t.Errorf("the log has %q", got)
	}
	if _, got := p.written(t, "GET /tenants?reveal=true", ""); len(got) != 1 || got[0] != `show tenant  of "":  -> ` {
		t.Errorf("the log has %q", got)
	}
}

// ofTenant is what a list says of every tenant.
const ofTenant = `"scoped":true,"limits":{"meetings":0,"people":0,"meeting_people":0,"per_hour":0,"duration_minutes":0,` +
	`"recording":true,"servers":[],"requests":0,"statuses":false}`

// A sync has an entry when it begins and one when it ends, and in between one for everything that it has changed, under its
// ID: whoever asks what became of one server or tenant finds it. What failed was not changed, and a second sync changes nothing.
func TestAudit_Sync(t *testing.T) {
	p := newTestPool(t)
	s := simulate(t, 1)[0]
	p.add(t, "a", s)
	for _, test := range []struct {
		call, body string
		want       []string
	}{
		{
			"POST /tenants/sync", `{"tenants":[{"id":"physics","enabled":true,` + ofTenant + `},{"id":"arts","enabled":true,` + ofTenant + `,"hosts":["arts.example"]}]}`,
			[]string{`sync tenant arts,physics`, `add tenant arts of "arts"`, `add tenant physics of "physics"`, `sync ended tenant`},
		},
		{"POST /tenants/sync", `{"tenants":[{"id":"physics","enabled":true,` + ofTenant + `}],"mode":"remove","dry_run":true}`, nil},
		{
			"POST /tenants/sync", `{"tenants":[{"id":"physics","enabled":false,` + ofTenant + `,"tag":"big"}],"mode":"remove"}`,
			[]string{`sync tenant arts,physics`, `remove tenant arts of "arts"`, `set tenant physics of "physics"`, `sync ended tenant`},
		},
		{"POST /tenants/sync", `{"tenants":[{"id":"physics","enabled":false,` + ofTenant + `,"tag":"big"}],"mode":"remove"}`, nil},
		{
			"POST /servers/sync", `{"mode":"keep","servers":[{"id":"a","url":"` + s.URL() + `","secret":"` + string(s.Secret()) +
				`","enabled":true,"weight":3}]}`,
			[]string{`sync server`, `set server a of ""`, `sync ended server`},
		},
	} {
		status, got := p.written(t, test.call, test.body)
		if len(got) != len(test.want) {
			t.Fatalf("%s answered %d, and the log has %q", test.call, status, got)
		}
		for i, want := range test.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: entry %d is %s, want %s", test.call, i, got[i], want)
			}
		}
	}
	list, err := p.Audit.List(t.Context(), v1.AuditFilter{Tenant: "physics"})
	if err != nil || len(list) != 2 {
		t.Errorf("of one tenant: %+v, %v", list, err)
	}
}

// A list of all tenants may be larger than other bodies; what is too large is said with how large it may be.
func TestBodies(t *testing.T) {
	p := newTestPool(t)
	long := strings.Repeat(" ", 2<<20)
	if status, answer := p.request(t, "POST", "/tenants/sync", `{"tenants":[]`+long+`}`); status != http.StatusOK {
		t.Errorf("a long list answered %d %s", status, answer)
	}
	for path, limit := range map[string]string{"/tenants": "1048576 bytes", "/tenants/sync": "33554432 bytes"} {
		status, answer := p.request(t, "POST", path, "{"+strings.Repeat(long, 17)+"}")
		if status != http.StatusRequestEntityTooLarge || !strings.Contains(answer, limit) {
			t.Errorf("%s answered %d %s", path, status, answer)
		}
	}
}

// The environment's token is listed, and goes where it came from.
func TestTokens_Environment(t *testing.T) {
	p := newTestPool(t)
	p.api.Token, p.api.Tokens.Environment = "envir0nment", "envir0nment"
	status, answer := p.request(t, "DELETE", "/tokens/admin", "")
	if status != http.StatusConflict || !strings.Contains(answer, "BBBPOOL_ADMIN_TOKEN") {
		t.Errorf("answered %d %s", status, answer)
	}
	if _, err := p.Tokens.Add(t.Context(), v1.NewToken{Name: "x", Scopes: []string{"read"}, Tenant: "nobody"}); err == nil {
		t.Error("a token of a tenant that is not there")
	}
}
