package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// A token of a tenant sees that tenant's callbacks and no others, and changes them alone. Whole addresses are for those that may
// see secrets.
func TestCallbacks_Tenants(t *testing.T) {
	p := newTestPool(t)
	p.populate(t, ours, theirs)
	h := p.mounted(t)
	reads, operates := p.token(t, "r", ours, access.Read), p.token(t, "o", ours, access.Operate)
	boss := p.token(t, "b", "", access.Admin)
	for _, c := range []struct {
		token, method, path, body string
		status                    int
		has                       string
	}{
		{reads, "GET", "/callbacks", "", 200, ours + "-published"},
		{reads, "GET", "/callbacks?tenant=" + theirs, "", 404, ""},
		{reads, "GET", "/callbacks?after=" + theirs, "", 404, ""},
		{reads, "GET", "/callbacks/" + ours, "", 200, `?token=***\u0026***`},
		{reads, "GET", "/callbacks/" + ours + "?reveal=true", "", 403, ""},
		{reads, "GET", "/callbacks/" + theirs, "", 404, ""},
		{reads, "POST", "/callbacks/" + ours + "/retry", "{}", 403, ""},
		{operates, "POST", "/callbacks/" + theirs + "/retry", "{}", 404, ""},
		{operates, "POST", "/callbacks/" + theirs + "/drop", "{}", 404, ""},
		{operates, "POST", "/callbacks-retry", `{"tenant":"` + theirs + `"}`, 404, ""},
		{operates, "POST", "/callbacks-retry", `{"host":"zebra.example.edu"}`, 200, `"count":0`},
		{operates, "POST", "/callbacks-retry", "{}", 200, `"count":1`},
		{operates, "POST", "/callbacks/" + ours + "-deleted/retry", "{}", 409, "it is done"},
		{operates, "POST", "/callbacks/" + ours + "/drop", "{}", 200, `"state":"done"`},
		{operates, "POST", "/callbacks/" + ours + "/drop", "{}", 409, "it is done"},
		{boss, "GET", "/callbacks/" + theirs + "?reveal=true", "", 200, "secret-of-" + theirs},
		{boss, "GET", "/callbacks?state=lost", "", 400, "want one of"},
		{boss, "GET", "/callbacks?kind=x", "", 400, "want one of"},
		{boss, "GET", "/callbacks?limit=0", "", 400, ""},
	} {
		status, body := ask(h, c.token, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.has) || c.token != boss && strings.Contains(body, "secret-of") ||
			c.token != boss && !strings.Contains(c.path+c.body, theirs) && strings.Contains(body, theirs) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, body, c.status, c.has)
		}
	}
	if strings.Contains(p.log.String(), "secret-of") {
		t.Errorf("logged %s", p.log)
	}
	audits, err := p.stores.Index.Audits(t.Context(), store.AuditFilter{Action: "show", Limit: 10})
	if err != nil || len(audits) != 1 || audits[0].Object != theirs || strings.Contains(audits[0].After, "secret-of") {
		t.Errorf("who has looked at an address is not known: %+v, %v", audits, err)
	}
}

// Pages follow one another without a gap, also where one host alone is wanted.
func TestCallbacks_Pages(t *testing.T) {
	p := newTestPool(t)
	var rows []store.Callback
	for _, c := range "abcdefghijklmnop" {
		rows = append(rows, store.Callback{
			ID: string(c), Kind: store.CallbackEnded, Tenant: "default", State: store.CallbackWaiting, Created: then,
			URL: "https://" + string("xy"[c%2]) + ".example.edu/",
		})
	}
	if err := p.stores.Index.AddCallbacks(t.Context(), rows...); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"": "abcdefghijklmnop", "x.example.edu": "bdfhjlnp", "z.example.edu": ""} {
		got, filter := "", v1.CallbackFilter{Host: host, Limit: 3}
		for {
			page, err := p.Callbacks.List(t.Context(), filter)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				got += c.ID
			}
			if len(page) < 3 {
				break
			}
			filter.After = page[2].ID
		}
		if got != want {
			t.Errorf("host %q: %q, want %q", host, got, want)
		}
	}
	_, err := p.Callbacks.Show(t.Context(), "nobody", false)
	refused(t, err, http.StatusNotFound, "callback list")
}
