package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// Whatever tests do to a server in Go, others can do over the control port.
func TestControl(t *testing.T) {
	sim, _ := start(t, simulator.Config{Servers: 2})
	s := sim.Servers()[1]
	mustCreate(t, s, "a/b", "")
	do := func(method, path, body string) answer {
		return send(t, method, s.ControlURL()+path, "application/json", body)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		holds              string // in the state afterwards
	}{
		{"POST", "/meetings/a%2Fb/people", `{"count":5,"voice":2,"video":1}`, http.StatusNoContent, `"people":5`},
		{"DELETE", "/meetings/a%2Fb/people?count=2", "", http.StatusNoContent, `"people":3`},
		{"DELETE", "/meetings/a%2Fb/people", "", http.StatusNoContent, `"people":0`},
		{"POST", "/meetings/a%2Fb/people", "", http.StatusNoContent, `"people":1`},
		{"POST", "/meetings/none/people", "", http.StatusBadRequest, `"people":1`},
		{"POST", "/meetings/a%2Fb/people", `{"cuont":5}`, http.StatusBadRequest, `"people":1`},
		{"POST", "/meetings/a%2Fb/people", `{"count":99999999}`, http.StatusBadRequest, `"people":1`},
		{"POST", "/meetings/a%2Fb/breakouts", `{"rooms":2,"people":1}`, http.StatusNoContent, `"meetings":3`},
		{"POST", "/meetings/a%2Fb/end", "", http.StatusNoContent, `"meetings":0`},
		{"POST", "/populate", `{"meetings":3,"people":10}`, http.StatusNoContent, `"meetings":3,"people":10`},
		{
			"PUT", "/fault", `{"kind":"slow","delay":"8s","calls":["create"]}`, http.StatusNoContent,
			`"fault":{"kind":"slow","calls":["create"],"delay":"8s"}`,
		},
		{"PUT", "/fault", `{"kind":"slow","dealy":"8s"}`, http.StatusBadRequest, `"delay":"8s"`},
		{"PUT", "/fault", `{"kind":"fire"}`, http.StatusBadRequest, `"delay":"8s"`},
		{"DELETE", "/fault", "", http.StatusNoContent, `"fault":null`},
		{"POST", "/restart", "", http.StatusNoContent, `"meetings":0`},
	} {
		if a := do(c.method, c.path, c.body); a.status != c.status {
			t.Errorf("%s %s: status %d: %s", c.method, c.path, a.status, a.body)
		}
		if a := do("GET", "", ""); !strings.Contains(a.body, c.holds) {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.path, c.body, a.body, c.holds)
		}
	}
	all := send(t, http.MethodGet, strings.TrimSuffix(s.ControlURL(), "/sim2"), "", "")
	if !strings.Contains(all.body, `"id":"sim1"`) || strings.Contains(all.body, string(s.Secret())) {
		t.Errorf("all servers: %s", all.body)
	}
	if a := send(t, http.MethodGet, s.ControlURL()+"0", "", ""); a.status != http.StatusNotFound {
		t.Errorf("an unknown server: status %d", a.status)
	}
	mustCreate(t, s, "room", "&secretSauce=1")
	if a := do("GET", "/meetings", ""); !strings.Contains(a.body, `"secretSauce":"1"`) {
		t.Errorf("meetings: %s", a.body)
	}
}

// A page of another site cannot use the control port through a browser.
func TestControl_OtherSites(t *testing.T) {
	s := one(t)
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.ControlURL()+"/restart", nil))
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp := must(browser.Do(req))
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", resp.StatusCode)
	}
}
