package redis_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

// leftBy is a Redis with what a Scalelite has left: a server that it has polled, with these fields more, and what do makes.
func leftBy(t *testing.T, do func(p *pool), more ...any) (p *pool, url string) {
	t.Helper()
	url = servers.Redis(t).URL()
	p = &pool{T: t, rake: client(t, url)}
	p.do("SADD", "servers", "bbb1")
	p.do(append([]any{
		"HSET", "server:bbb1", "url", "https://bbb1/bigbluebutton/api", "secret", "s", "online", "true", "load_multiplier", "1.0", "state",
		"enabled", "meetings", "1", "users", "2", "largest_meeting", "2", "videos", "0",
	}, more...)...)
	p.do("SADD", "server_enabled", "bbb1")
	if do != nil {
		do(p)
	}
	return p, url
}

// take opens the database, as one that nobody else leads.
func (p *pool) take(url string) {
	p.Helper()
	p.do("HDEL", "bbbpool:lease", "holder", "address", "epoch", "beat", "written")
	p.db = leading(p, url)
	p.s = p.db.State()
}

// No Scalelite gets a field that it does not know: it would raise with each look at the record. What is not told there is kept.
func TestWords(t *testing.T) {
	meeting := func(fields ...any) func(p *pool) {
		return func(p *pool) {
			p.do("SADD", "meetings", "theirs")
			p.do(append([]any{"HSET", "meeting:theirs", "server_id", "bbb1", "moderator_pw", "mp"}, fields...)...)
		}
	}
	bare := map[string]string{"server_id": "bbb2", "moderator_pw": "mp"}
	voiced := map[string]string{"server_id": "bbb2", "moderator_pw": "mp", "voice_bridge": "70002"}
	whole := map[string]string{"server_id": "bbb2", "moderator_pw": "mp", "voice_bridge": "70002", "tenant_id": ""}
	for name, c := range map[string]struct {
		do      func(p *pool)
		more    []any
		meeting map[string]string
		tag     string
	}{
		"1.3":           {do: meeting(), meeting: bare},
		"1.3 at night":  {meeting: bare},
		"1.4":           {do: meeting("voice_bridge", "12345"), meeting: voiced},
		"1.4, a number": {do: func(p *pool) { p.do("HSET", "voice_bridges", "12345", "gone") }, meeting: voiced},
		"1.5":           {do: meeting("voice_bridge", "12345", "tenant_id", ""), meeting: whole},
		"1.5, tenants":  {do: func(p *pool) { p.do("SADD", "tenants", "a") }, meeting: whole},
		"1.6":           {more: []any{"bbb_version", "2.7"}, meeting: whole, tag: "gpu"},
		"1.6, tagged": {
			do: func(p *pool) {
				p.do("SADD", "servers", "bbb9")
				p.do("HSET", "server:bbb9", "meetings", "0", "tag", "old")
			}, meeting: whole, tag: "gpu",
		},
		"1.6, after 1.3": {do: meeting(), more: []any{"bbb_version", "2.7"}, meeting: whole, tag: "gpu"},
		"not polled yet": {do: func(p *pool) { p.do("HDEL", "server:bbb1", "meetings") }, meeting: whole, tag: "gpu"},
	} {
		t.Run(name, func(t *testing.T) {
			p, url := leftBy(t, c.do, c.more...)
			for range 2 { // what we have written is no sign of a later version
				p.take(url)
				mine := room(store.DefaultTenant)
				p.claim(mine)
				claim, err := p.s.UpdateClaim(t.Context(), mine.MeetingKey, func(c *store.Claim) error { c.Server, c.Voice = "bbb2", "70002"; return nil })
				p.must(err)
				tag := func(is string) {
					_, err := p.s.UpdateServer(t.Context(), "bbb1", func(s *store.Server) error { s.Tag = is; return nil })
					p.must(err)
				}
				tag("gpu")
				equal(t, "meeting", p.hash("meeting:room"), c.meeting)
				equal(t, "numbers", p.hash("voice_bridges")["70002"] != "", c.meeting["voice_bridge"] != "")
				equal(t, "tag", p.hash("server:bbb1")["tag"], c.tag)
				s, err := p.s.Server(t.Context(), "bbb1")
				p.must(err)
				equal(t, "our tag", s.Tag, "gpu")
				list := p.claims()
				equal(t, "our claim", list[0], claim)
				p.must(p.s.DeleteClaim(t.Context(), claim))
				equal(t, "ended", p.hash("meeting:room"), nil)
				tag("")
			}
		})
	}
}

// Servers that were added here say nothing of a Scalelite, whatever is seen of them.
func TestWords_Ours(t *testing.T) {
	url := servers.Redis(t).URL()
	p := &pool{T: t, rake: client(t, url)}
	p.take(url)
	p.must(p.s.CreateServer(t.Context(), full()))
	p.must(p.db.Observed(t.Context(), []redis.Observation{{Server: "bbb1", Online: true, Meetings: 3}}))
	p.take(url)
	_, err := p.s.UpdateServer(t.Context(), "bbb1", func(s *store.Server) error { s.Tag = "big"; return nil })
	p.must(err)
	equal(t, "tag", p.hash("server:bbb1")["tag"], "big")
}

// What was loaded into an empty Redis was not left there by any Scalelite, wherever it comes from.
func TestWords_Loaded(t *testing.T) {
	from, url := leftBy(t, nil, "bbb_version", "2.7")
	from.take(url)
	var list []store.Row
	from.must(from.s.Dump(t.Context(), func(r store.Row) error { list = append(list, r); return nil }))
	url = servers.Redis(t).URL()
	p := &pool{T: t, rake: client(t, url)}
	p.take(url)
	p.must(p.s.Load(t.Context(), list))
	p.must(p.db.Observed(t.Context(), []redis.Observation{{Server: "bbb1", Online: true, Meetings: 3}}))
	p.take(url)
	_, err := p.s.UpdateServer(t.Context(), "bbb1", func(s *store.Server) error { s.Tag = "big"; return nil })
	p.must(err)
	equal(t, "tag", p.hash("server:bbb1")["tag"], "big")
}

// A tenant that was added here teaches Scalelite no tenants; a later version of it does.
func TestWords_Later(t *testing.T) {
	p, url := leftBy(t, func(p *pool) { p.do("HSET", "voice_bridges", "12345", "gone") })
	p.take(url)
	_, err := p.s.CreateTenant(t.Context(), store.Tenant{ID: "a", Name: "a"})
	p.must(err)
	for _, want := range []map[string]string{
		{"server_id": "bbb1", "moderator_pw": "mp", "voice_bridge": "70001"},
		{"server_id": "bbb1", "moderator_pw": "mp", "voice_bridge": "70001", "tenant_id": ""},
	} {
		p.take(url)
		c := room(store.DefaultTenant)
		p.claim(c)
		equal(t, "meeting", p.hash("meeting:room"), want)
		p.must(p.s.DeleteClaim(t.Context(), c))
		p.do("HSET", "server:bbb1", "bbb_version", "3.0")
	}
}

// Where Scalelite knows no tenants the meetings of ours are ours alone.
func TestWords_Tenants(t *testing.T) {
	p, url := leftBy(t, nil)
	p.take(url)
	c := room("school")
	p.claim(c)
	equal(t, "claims", p.claims(), []store.Claim{c})
	equal(t, "Scalelite's", p.members("meetings"), nil)
	p.must(p.s.DeleteClaim(t.Context(), c))
	equal(t, "claims", p.claims(), nil)
}

// A learning record store is told of where Scalelite can have one.
func TestWords_LRS(t *testing.T) {
	for want, fields := range map[string][]any{
		"": {"name", "a", "secrets", "s"}, "https://lrs": {"name", "a", "secrets", "s", "lrs_username", "u"},
	} {
		p, url := leftBy(t, func(p *pool) {
			p.do("SADD", "tenants", "a")
			p.do(append([]any{"HSET", "tenant:a"}, fields...)...)
		})
		p.take(url)
		_, err := p.s.UpdateTenant(t.Context(), "a", func(t *store.Tenant) error { t.LRS.Endpoint, t.LRS.Password = "https://lrs", "p"; return nil })
		p.must(err)
		equal(t, "Scalelite's", p.hash("tenant:a")["lrs_endpoint"], want)
		tenant, err := p.s.Tenant(t.Context(), "a")
		p.must(err)
		equal(t, "ours", tenant.LRS.Endpoint+tenant.LRS.Password.Reveal(), "https://lrsp")
	}
}

// A key that is none of Scalelite's is no reason not to open; who needs it is told.
func TestWords_OddKey(t *testing.T) {
	p, url := leftBy(t, func(p *pool) { p.do("SET", "meeting:x", "1"); p.do("SADD", "meetings", "x") })
	p.take(url)
	if _, err := p.s.Claims(t.Context()); err == nil {
		t.Error("the claims are listed")
	}
}
