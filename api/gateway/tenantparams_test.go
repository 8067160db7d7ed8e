package gateway_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// What is set for a tenant holds for its calls from the next one on, together with the rules of the pool, and for nobody
// else's. What a tenant must not record is not recorded, whatever the front end and the rules say.
func TestGateway_RulesOfATenant(t *testing.T) {
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, c *gatewayConfig) {
		c.Params.OverrideCreate, c.Params.CreateRules = "record=true", "disabledFeatures+=chat,polls; -copyright"
		c.Params.MaxDuration = 90
	}})
	sent := func(id string) map[string]string {
		t.Helper()
		a := p.call("create", createQuery(id)+"&disabledFeatures=timer&copyright=x&duration=0&record=true&maxParticipants=500")
		if a.Returncode != "SUCCESS" {
			t.Fatal(a.body)
		}
		m, ok := p.sims[0].Meeting(id)
		if !ok {
			t.Fatal("no meeting")
		}
		got := map[string]string{}
		for _, name := range []string{"disabledFeatures", "copyright", "duration", "record", "maxParticipants", "welcome"} {
			if v, ok := m.Params[name]; ok {
				got[name] = v
			}
		}
		return got
	}
	before := map[string]string{"disabledFeatures": "timer,chat,polls", "duration": "90", "record": "true", "maxParticipants": "500"}
	if diff := cmp.Diff(before, sent("before")); diff != "" {
		t.Errorf("with the pool's rules alone (-want +got):\n%s", diff)
	}
	set := func(params []store.ParamRule, limits store.Limits) {
		t.Helper()
		_, err := p.stores.State.UpdateTenant(t.Context(), store.DefaultTenant, func(s *store.Tenant) error {
			s.Params, s.Limits = params, limits
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.gateway.LoadTenants(t.Context(), p.stores.State, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	set([]store.ParamRule{
		{Call: "create", Op: store.ParamTake, Name: "disabledFeatures", Value: "chat"},
		{Call: "create", Op: store.ParamDefault, Name: "welcome", Value: "Hello, world"},
		{Call: "create", Op: store.ParamOverride, Name: "duration", Value: "120"},
		{Call: "create", Op: store.ParamOverride, Name: "record", Value: "true"},
		{Call: "join", Op: store.ParamRemove, Name: "avatarURL"},
		{Call: "join", Op: store.ParamDefault, Name: "userdata-bbb_skip_check_audio", Value: "true"},
	}, store.Limits{Duration: time.Hour, MeetingPeople: 40, NoRecording: true})
	after := map[string]string{
		"disabledFeatures": "timer,polls", "duration": "60", "record": "false", "maxParticipants": "40", "welcome": "Hello, world",
	}
	if diff := cmp.Diff(after, sent("after")); diff != "" {
		t.Errorf("with the tenant's (-want +got):\n%s", diff)
	}
	if q := p.join("after", "&avatarURL="+url.QueryEscape("https://a.example.edu/a.png")).Query(); q.Has("avatarURL") ||
		q.Get("userdata-bbb_skip_check_audio") != "true" {
		t.Errorf("a join became %v", q)
	}
	set(nil, store.Limits{})
	if diff := cmp.Diff(before, sent("again")); diff != "" {
		t.Errorf("without them again (-want +got):\n%s", diff)
	}
}
