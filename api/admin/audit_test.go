package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// entries are what the audit log has, the oldest first.
func (p *testPool) entries(t *testing.T) []v1.AuditEntry {
	t.Helper()
	list, err := p.Audit.List(t.Context(), v1.AuditFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// newest is the last entry.
func (p *testPool) newest(t *testing.T) v1.AuditEntry {
	t.Helper()
	list := p.entries(t)
	if len(list) == 0 {
		t.Fatal("nothing is in the audit log")
	}
	return list[len(list)-1]
}

// said is an entry in a line, but for who and when.
func said(e v1.AuditEntry) string {
	return fmt.Sprintf("%s %s %s of %q: %s -> %s", e.Action, e.Kind, e.Object, e.Tenant, inJSON(e.Before), inJSON(e.After))
}

func inJSON(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Every change is in the log with what there was before and after; what was refused, or looked at alone, is not.
func TestAudit_Changes(t *testing.T) {
	p := newTestPool(t)
	f := newRecordings()
	f.real = p.owed
	p.have(f)
	s := simulate(t, 1)[0]
	if _, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: "physics"}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		call, body string
		want       []string // words of each entry
	}{
		{"POST /servers", `{"url":"` + s.URL() + `","secret":"` + string(s.Secret()) + `","id":"a"}`, []string{
			`add server a of "":  -> {`, `"state":"disabled"`, `"weight":1`,
		}},
		{"PATCH /servers/a", `{"weight":2,"tag":"big"}`, []string{
			`set server a`, `"weight":1} -> {`, `"changed":["weight: 1 -\u003e 2","tag: big"]`, `"tag":"big"`, `"weight":2`,
		}},
		{"PATCH /servers/a", `{"secret":"an0ther","force":true}`, []string{`"changed":["secret: *** -\u003e ***"]`, `"force":true`}},
		{"PATCH /servers/a", `{"secret":"` + string(s.Secret()) + `"}`, []string{`set server a`}},
		{"PATCH /servers/a", `{"weight":-1}`, nil},
		{"PATCH /servers/nope", `{"weight":1}`, nil},
		{"POST /servers/a/enable", `{}`, []string{`enable server a`, `"state":"disabled"`, ` -> {`, `"state":"enabled"`}},
		{"POST /servers/a/test", `{}`, []string{`test server a`, `test ended server a`, `"passed":true`}},
		{"POST /servers/a/cordon", `{}`, []string{`cordon server a`, `"state":"cordoned"`}},
		{"POST /servers/a/drain", `{"force":true}`, []string{`drain server a`, `"force":true`}},
		{"POST /servers/a/drain", `{"force":true,"wait":true}`, []string{`drain server a`, `drain ended server a`, `"state":"disabled"`}},
		{"POST /servers/a/disable", `{}`, []string{`disable server a`}},
		{"POST /servers/sync", `{"mode":"keep","servers":[],"dry_run":true}`, nil},
		{"POST /servers/sync", `{"mode":"keep","servers":[]}`, []string{`sync server`, `"mode":"keep"`, `sync ended server`}},
		{"POST /servers/a/panic", `{}`, []string{`panic server a`, `panic ended server a`, `"ended":0`}},
		{"GET /servers?reveal=true", ``, []string{`show server`}},
		{"GET /servers", ``, nil},
		{"POST /check", `{}`, nil},
		{"DELETE /servers/a?force=true", ``, []string{`remove server a`, `"state":"disabled"`, `-> {"force":true}`}},
		{"POST /recordings/r1/unpublish", `{}`, []string{
			`unpublish recording r1 of "default"`, `"state":"published"`, ` -> {`, `"state":"unpublished"`,
		}},
		{"POST /recordings/r1/publish", `{}`, []string{`publish recording r1`}},
		{"POST /recordings/r1/protect", `{}`, []string{`protect recording r1`, `"protected":false`, ` -> {`, `"protected":true`}},
		{"POST /recordings/r1/unprotect", `{}`, []string{`unprotect recording r1`}},
		{"PATCH /recordings/r1", `{"meta":{"course":"8"}}`, []string{`edit recording r1`, `"course":"7"`, ` -> {`, `"course":"8"`}},
		{"POST /recordings/r1/assign", `{"tenant":"physics"}`, []string{
			`assign recording r1 of "physics"`, `"tenant":"default"`, ` -> {`, `"tenant":"physics"`,
		}},
		{"DELETE /recordings/r1", ``, []string{`delete recording r1 of "physics"`, `"state":"published"`}},
		{"POST /recordings/r1/restore", `{}`, []string{`restore recording r1`, `"state":"deleted"`, ` -> {`, `"state":"unpublished"`}},
		{"DELETE /recordings/r2", ``, nil},
		{"POST /recordings-protect", `{"protect":true,"tenant":"physics"}`, []string{
			`protect recording  of "physics"`, `protect ended recording  of "physics"`, `"changed":1`,
		}},
		{"POST /recordings-verify", `{}`, nil},
		{"POST /recordings-verify", `{"repair":true}`, []string{`verify recording`, `"repair":true`, `verify ended`}},
		{"POST /recordings-prune", `{"older_than":"1d","dry_run":true}`, nil},
		{"POST /recordings-prune", `{"older_than":"1d"}`, []string{`prune recording`, `"older_than":"1d"`, `prune ended`, `"remaining":7`}},
		{"POST /recordings-import", `{"path":"/srv/x.tar"}`, []string{`import recording /srv/x.tar`, `import ended recording /srv/x.tar`}},
		{"POST /recordings-import", `{"path":"/broken"}`, []string{`import recording /broken`, `import ended`, `"error":"Internal error."`}},
		{"POST /job/retry?id=one.tar", `{}`, []string{`retry import one.tar`, `"state":"waiting"`}},
		{"DELETE /job?id=one.tar", ``, []string{`drop import one.tar`}},
		{"DELETE /job?id=busy.tar", ``, nil},
		{"POST /tokens", `{"name":"night","scopes":["read"],"tenant":"physics","expires_in":"90d"}`, []string{
			`add token night of "physics"`, `"scopes":["read"]`, `"expires":"2`,
		}},
		{"POST /tokens", `{"name":"night","scopes":["admin"]}`, nil},
		{"DELETE /tokens/night", ``, []string{`revoke token night of "physics": {`}},
	}
	for _, test := range tests {
		before := len(p.entries(t))
		method, path, _ := strings.Cut(test.call, " ")
		status, answer := p.request(t, method, path, test.body)
		var got []string
		for _, e := range p.entries(t)[before:] {
			got = append(got, said(e))
		}
		text := strings.Join(got, "\n")
		if (test.want == nil) != (text == "") {
			t.Errorf("%s %s answered %d %s, and the log has %q", test.call, test.body, status, answer, text)
		}
		for _, words := range test.want {
			if !strings.Contains(text, words) {
				t.Errorf("%s: %s\ndoes not have %s", test.call, text, words)
			}
		}
		if n := strings.Count(text, "\n") + 1; n > 2 {
			t.Errorf("%s: %d entries:\n%s", test.call, n, text)
		}
	}
}

// A meeting that an operator has ended is in the log with where it was.
func TestAudit_EndMeeting(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	p.create(t, store.MeetingKey{Tenant: "physics", MeetingID: "algebra"})
	if status, answer := p.request(t, "POST", "/meeting/end?id=algebra&tenant=physics", "{}"); status != http.StatusOK {
		t.Fatal(status, answer)
	}
	got := said(p.newest(t))
	for _, words := range []string{`end meeting algebra of "physics": {`, `"server":"a"`, `-> {"owed":[]}`} {
		if !strings.Contains(got, words) {
			t.Errorf("%s does not have %s", got, words)
		}
	}
}

// No secret that the pool knows, or gives away, is in any entry, whatever was done with it.
func TestAudit_Secrets(t *testing.T) {
	p := newTestPool(t)
	s := simulate(t, 1)[0]
	p.api.Token = "envir0nment"
	p.api.Tokens.Environment = "envir0nment"
	if _, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: "default", Secrets: []store.TenantSecret{{Name: "n1", Secret: "fr0nt-end"}},
	}); err != nil {
		t.Fatal(err)
	}
	p.add(t, "a", s)
	secrets := []string{string(s.Secret()), "envir0nment", "fr0nt-end", "n3w-secret"}
	for _, call := range []string{
		`PATCH /servers/a {"secret":"n3w-secret","force":true}`, `GET /servers?reveal=true `, `GET /tenants/default?reveal=true `,
		`POST /servers/a/panic {"skip_end_calls":true}`, `PATCH /tenants/default {"ignore_hints":true}`,
		`POST /servers/sync {"mode":"keep","servers":[{"id":"b","url":"http://b.example","secret":"n3w-secret","enabled":false}]}`,
	} {
		method, rest, _ := strings.Cut(call, " ")
		path, body, _ := strings.Cut(rest, " ")
		if status, answer := p.request(t, method, path, body); status != http.StatusOK {
			t.Errorf("%s answered %d %s", call, status, answer)
		}
	}
	added, err := p.Tokens.Add(t.Context(), v1.NewToken{Name: "night", Scopes: []string{"admin"}})
	if err != nil || !strings.HasPrefix(added.Secret.Reveal(), "bbbpool_") {
		t.Fatal(added, err)
	}
	secrets = append(secrets, added.Secret.Reveal())
	stored, err := p.audit.List(t.Context(), store.AuditFilter{Limit: 1000})
	if err != nil || len(stored) < 9 {
		t.Fatalf("%d entries, %v", len(stored), err)
	}
	text := fmt.Sprintf("%+v", stored) + p.log.String()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the audit log, or in the log:\n%s", secret, text)
		}
	}
}

// An entry says who has made the change, and how: a user of this machine by our commands or by others, or a token's holder
// and the address that it came from.
func TestAudit_Who(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	p.api.Token = "envir0nment"
	night := p.token(t, "night", "", access.Operate)
	h := p.mounted(t)
	call := func(h http.Handler, agent, token, remote string) v1.AuditEntry {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, v1.Prefix+"/servers/a/cordon", strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", agent)
		r.RemoteAddr = remote
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
		return p.newest(t)
	}
	self := fmt.Sprint(os.Getuid())
	for _, test := range []struct {
		got            v1.AuditEntry
		who, via, from string
	}{
		{call(p.api.Handler(), v1.CommandLine+"/1.2.3", "", "@"), self, "cli", ""},
		{call(p.api.Handler(), "curl/8", "", ""), self, "api", ""},
		{call(h, "", "envir0nment", "192.0.2.1:1"), "token admin", "api", "192.0.2.1"},
		{call(h, v1.CommandLine, night, "[2001:db8::1]:1"), "token night", "cli", "2001:db8::1"},
		{call(h, "x", night, "[::ffff:192.0.2.1]:1"), "token night", "api", "192.0.2.1"},
	} {
		e := test.got
		if !strings.Contains(e.Who, test.who) || e.Via != test.via || e.From != test.from {
			t.Errorf("got %q %q %q, want %+v", e.Who, e.Via, e.From, test)
		}
	}
	if list, err := p.Tokens.List(t.Context()); err != nil || list[len(list)-1].Used == nil {
		t.Errorf("nobody knows that a token was used: %+v, %v", list, err)
	}
}

// Where a handler does not say what it changes, what the request says is written; a look is not.
func TestAudit_Fallback(t *testing.T) {
	p := newTestPool(t)
	done := func(*http.Request) (any, error) { return nil, nil } //nolint:nilnil // there is nothing to say
	fails := func(*http.Request) (any, error) { return nil, errors.New("no") }
	for _, test := range []struct {
		pattern, method, path string
		handle                func(*http.Request) (any, error)
		want                  string
	}{
		{"PUT /things/{id}", "PUT", "/things/x", done, `PUT /things/{id}  x of "":  -> `},
		{"POST /thing", "POST", "/thing?id=y", done, `POST /thing  y of "":  -> `},
		{"POST /thing", "POST", "/thing?id=z", fails, ""},
		{"GET /thing", "GET", "/thing?id=z", done, ""},
		{"GET /thing", "HEAD", "/thing?id=z", done, ""},
	} {
		before := len(p.entries(t))
		r := httptest.NewRequest(test.method, v1.Prefix+test.path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		p.api.Unconverted(test.pattern, test.handle).ServeHTTP(httptest.NewRecorder(), r)
		list, got := p.entries(t), ""
		if len(list) > before {
			got = said(list[len(list)-1])
		}
		if got != test.want {
			t.Errorf("%s %s: the log has %q, want %q", test.method, test.path, got, test.want)
		}
	}
}

// What stands although not all of it could be done is in the log, too.
func TestAudit_HalfDone(t *testing.T) {
	p := newTestPool(t)
	f := newRecordings()
	f.behind = errors.New("its files are still where they were")
	p.have(f)
	if status, answer := p.request(t, "DELETE", "/recordings/r1", ""); status != http.StatusConflict {
		t.Errorf("answered %d %s", status, answer)
	}
	if got := said(p.newest(t)); !strings.HasPrefix(got, `delete recording r1 of "default": {`) {
		t.Errorf("the log has %s", got)
	}
}

// Long work is in the log before it has done anything, and once more when it has ended, also where nobody waits for that.
func TestAudit_HungUp(t *testing.T) {
	p := newTestPool(t)
	f := newRecordings()
	p.have(f)
	ctx, hangUp := context.WithCancel(t.Context())
	f.work = func(ctx context.Context, _ func(v1.Progress)) error {
		if got := said(p.newest(t)); !strings.HasPrefix(got, "prune recording") {
			t.Errorf("the log has %s", got)
		}
		hangUp()
		<-ctx.Done()
		return ctx.Err()
	}
	_, err := p.Recordings.Prune(ctx, v1.PruneOptions{KeepUnder: 1}, func(v1.Progress) {})
	if err == nil {
		t.Error("nobody has hung up")
	}
	if got := said(p.newest(t)); !strings.HasPrefix(got, "prune ended recording") || !strings.Contains(got, `"error"`) {
		t.Errorf("the log has %s", got)
	}
}

type (
	audits     = store.Audits
	lostAudits struct{ audits }
)

func (lostAudits) AddAudit(context.Context, store.Audit) error { return errors.New("disk full") }

// A change that cannot be written down is made all the same, and is a problem.
func TestAudit_Lost(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	p.audit.Store = lostAudits{p.audit.Store}
	if _, err := p.Servers.Cordon(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if s, err := p.Servers.Show(t.Context(), "a"); err != nil || s.State != "cordoned" {
		t.Errorf("it became %v, %v", s.State, err)
	}
	found := p.problems.List(t.Context())
	if !slices.ContainsFunc(found, func(one problems.Problem) bool { return one.Name == "audit-log" }) {
		t.Errorf("problems %+v", found)
	}
}

// The log is read page by page, and by who, how, what and when.
func TestAudit_List(t *testing.T) {
	p := newTestPool(t)
	for i := range 25 {
		p.audit.Write(t.Context(), access.Change{
			By: access.By{Who: fmt.Sprintf("token t%d", i%2), Via: "api"}, Action: []string{"add", "set"}[i%2], Kind: "server",
			Object: fmt.Sprint(i), Tenant: []string{"", "physics"}[i%2],
		})
	}
	var got []string
	f := v1.AuditFilter{Limit: 10}
	for {
		page, err := p.Audit.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got = append(got, e.Object)
		}
		if len(page) < f.Limit {
			break
		}
		f.After = page[len(page)-1].ID
	}
	if len(got) != 25 || got[0] != "24" || got[24] != "0" {
		t.Errorf("read %v", got)
	}
	all := p.entries(t)
	for n, f := range map[int]v1.AuditFilter{
		13: {Who: "token t0"}, 25: {Via: "api"}, 12: {Action: "set", Kind: "server", Tenant: "physics"}, 1: {Object: "7"},
		0: {Since: all[24].At.AddDate(1, 0, 0)}, 2: {Until: all[24].At.AddDate(1, 0, 0), Limit: 2},
	} {
		if list, err := p.Audit.List(t.Context(), f); err != nil || len(list) != n {
			t.Errorf("%+v: %d entries, %v; want %d", f, len(list), err, n)
		}
	}
	for _, wrong := range []string{"after=x", "after=-", "after=1-", "limit=0", "limit=1001", "since=yesterday", "until=1"} {
		if status, answer := p.request(t, "GET", "/audit?"+wrong, ""); status != http.StatusBadRequest {
			t.Errorf("%s answered %d %s", wrong, status, answer)
		}
	}
}
