package redis_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// full is a server of which Scalelite has no place for half.
func full() store.Server {
	return store.Server{
		ID: "bbb1", URL: "https://bbb1.example.org/bigbluebutton/api", Secret: "new", Checksum: "sha512", State: store.Draining,
		Weight: 1.0 / 3, Capacity: 300, Hard: true, Tag: "gpu", Created: monday, Admitted: monday, Former: "old",
		FormerUntil: monday.Add(time.Hour),
	}
}

// An edit by one of Scalelite's tasks counts, and what Scalelite has no place for stays.
func TestServers_Edited(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(p *pool)
		want func(s *store.Server)
	}{
		"none": {func(*pool) {}, func(*store.Server) {}},
		"observed": {
			func(p *pool) { p.do("HSET", "server:bbb1", "online", "true", "meetings", "7") }, func(*store.Server) {},
		},
		"url": {func(p *pool) { p.do("HSET", "server:bbb1", "url", "http://x/") }, func(s *store.Server) {
			s.URL, s.Admitted = "http://x/", time.Time{}
		}},
		"secret": {
			func(p *pool) { p.do("HSET", "server:bbb1", "secret", "theirs") },
			func(s *store.Server) { s.Secret, s.Former, s.FormerUntil = "theirs", "", time.Time{} },
		},
		"multiplier": {
			func(p *pool) { p.do("HSET", "server:bbb1", "load_multiplier", "2.5") }, func(s *store.Server) { s.Weight = 0.4 },
		},
		"no multiplier": {
			func(p *pool) { p.do("HDEL", "server:bbb1", "load_multiplier") }, func(s *store.Server) { s.Weight = 1 },
		},
		"an odd multiplier": {
			func(p *pool) { p.do("HSET", "server:bbb1", "load_multiplier", "-inf") }, func(s *store.Server) { s.Weight = 1 },
		},
		"untagged": {func(p *pool) { p.do("HDEL", "server:bbb1", "tag") }, func(s *store.Server) { s.Tag = "" }},
		"enabled": {func(p *pool) {
			p.do("HSET", "server:bbb1", "state", "enabled")
			p.do("SADD", "server_enabled", "bbb1")
		}, func(s *store.Server) { s.State = store.Enabled }},
		"disabled": {
			func(p *pool) { p.do("HSET", "server:bbb1", "state", "disabled") }, func(s *store.Server) { s.State = store.Disabled },
		},
		"an odd state": {
			func(p *pool) { p.do("HSET", "server:bbb1", "state", "x") }, func(s *store.Server) { s.State = store.Disabled },
		},
		"our row is gone": {func(p *pool) { p.do("DEL", "bbbpool:servers") }, func(s *store.Server) {
			*s = store.Server{ID: s.ID, URL: s.URL, Secret: s.Secret, State: store.Cordoned, Weight: s.Weight, Tag: s.Tag}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := newPool(t), full()
			p.must(p.s.CreateServer(t.Context(), s))
			c.edit(p)
			c.want(&s)
			got, err := p.s.Server(t.Context(), "bbb1")
			p.must(err)
			s.Weight, got.Weight = float64(float32(s.Weight)), float64(float32(got.Weight))
			equal(t, "read", got, s)
			got, err = p.s.UpdateServer(t.Context(), "bbb1", func(s *store.Server) error { s.Capacity++; return nil })
			p.must(err)
			s.Capacity++
			got.Weight = float64(float32(got.Weight))
			equal(t, "updated", got, s)
		})
	}
}

// A server that Scalelite's task has removed is gone, and one that it has added is there, as an old version would have it, too.
func TestServers_Elsewhere(t *testing.T) {
	p := newPool(t)
	p.must(p.s.CreateServer(t.Context(), full()))
	p.do("DEL", "server:bbb1")
	p.do("SREM", "servers", "bbb1")
	_, err := p.s.Server(t.Context(), "bbb1")
	want(t, "a removed one", err, store.ErrNotFound)
	p.do("SADD", "servers", "Legacy.Example", "bbb2", "hollow")
	p.do("SADD", "server_enabled", "Legacy.Example")
	for _, id := range []string{"Legacy.Example", "bbb2"} {
		p.do("HSET", "server:"+id, "url", "https://x", "secret", "s", "online", "false")
	}
	added := func(id string, state store.ServerState) store.Server {
		return store.Server{ID: id, URL: "https://x", Secret: "s", State: state, Weight: 1}
	}
	list, err := p.s.Servers(t.Context())
	p.must(err)
	equal(t, "added", list, []store.Server{added("Legacy.Example", store.Enabled), added("bbb2", store.Disabled)})
	_, err = p.s.UpdateServer(t.Context(), "Legacy.Example", func(s *store.Server) error { s.Hard = true; return nil })
	p.must(err)
	equal(t, "a field that it never had", p.hash("server:Legacy.Example")["state"], "")
	p.do("SREM", "server_enabled", "Legacy.Example")
	s, err := p.s.Server(t.Context(), "Legacy.Example")
	p.must(err)
	equal(t, "disabled as of old", s.State, store.Disabled)
	p.must(p.s.CreateServer(t.Context(), full())) // where our row of the removed one is left
}

// The sets of a server's state follow it, and its load with it.
func TestServers_Sets(t *testing.T) {
	p := newPool(t)
	s := full()
	s.State = store.Enabled
	p.must(p.s.CreateServer(t.Context(), s))
	p.do("ZADD", "server_load", "7.5", "bbb1")
	for _, step := range []struct {
		state          store.ServerState
		field          string
		enabled        []string
		load, cordoned map[string]float64
	}{
		{store.Enabled, "enabled", []string{"bbb1"}, map[string]float64{"bbb1": 7.5}, nil},
		{store.Cordoned, "cordoned", nil, nil, map[string]float64{"bbb1": 7.5}},
		{store.Draining, "cordoned", nil, nil, map[string]float64{"bbb1": 7.5}},
		{store.Enabled, "enabled", []string{"bbb1"}, map[string]float64{"bbb1": 7.5}, nil},
		{store.Disabled, "disabled", nil, nil, nil},
		{store.Enabled, "enabled", []string{"bbb1"}, nil, nil},
	} {
		_, err := p.s.UpdateServer(t.Context(), "bbb1", func(s *store.Server) error { s.State = step.state; return nil })
		p.must(err)
		name := string(step.state)
		equal(t, name, p.hash("server:bbb1")["state"], step.field)
		equal(t, name+": enabled", p.members("server_enabled"), step.enabled)
		equal(t, name+": load", p.loads("server_load"), step.load)
		equal(t, name+": cordoned", p.loads("cordoned_server_load"), step.cordoned)
	}
	p.do("ZADD", "server_load", "1", "bbb1")
	p.must(p.s.DeleteServer(t.Context(), "bbb1"))
	equal(t, "left", changed(nil, p.everything()), nil)
}

// school is a tenant of which Scalelite has no place for half.
func school() store.Tenant {
	return store.Tenant{
		ID: "school", Name: "school", Created: monday, Hosts: []string{"school.example"}, Scoped: true, Tag: "gpu",
		Secrets: []store.TenantSecret{
			{Name: "moodle", Secret: "one", Created: monday},
			{Name: "old", Secret: "over", Expires: monday},
			{Name: "odd", Secret: "a:b"},
			{Name: "ilias", Secret: "two"},
		},
		Params: []store.ParamRule{
			{Call: "create", Op: store.ParamDefault, Name: "logo", Value: "x"},
			{Call: "create", Op: store.ParamCap, Name: "maxParticipants", Value: "10"},
			{Call: "join", Op: store.ParamOverride, Name: "role", Value: "viewer"},
			{Call: "create", Op: store.ParamOverride, Name: "record", Value: "false"},
			{Call: "join", Op: store.ParamOverride, Name: "record", Value: "true"},
		},
		Limits: store.Limits{People: 10},
	}
}

// settings are what Scalelite has for a tenant.
func (p *pool) settings(tenant string) map[string]string {
	p.Helper()
	all := map[string]string{}
	for _, id := range p.members("tenant_settings:" + tenant) {
		fields := p.hash("tenant_setting:" + id)
		equal(p, "whose", fields["tenant_id"], tenant)
		all[fields["param"]+"/"+fields["override"]] = fields["value"]
	}
	return all
}

// Scalelite has of a tenant what it can have: no secret that is over, no default tenant.
func TestTenants_Written(t *testing.T) {
	p := newPool(t)
	for _, tenant := range []store.Tenant{school(), {ID: store.DefaultTenant, Name: "Pool", Secrets: school().Secrets}} {
		_, err := p.s.CreateTenant(t.Context(), tenant)
		p.must(err)
	}
	equal(t, "set", p.members("tenants"), []string{"school"})
	equal(t, "hash", p.hash("tenant:school"), map[string]string{"name": "school", "secrets": "one:two"})
	equal(t, "by name", p.hash("tenant_name:school"), map[string]string{"id": "school"})
	equal(t, "settings", p.settings("school"), map[string]string{
		"logo/false": "x", "role/true": "viewer", "record/true": "false", "meta_server-tag/false": "gpu",
	})
	p.do("HSET", "tenant:school", "lrs_endpoint", "https://lrs")
	_, err := p.s.UpdateTenant(t.Context(), "school", func(t *store.Tenant) error {
		t.Name, t.Tag, t.Secrets, t.Params = "campus", "", t.Secrets[:1], append(t.Params[:1:1], store.ParamRule{
			Call: "join", Op: store.ParamDefault, Name: "guest", Value: "true",
		})
		return nil
	})
	p.must(err)
	equal(t, "hash", p.hash("tenant:school"), map[string]string{"name": "campus", "secrets": "one", "lrs_endpoint": "https://lrs"})
	equal(t, "by its old name", p.hash("tenant_name:school"), nil)
	equal(t, "by name", p.hash("tenant_name:campus"), map[string]string{"id": "school"})
	equal(t, "settings", p.settings("school"), map[string]string{"logo/false": "x", "guest/false": "true"})
	p.must(p.s.DeleteTenant(t.Context(), "school"))
	equal(t, "left", changed(nil, p.everything()), nil)
}

// An edit by one of Scalelite's tasks counts, and what Scalelite has no place for stays.
func TestTenants_Edited(t *testing.T) {
	rule := func(call string, op store.ParamOp, name, value string) store.ParamRule {
		return store.ParamRule{Call: call, Op: op, Name: name, Value: value}
	}
	set := func(p *pool, id string, words ...any) {
		p.do(append([]any{"HSET", "tenant_setting:" + id, "tenant_id", "school"}, words...)...)
		p.do("SADD", "tenant_settings:school", id)
	}
	for name, c := range map[string]struct {
		edit func(p *pool)
		want func(t *store.Tenant)
	}{
		"none": {func(*pool) {}, func(*store.Tenant) {}},
		"LRS": {
			func(p *pool) { p.do("HSET", "tenant:school", "lrs_endpoint", "https://lrs", "kc_client_secret", "s") },
			func(t *store.Tenant) { t.LRS.Endpoint, t.LRS.ClientSecret = "https://lrs", "s" },
		},
		"name": {func(p *pool) { p.do("HSET", "tenant:school", "name", "x") }, func(t *store.Tenant) { t.Name = "x" }},
		"a secret more": {func(p *pool) { p.do("HSET", "tenant:school", "secrets", "one:two:three::") }, func(t *store.Tenant) {
			t.Secrets = append(t.Secrets, store.TenantSecret{Name: "scalelite", Secret: "three"})
		}},
		"a secret less": {
			func(p *pool) { p.do("HSET", "tenant:school", "secrets", "one") }, func(t *store.Tenant) { t.Secrets = t.Secrets[:3] },
		},
		"a secret that is over stays so": {
			func(p *pool) { p.do("HSET", "tenant:school", "secrets", "over:one:two") }, func(*store.Tenant) {},
		},
		"a setting": {
			func(p *pool) { set(p, "s", "param", "welcome", "value", "hi", "override", "no") },
			func(t *store.Tenant) {
				t.Params = append(t.Params, rule("create", store.ParamDefault, "welcome", "hi"), rule("join", store.ParamDefault, "welcome", "hi"))
			},
		},
		"a tag that overrides": {
			func(p *pool) { set(p, "s", "param", "meta_server-tag", "value", "big", "override", "true") },
			func(t *store.Tenant) {
				t.Params = append(t.Params, rule("create", store.ParamOverride, "meta_server-tag", "big"))
			},
		},
		"no settings": {func(p *pool) { p.do("DEL", "tenant_settings:school") }, func(t *store.Tenant) {
			t.Tag, t.Params = "", t.Params[1:2]
		}},
		"a setting without anything": {func(p *pool) { p.do("SADD", "tenant_settings:school", "hollow") }, func(*store.Tenant) {}},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := newPool(t), school()
			_, err := p.s.CreateTenant(t.Context(), s)
			p.must(err)
			c.edit(p)
			c.want(&s)
			got, err := p.s.Tenant(t.Context(), "school")
			p.must(err)
			equal(t, "read", got, s)
			list, err := p.s.Tenants(t.Context())
			p.must(err)
			equal(t, "listed", list, []store.Tenant{s})
			got, err = p.s.UpdateTenant(t.Context(), "school", func(t *store.Tenant) error { t.Disabled = true; return nil })
			p.must(err)
			s.Disabled = true
			equal(t, "updated", got, s)
			got, err = p.s.Tenant(t.Context(), "school")
			p.must(err)
			equal(t, "read afterwards", got, s)
		})
	}
}

// A learning record store is written as Scalelite has it, and taken away again.
func TestTenants_LRS(t *testing.T) {
	p, s := newPool(t), school()
	s.LRS = store.LRS{
		Endpoint: "https://lrs", User: "u", Password: "p", TokenURL: "https://kc", ClientID: "c", ClientSecret: "cs", TokenUser: "tu",
		TokenPassword: "tp",
	}
	_, err := p.s.CreateTenant(t.Context(), s)
	p.must(err)
	field := p.hash("tenant:school")
	got := []string{
		field["lrs_endpoint"], field["lrs_username"], field["lrs_password"], field["kc_token_url"], field["kc_client_id"],
		field["kc_client_secret"], field["kc_username"], field["kc_password"],
	}
	equal(t, "fields", got, []string{"https://lrs", "u", "p", "https://kc", "c", "cs", "tu", "tp"})
	_, err = p.s.UpdateTenant(t.Context(), "school", func(t *store.Tenant) error { t.LRS = store.LRS{}; return nil })
	p.must(err)
	equal(t, "fields afterwards", len(p.hash("tenant:school")), 2)
}

// A setting's value that was edited is one of both calls; and of a rule that we wrote, the setting keeps its ID.
func TestTenants_SettingEdited(t *testing.T) {
	p, s := newPool(t), school()
	s.Tag, s.Params = "", s.Params[:1]
	_, err := p.s.CreateTenant(t.Context(), s)
	p.must(err)
	id := p.members("tenant_settings:school")[0]
	p.do("HSET", "tenant_setting:"+id, "value", "y")
	got, err := p.s.Tenant(t.Context(), "school")
	p.must(err)
	equal(t, "rules", got.Params, []store.ParamRule{
		{Call: "create", Op: store.ParamDefault, Name: "logo", Value: "y"}, {Call: "join", Op: store.ParamDefault, Name: "logo", Value: "y"},
	})
	_, err = p.s.UpdateTenant(t.Context(), "school", func(t *store.Tenant) error { t.Params[0].Value = "z"; return nil })
	p.must(err)
	equal(t, "the setting's ID", p.members("tenant_settings:school"), []string{id})
	equal(t, "its value", p.hash("tenant_setting:" + id)["value"], "z")
}

// Of two tenants by one name the first is found by it, as long as it is there.
func TestTenants_OneName(t *testing.T) {
	p := newPool(t)
	for _, id := range []string{"a", "b"} {
		_, err := p.s.CreateTenant(t.Context(), store.Tenant{ID: id, Name: "school"})
		p.must(err)
	}
	equal(t, "by name", p.hash("tenant_name:school")["id"], "a")
	p.must(p.s.DeleteTenant(t.Context(), "b"))
	equal(t, "by name", p.hash("tenant_name:school")["id"], "a")
}

// Of two tenants to which Scalelite gave one name the one is called so that Scalelite finds by it, which is the last; the other
// keeps what Scalelite has of it. A name that leads to nobody is free.
func TestTenants_OneNameElsewhere(t *testing.T) {
	p := newPool(t)
	for _, id := range []string{"a", "b", "c"} {
		p.do("HSET", "tenant:"+id, "name", "school", "secrets", "secret-of-"+id)
		p.do("SADD", "tenants", id)
	}
	p.do("HSET", "tenant_name:school", "id", "b")
	names := func() (list []string) {
		tenants, err := p.s.Tenants(t.Context())
		p.must(err)
		for _, tenant := range tenants {
			one, err := p.s.Tenant(t.Context(), tenant.ID)
			p.must(err)
			equal(t, "read alone", one, tenant)
			list = append(list, tenant.ID+":"+tenant.Name)
		}
		return list
	}
	equal(t, "names", names(), []string{"a:", "b:school", "c:"})
	update := func(id string, change func(t *store.Tenant)) {
		_, err := p.s.UpdateTenant(t.Context(), id, func(t *store.Tenant) error { change(t); return nil })
		p.must(err)
	}
	update("a", func(t *store.Tenant) { t.Limits.People = 10 })
	equal(t, "Scalelite's name", p.hash("tenant:a")["name"], "school")
	update("c", func(t *store.Tenant) { t.Name = "campus" })
	equal(t, "names", names(), []string{"a:", "b:school", "c:campus"})
	equal(t, "by name", p.hash("tenant_name:school")["id"]+p.hash("tenant_name:campus")["id"], "bc")
	p.do("DEL", "tenant:b")
	p.do("SREM", "tenants", "b")
	equal(t, "names when it is gone", names(), []string{"a:", "c:campus"})
	equal(t, "Scalelite's name", p.hash("tenant:a")["name"], "school")
	update("a", func(t *store.Tenant) { t.Name = "other" })
	update("c", func(t *store.Tenant) { t.Name = "school" })
	equal(t, "names", names(), []string{"a:other", "c:school"})
	equal(t, "by name", p.hash("tenant_name:school")["id"]+p.hash("tenant_name:other")["id"], "ca")
}
