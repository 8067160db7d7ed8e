package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// getSessions names everybody who is in a meeting, on whatever server, and nobody of another tenant.
func TestGetSessions(t *testing.T) {
	p := start(t, settings{servers: 3})
	if a := p.call("getSessions", ""); a.Returncode != "SUCCESS" || a.Key != "noSessions" {
		t.Errorf("of nobody: %s", a.body)
	}
	for _, id := range []string{"one", "two", "three"} {
		p.create(id)
		for _, name := range []string{"Ada", "Bo <&>"} {
			p.enter(id, name)
		}
	}
	foreign := p.sims[0]
	query := createQuery("foreign") + "&meta_bbbpool-tenant=other"
	resp, err := p.client.Get(foreign.URL() + "/create?" + bbb.SHA256.Sign("create", query, foreign.Secret()))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := foreign.AddPeople("foreign", simulator.Crowd{Count: 1}); err != nil {
		t.Fatal(err)
	}
	p.waitFor("everybody to be seen", func() bool {
		return strings.Count(p.call("getSessions", "").body, "<userName>") == 6
	})
	body := p.call("getSessions", "").body
	for _, want := range []string{"<userName>Ada</userName>", "<userName>Bo &lt;&amp;&gt;</userName>"} {
		if strings.Count(body, want) != 3 {
			t.Errorf("%s is not there three times: %s", want, body)
		}
	}
	m, _ := p.sim(p.server("two")).Meeting("two")
	if !strings.Contains(body, "<meetingID>"+m.InternalID+"</meetingID>") {
		t.Errorf("%s does not name %s", body, m.InternalID)
	}
}

// enter joins a meeting as a browser does.
func (p *pool) enter(id, name string) {
	p.tb.Helper()
	resp, err := p.client.Get(p.url("join", bbb.Params{
		{Name: "meetingID", Value: id}, {Name: "fullName", Value: name}, {Name: "role", Value: "VIEWER"},
	}.Encode()))
	if err == nil {
		_ = resp.Body.Close()
		resp, err = p.client.Get(resp.Header.Get("Location"))
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		p.tb.Fatalf("join of %s: %d", id, resp.StatusCode)
	}
}
