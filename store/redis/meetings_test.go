package redis_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

func room(tenant string) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: "room"}, Server: "bbb1", Placed: monday, Moderator: "mp",
		Voice: "70001", Signer: "moodle", Expected: 12,
	}
}

func (p *pool) claim(c store.Claim) {
	p.Helper()
	_, err := p.s.CreateClaim(p.Context(), c)
	p.must(err)
}

func (p *pool) claims() []store.Claim {
	p.Helper()
	list, err := p.s.Claims(p.Context())
	p.must(err)
	return list
}

// A claim is written as Scalelite would write its meeting, with its life, which nothing prolongs.
func TestClaims_Written(t *testing.T) {
	p := newPool(t)
	c := room(store.DefaultTenant)
	p.claim(c)
	key := "scalelite:meeting:room"
	equal(t, "hash", p.hash("meeting:room"), map[string]string{
		"server_id": "bbb1", "moderator_pw": "mp", "voice_bridge": "70001", "tenant_id": "",
	})
	equal(t, "set", p.members("meetings"), []string{"room"})
	equal(t, "numbers", p.hash("voice_bridges"), map[string]string{"70001": "room"})
	left := p.rake.TTL(t.Context(), key).Val()
	if left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("it lasts %s", left)
	}
	p.must(p.rake.Expire(t.Context(), key, time.Hour).Err())
	_, err := p.s.UpdateClaim(t.Context(), c.MeetingKey, func(c *store.Claim) error { c.Server, c.Voice = "bbb2", "70002"; return nil })
	p.must(err)
	equal(t, "moved", p.hash("meeting:room")["server_id"], "bbb2")
	equal(t, "numbers", p.hash("voice_bridges"), map[string]string{"70002": "room"})
	if left := p.rake.TTL(t.Context(), key).Val(); left > time.Hour || left <= 0 {
		t.Errorf("it lasts %s", left)
	}
	c.Server = "bbb2"
	p.must(p.s.DeleteClaim(t.Context(), c))
	equal(t, "left", changed(nil, p.everything()), nil)
}

// That a meeting's key has expired takes away nothing, and is not undone. That it is out of the set does.
func TestClaims_Expired(t *testing.T) {
	p := newPool(t)
	c := room("school")
	p.claim(c)
	p.do("DEL", "meeting:room")
	equal(t, "after its key has expired", p.claims(), []store.Claim{c})
	got, err := p.s.UpdateClaim(t.Context(), c.MeetingKey, func(c *store.Claim) error { c.Server = "bbb2"; return nil })
	p.must(err)
	c.Server = "bbb2"
	equal(t, "updated", got, c)
	equal(t, "its key", p.hash("meeting:room"), nil)
	other := room("campus") // must not get the key that the other one had
	p.claim(other)
	equal(t, "both", p.claims(), []store.Claim{other, c})
	p.do("SREM", "meetings", "room")
	equal(t, "after it was taken out of the set", p.claims(), []store.Claim{other})
	p.claim(c)
	equal(t, "claimed anew", p.hash("meeting:room")["tenant_id"], "school")
}

// Of tenants with one ID the first has Scalelite's key, and scoped meetings have none.
func TestClaims_Alone(t *testing.T) {
	p := newPool(t)
	first, second, scoped := room("a"), room("b"), room("c")
	second.Server, scoped.Alias = "bbb2", "x-room"
	for _, c := range []store.Claim{scoped, first, second} {
		p.claim(c)
	}
	equal(t, "all", p.claims(), []store.Claim{first, second, scoped})
	equal(t, "the first one's key", p.hash("meeting:room")["tenant_id"], "a")
	_, err := p.s.UpdateClaim(t.Context(), second.MeetingKey, func(c *store.Claim) error { c.Server = "bbb3"; return nil })
	p.must(err)
	equal(t, "its server", p.hash("meeting:room")["server_id"], "bbb1")
	second.Server = "bbb3"
	p.must(p.s.DeleteClaim(t.Context(), second))
	p.must(p.s.DeleteClaim(t.Context(), scoped))
	equal(t, "left", p.claims(), []store.Claim{first})
	equal(t, "in the set", p.members("meetings"), []string{"room"})
	p.must(p.s.DeleteClaim(t.Context(), first))
	equal(t, "left", changed(nil, p.everything()), nil)
}

// A meeting that Scalelite has made is a claim, an edit counts, and what Scalelite left behind stands in nobody's way.
func TestClaims_Elsewhere(t *testing.T) {
	p := newPool(t)
	p.do("HSET", "meeting:room", "server_id", "bbb1", "moderator_pw", "mp", "voice_bridge", "70001", "tenant_id", "school")
	p.do("SADD", "meetings", "room", "behind")
	p.do("HSET", "meeting:gone", "server_id", "bbb1")
	theirs := store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "school", MeetingID: "room"}, Server: "bbb1", Moderator: "mp", Voice: "70001",
	}
	equal(t, "claims", p.claims(), []store.Claim{theirs})
	got, err := p.s.CreateClaim(t.Context(), room("school"))
	want(t, "create", err, store.ErrExists)
	equal(t, "what stands", got, theirs)
	_, err = p.s.UpdateClaim(t.Context(), theirs.MeetingKey, func(c *store.Claim) error { c.InternalID = "x"; return nil })
	p.must(err)
	p.do("HSET", "meeting:room", "server_id", "bbb2")
	theirs.Server = "bbb2" // which knows it by another internal ID
	equal(t, "after an edit", p.claims(), []store.Claim{theirs})
	p.must(p.s.DeleteClaim(t.Context(), theirs))
	equal(t, "deleted", p.claims(), nil)
	c := room("school")
	c.MeetingID, c.Voice = "behind", ""
	p.claim(c)
	equal(t, "by an ID that was left behind", p.hash("meeting:behind"), map[string]string{
		"server_id": "bbb1", "moderator_pw": "mp", "tenant_id": "school",
	})
	c.MeetingID = "gone"
	p.claim(c)
	equal(t, "over a hash that was left behind", p.members("meetings"), []string{"behind", "gone"})
}

// A number that another meeting has stays with that.
func TestClaims_OneNumber(t *testing.T) {
	p := newPool(t)
	first, second := room("a"), room("a")
	second.MeetingID = "other"
	p.claim(first)
	p.claim(second)
	equal(t, "numbers", p.hash("voice_bridges"), map[string]string{"70001": "room"})
	p.must(p.s.DeleteClaim(t.Context(), second))
	equal(t, "numbers", p.hash("voice_bridges"), map[string]string{"70001": "room"})
}
