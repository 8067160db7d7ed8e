package redis_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

const (
	alpha    = "166dd60f-ea11-48af-a15d-94ca449ebf27"
	beta     = "3625d940-a7ff-40d4-a356-411e97c698a8"
	plainOne = "6e06f628-11b2-42a2-9f4c-4f701261573e"
	slow     = "0d8b98cd-e60e-4c57-864e-b9b7a7c194df" // its multiplier is 2.5
	cordoned = "775be0c8-f9d8-4baf-a0ba-d6b940571e84" // its multiplier is 0.5
	gpuOne   = "01f8a9d7-47da-4b74-9a8f-a8370fe501a2"
	gpuTwo   = "d39400ad-d548-4d3b-bc1d-7b0c3b5123f5"
	added    = "cade843b-5206-44e0-af1e-914e0783d385" // it has no state
)

// What a real Scalelite has left is what it says itself of it.
func TestScalelite_Read(t *testing.T) {
	p := fixture(t)
	before := p.everything()
	list, err := p.s.Servers(t.Context())
	p.must(err)
	server := func(id, port, tag string, state store.ServerState, weight float64) store.Server {
		return store.Server{
			ID: id, URL: "http://127.0.0.1:" + port + "/bigbluebutton/api", Secret: "simsecret0123", State: state, Weight: weight,
			Tag: tag,
		}
	}
	equal(t, "servers", list, []store.Server{
		server(gpuOne, "34393", "gpu", store.Enabled, 1), server(slow, "45859", "", store.Enabled, 0.4),
		server(plainOne, "44189", "", store.Enabled, 1), server(cordoned, "46845", "", store.Cordoned, 2),
		server(added, "39899", "", store.Disabled, 1), server(gpuTwo, "41733", "gpu", store.Enabled, 1),
	})
	tenants, err := p.s.Tenants(t.Context())
	p.must(err)
	equal(t, "tenants", tenants, []store.Tenant{
		{
			ID: alpha, Name: "alpha", Secrets: []store.TenantSecret{
				{Name: "scalelite", Secret: "alpha-secret-one-0123456789"}, {Name: "scalelite-2", Secret: "alpha-secret-two-0123456789"},
			},
			Params: []store.ParamRule{
				{Call: "create", Op: store.ParamOverride, Name: "guestPolicy", Value: "ASK_MODERATOR"},
				{Call: "join", Op: store.ParamOverride, Name: "guestPolicy", Value: "ASK_MODERATOR"},
				{Call: "create", Op: store.ParamDefault, Name: "maxParticipants", Value: "40"},
				{Call: "join", Op: store.ParamDefault, Name: "maxParticipants", Value: "40"},
			},
		},
		{
			ID: beta, Name: "beta", Secrets: []store.TenantSecret{{Name: "scalelite", Secret: "beta-secret-0123456789abcdef"}},
			LRS: store.LRS{Endpoint: "https://lrs.example.org/xapi", User: "lrsuser", Password: "lrspass"},
		},
	})
	claims, err := p.s.Claims(t.Context())
	p.must(err)
	equal(t, "claims", len(claims), len(p.members("meetings")))
	i := slices.IndexFunc(claims, func(c store.Claim) bool { return c.MeetingID == "alpha-room-10" })
	equal(t, "claim", claims[i], store.Claim{
		MeetingKey: store.MeetingKey{Tenant: alpha, MeetingID: "alpha-room-10"}, Server: cordoned, Moderator: "mp10",
		Voice: "409423429",
	})
	equal(t, "changed by being read", changed(before, p.everything()), nil)
}

// Of what a real Scalelite has left that alone is written which was changed.
func TestScalelite_Little(t *testing.T) {
	room := store.MeetingKey{Tenant: alpha, MeetingID: "alpha-room-10"}
	update := func(p *pool, id string, change func(*store.Server)) {
		_, err := p.s.UpdateServer(p.Context(), id, func(s *store.Server) error { change(s); return nil })
		p.must(err)
	}
	tenant := func(p *pool, id string, change func(*store.Tenant)) {
		_, err := p.s.UpdateTenant(p.Context(), id, func(s *store.Tenant) error { change(s); return nil })
		p.must(err)
	}
	for name, c := range map[string]struct {
		change func(p *pool)
		want   []string // changed
	}{
		"nothing of a server": {func(p *pool) { update(p, gpuOne, func(*store.Server) {}) }, nil},
		"a server without a state": {
			func(p *pool) { update(p, added, func(s *store.Server) { s.Capacity = 10 }) }, nil,
		},
		"what Scalelite has no word for": {func(p *pool) {
			update(p, cordoned, func(s *store.Server) { s.State, s.Capacity, s.Created = store.Draining, 100, monday })
		}, nil},
		"weight": {
			func(p *pool) { update(p, slow, func(s *store.Server) { s.Weight = 2 }) }, []string{"server:" + slow},
		},
		"cordon": {
			func(p *pool) { update(p, slow, func(s *store.Server) { s.State = store.Cordoned }) },
			[]string{"cordoned_server_load", "server:" + slow, "server_enabled", "server_load"},
		},
		"remove": {
			func(p *pool) { p.must(p.s.DeleteServer(p.Context(), added)) }, []string{"server:" + added, "servers"},
		},
		"nothing of a tenant": {func(p *pool) { tenant(p, alpha, func(*store.Tenant) {}) }, nil},
		"limits":              {func(p *pool) { tenant(p, beta, func(t *store.Tenant) { t.Limits.People, t.Scoped = 10, true }) }, nil},
		"secrets": {
			func(p *pool) { tenant(p, beta, func(t *store.Tenant) { t.Secrets = append(t.Secrets, t.Secrets[0]) }) },
			[]string{"tenant:" + beta},
		},
		"name": {
			func(p *pool) { tenant(p, beta, func(t *store.Tenant) { t.Name = "gamma" }) },
			[]string{"tenant:" + beta, "tenant_name:beta", "tenant_name:gamma"},
		},
		"a rule": {
			func(p *pool) { tenant(p, alpha, func(t *store.Tenant) { t.Params = t.Params[2:] }) },
			[]string{"tenant_setting:4908c513-9ddb-4b3e-bc65-a99e5574a7bc", "tenant_settings:" + alpha},
		},
		"a rule's value": {
			func(p *pool) {
				tenant(p, alpha, func(t *store.Tenant) { t.Params[2].Value, t.Params[3].Value = "50", "50" })
			},
			[]string{"tenant_setting:cf6ad88e-10d9-438d-a5a0-e3c310cc7866"},
		},
		"a default": {func(p *pool) {
			_, err := p.s.CreateTenant(p.Context(), store.Tenant{ID: store.DefaultTenant, Name: "Pool"})
			p.must(err)
		}, nil},
		"what a server has answered": {func(p *pool) {
			_, err := p.s.UpdateClaim(p.Context(), room, func(c *store.Claim) error { c.InternalID, c.Expected = "x", 3; return nil })
			p.must(err)
		}, nil},
		"a move": {func(p *pool) {
			_, err := p.s.UpdateClaim(p.Context(), room, func(c *store.Claim) error { c.Server = gpuOne; return nil })
			p.must(err)
		}, []string{"meeting:alpha-room-10"}},
		"an end": {func(p *pool) {
			p.must(p.s.DeleteClaim(p.Context(), store.Claim{MeetingKey: room, Server: cordoned}))
		}, []string{"meeting:alpha-room-10", "meetings", "voice_bridges"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fixture(t)
			before := p.everything()
			c.change(p)
			var want []string
			for _, key := range c.want {
				want = append(want, "scalelite:"+key)
			}
			equal(t, "changed", changed(before, p.everything()), want)
		})
	}
}

// What was loaded from elsewhere, and dumped again, is the same, also over what Scalelite has left.
func TestScalelite_Dumped(t *testing.T) {
	p := fixture(t)
	dump := func() (list []store.Row) {
		p.must(p.s.Dump(t.Context(), func(r store.Row) error { list = append(list, r); return nil }))
		return list
	}
	before, keys := dump(), p.everything()
	p.must(p.s.Load(t.Context(), before))
	equal(t, "dumped", dump(), before)
	equal(t, "changed", changed(keys, p.everything()), nil)
	p.must(p.s.Wipe(t.Context()))
	equal(t, "left", dump(), nil)
	for key := range p.everything() {
		if !strings.HasPrefix(key, "scalelite:protector_token_") && !strings.HasPrefix(key, "scalelite:bbbpool:") &&
			len(key) != len("scalelite:"+alpha) {
			t.Errorf("%s is left", key)
		}
	}
	p.must(p.s.Load(t.Context(), before))
	equal(t, "dumped anew", dump(), before)
	equal(t, "servers", p.members("servers"), []string{gpuOne, slow, plainOne, cordoned, added, gpuTwo})
	equal(t, "enabled", p.members("server_enabled"), []string{gpuOne, slow, plainOne, gpuTwo})
	equal(t, "a weight", p.hash("server:" + slow)["load_multiplier"], "2.5")
	equal(t, "meetings", len(p.members("meetings")), 59)
	equal(t, "numbers", len(p.hash("voice_bridges")), 59)
}

// Rows in the database are no secret's place to be seen but where secrets are.
func TestScalelite_Rows(t *testing.T) {
	p := newPool(t)
	p.must(p.s.CreateServer(t.Context(), store.Server{ID: "bbb1", URL: "https://bbb1", Secret: "s3cret", State: store.Enabled, Weight: 1}))
	row := p.hash("bbbpool:servers")["bbb1"]
	var envelope struct {
		Row  json.RawMessage
		From map[string]string
	}
	p.must(json.Unmarshal([]byte(row), &envelope))
	s, err := rows.Servers.Decode([]byte("bbb1"), envelope.Row)
	p.must(err)
	equal(t, "row", s.URL, "https://bbb1")
	equal(t, "marks", len(envelope.From), 4)
}
