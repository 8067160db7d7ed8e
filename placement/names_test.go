package placement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// of is a meeting of some tenant's.
func of(tenant, id string) store.MeetingKey { return store.MeetingKey{Tenant: tenant, MeetingID: id} }

// make creates a meeting of any tenant's, or says why not.
func (p *pool) make(k store.MeetingKey, w placement.Wish, made placement.Made, avoid ...string) (store.Claim, error) {
	p.t.Helper()
	c, err := p.Begin(p.t.Context(), k)
	p.must(err)
	defer c.End()
	if _, err := c.Place(p.t.Context(), w, avoid); err != nil {
		return store.Claim{}, err
	}
	p.must(c.Confirm(p.t.Context(), made))
	found, err := p.Peek(k)
	return found.Claim, err
}

// What a create asks for stands in the claim, and what its server answers.
func TestClaim_Fields(t *testing.T) {
	p := newPool(t, "a")
	w := placement.Wish{Alias: "x-m", Voice: "71234", Signer: "moodle", Moderator: "asked"}
	for _, c := range []struct {
		id   string
		made store.Secret
		want store.Secret
	}{{"m1", "", "asked"}, {"m2", "answered", "answered"}, {"m3", store.Secret(strings.Repeat("x", 2000)), "asked"}} {
		w.Alias, w.Voice = "x-"+c.id, "7"+c.id
		got, err := p.make(key(c.id), w, placement.Made{InternalID: "i" + c.id, CreateTime: 7, Moderator: c.made})
		p.must(err)
		want := got
		want.Alias, want.Voice, want.Signer, want.Moderator = w.Alias, w.Voice, "moodle", c.want
		want.InternalID, want.CreateTime = "i"+c.id, 7
		equal(t, "claim", got, want)
		p.check()
		p.restart("a")
		found, err := p.OnServers("x-" + c.id)
		p.must(err)
		equal(t, "by the server's ID, after a restart", found.Claim.MeetingID, c.id)
	}
	_, err := p.OnServers("m1")
	wantErr(t, "by the front end's ID", err, placement.ErrUnknown)
}

// A password that the server tells only with a repeat is stored then.
func TestClaim_ModeratorLater(t *testing.T) {
	p := newPool(t, "a")
	_, err := p.make(key("m"), fifteen, placement.Made{InternalID: "i", CreateTime: 1})
	p.must(err)
	got, err := p.make(key("m"), fifteen, placement.Made{InternalID: "i", CreateTime: 1, Moderator: "mp"})
	p.must(err)
	equal(t, "password", got.Moderator, store.Secret("mp"))
	p.check()
}

// Whatever later creates ask for, a meeting has one ID on servers, and one voice bridge, for its life: where it moves, and
// where it is begun anew. The next meeting by that name has what its create asks for.
func TestAlias_Kept(t *testing.T) {
	p := newPool(t, "a", "b")
	first, err := p.make(key("m"), placement.Wish{Voice: "7"}, placement.Made{InternalID: "1"})
	p.must(err)
	w := placement.Wish{Alias: "x-m", Voice: "8"}
	moved, err := p.make(key("m"), w, placement.Made{InternalID: "2"}, first.Server)
	p.must(err)
	anew, err := p.make(key("m"), w, placement.Made{InternalID: "3"})
	p.must(err)
	equal(t, "IDs", []string{first.OnServer(), moved.OnServer(), anew.OnServer()}, []string{"m", "m", "m"})
	equal(t, "voices", []string{first.Voice, moved.Voice, anew.Voice}, []string{"7", "7", "7"})
	p.over(key("m"))
	next, err := p.make(key("m"), w, placement.Made{InternalID: "4"})
	p.must(err)
	equal(t, "the next meeting", []string{next.OnServer(), next.Voice}, []string{"x-m", "8"})
	p.check()
}

// Two meetings never have one ID on servers: the second is refused, or takes its spare one.
func TestAlias_Foreign(t *testing.T) {
	p := newPool(t, "a", "b")
	_, err := p.make(of("one", "room"), fifteen, placement.Made{InternalID: "1"})
	p.must(err)
	_, err = p.make(of("two", "room"), fifteen, placement.Made{InternalID: "2"})
	wantErr(t, "another tenant's room", err, placement.ErrForeign)
	_, err = p.make(of("two", "other"), placement.Wish{Alias: "room"}, placement.Made{InternalID: "2"})
	wantErr(t, "another tenant's room as an alias", err, placement.ErrForeign)
	got, err := p.make(of("two", "other"), placement.Wish{Alias: "room", Spare: "spare"}, placement.Made{InternalID: "2"})
	p.must(err)
	equal(t, "the spare one", got.Alias, "spare")
	_, err = p.make(of("three", "other"), placement.Wish{Alias: "room", Spare: "spare"}, placement.Made{InternalID: "2"})
	wantErr(t, "a spare one that is taken", err, placement.ErrForeign)
	_, err = p.make(of("three", "spare"), fifteen, placement.Made{InternalID: "3"})
	wantErr(t, "an ID that is an alias", err, placement.ErrForeign)
	got, err = p.make(of("two", "room"), placement.Wish{Alias: "two-room"}, placement.Made{InternalID: "4"})
	p.must(err)
	equal(t, "with an alias", got.OnServer(), "two-room")
	wantErr(t, "considered", p.Consider(of("four", "room"), fifteen).Err, placement.ErrForeign)
	p.over(of("one", "room"))
	_, err = p.make(of("four", "room"), fifteen, placement.Made{InternalID: "5"})
	p.must(err)
}

// An ID is taken while its meeting is being created, and free when that is given up.
func TestAlias_Pending(t *testing.T) {
	p := newPool(t, "a")
	c, err := p.Begin(t.Context(), of("one", "room"))
	p.must(err)
	_, err = c.Place(t.Context(), fifteen, nil)
	p.must(err)
	_, err = p.make(of("two", "room"), fifteen, placement.Made{InternalID: "1"})
	wantErr(t, "while it is created", err, placement.ErrForeign)
	p.must(c.GiveUp(t.Context()))
	c.End()
	_, err = p.make(of("two", "room"), fifteen, placement.Made{InternalID: "1"})
	p.must(err)
}

// Of two live meetings one has a voice bridge; the other gets another one from its server.
func TestVoice(t *testing.T) {
	p := newPool(t, "a", "b")
	voice := func(k store.MeetingKey, asked string, made string) string {
		t.Helper()
		got, err := p.make(k, placement.Wish{Alias: k.Tenant + k.MeetingID, Voice: asked}, placement.Made{InternalID: made})
		p.must(err)
		return got.Voice
	}
	equal(t, "first", voice(of("one", "m"), "7", "1"), "7")
	equal(t, "the same of another tenant", voice(of("two", "m"), "7", "2"), "")
	equal(t, "a repeat", voice(of("one", "m"), "7", "1"), "7")
	equal(t, "another one", voice(of("two", "n"), "8", "3"), "8")
	p.over(of("one", "m"))
	equal(t, "a repeat changes nothing", voice(of("two", "m"), "7", "2"), "")
	equal(t, "free again", voice(of("three", "m"), "7", "4"), "7")
	p.check()
}

// The voice bridge is the one that the server says, also after a move, where another server has drawn another; what cannot be
// one says nothing.
func TestVoice_Answered(t *testing.T) {
	p := newPool(t, "a", "b")
	var first store.Claim
	for _, c := range []struct {
		made, voice, want string
		avoid             bool
	}{
		{made: "1", voice: "73217", want: "73217"},
		{made: "1", voice: "", want: "73217"},
		{made: "1", voice: "12 <b>", want: "73217"},
		{made: "1", voice: strings.Repeat("1", 33), want: "73217"},
		{made: "2", voice: "81234", want: "81234", avoid: true},
		{made: "2", voice: "81235", want: "81235"},
	} {
		var avoid []string
		if c.avoid {
			avoid = []string{first.Server}
		}
		got, err := p.make(key("m"), placement.Wish{}, placement.Made{InternalID: c.made, Voice: c.voice}, avoid...)
		p.must(err)
		first = got
		equal(t, "voice after "+c.voice, got.Voice, c.want)
	}
	stored, err := p.store.Claims(t.Context())
	p.must(err)
	equal(t, "stored", stored[0].Voice, "81235")
	other, err := p.make(key("n"), placement.Wish{Voice: "81235"}, placement.Made{InternalID: "3", Voice: "5"})
	p.must(err)
	equal(t, "the other's", other.Voice, "5")
	p.check()
}

// A store in which two meetings have one ID on servers, which none should, is loaded all the same. One of them is found; when
// it is over the other.
func TestAlias_Collision(t *testing.T) {
	p := newPool(t, "a")
	for _, k := range []store.MeetingKey{of("one", "room"), of("two", "room"), of("three", "x")} {
		c := store.Claim{MeetingKey: k, Server: "a", InternalID: k.Tenant, Placed: monday, Voice: "7"}
		if k.MeetingID == "x" {
			c.Alias = "room"
		}
		_, err := p.store.CreateClaim(t.Context(), c)
		p.must(err)
	}
	p.restart("a")
	p.must(p.Check())
	seen := map[string]bool{}
	for range 3 {
		found, err := p.OnServers("room")
		p.must(err)
		seen[found.Claim.Tenant] = true
		_, err = p.Close(t.Context(), found.Claim, placement.Ended)
		p.must(err)
		p.must(p.Check())
	}
	equal(t, "found", len(seen), 3)
	_, err := p.OnServers("room")
	wantErr(t, "none left", err, placement.ErrUnknown)
}

// A meeting that a poll sees is adopted with the ID that its server knows, unless that is another meeting's: then it is
// nobody's until that one is over.
func TestAlias_Adopted(t *testing.T) {
	p := newPool(t, "a", "b")
	p.poll("a", placement.Sighting{Key: key("m"), InternalID: "1", CreateTime: 1, People: 2, Alias: "x-m"})
	found, err := p.OnServers("x-m")
	p.must(err)
	equal(t, "adopted", found.Claim.MeetingKey, key("m"))
	theirs := placement.Sighting{Key: of("u", "m"), InternalID: "2", CreateTime: 1, People: 3, Alias: "x-m"}
	equal(t, "strays", p.poll("b", theirs), nil)
	_, err = p.Peek(theirs.Key)
	wantErr(t, "adopted by another one", err, placement.ErrUnknown)
	equal(t, "people in it need room", p.ServerLoad("b").People, 3)
	p.over(key("m"))
	p.poll("b", theirs)
	_, err = p.Peek(theirs.Key)
	p.must(err)
	p.check()
}

// A meeting that is under one ID on its server is not the one that was claimed there with another ID and has no answer yet.
func TestAlias_OtherSighting(t *testing.T) {
	p := newPool(t, "a")
	c := p.begin("m")
	_, err := c.Place(t.Context(), placement.Wish{Alias: "x-m"}, nil)
	p.must(err)
	p.restart("a")
	s := placement.Sighting{Key: key("m"), InternalID: "old", CreateTime: 1}
	p.poll("a", s)
	found, err := p.Peek(key("m"))
	p.must(err)
	equal(t, "internal ID", found.Claim.InternalID, "")
	p.poll("a", s)
	p.poll("a", s)
	found, err = p.Peek(key("m"))
	p.must(err)
	got := [2]string{found.Claim.InternalID, found.Claim.Alias}
	equal(t, "when the claim has turned out to be nothing", got, [2]string{"old", ""})
}

// What servers owe has the ID that they know it by, and so has a stray that is to be ended.
func TestAlias_Owed(t *testing.T) {
	p := newPool(t, "a", "b")
	p.poll("a")
	claim, err := p.make(key("m"), placement.Wish{Alias: "x-m"}, placement.Made{InternalID: "1", CreateTime: 1})
	p.must(err)
	other := map[string]string{"a": "b", "b": "a"}[claim.Server]
	p.must(p.end("m", placement.Copy{Server: other, InternalID: "2", Alias: "old-m"}))
	endings, err := p.store.Endings(t.Context())
	p.must(err)
	got := map[string]string{}
	for _, e := range endings {
		got[e.Server+e.InternalID] = e.OnServer()
	}
	want := map[string]string{claim.Server + "1": "x-m", other + "2": "old-m"}
	if got["b"] != "" { // nobody has looked at it yet
		want["b"] = "x-m"
	}
	equal(t, "owed", got, want)
	s := sees(claim, 4)
	s.Alias = claim.Alias
	strays := p.poll(claim.Server, s)
	if len(strays) != 1 || strays[0].OnServer() != "x-m" || !strays[0].Over {
		t.Errorf("strays %+v", strays)
	}
}

// A server that may have another tenant's meeting still, which was ended, takes a create by the same ID for a repeat: it comes
// last, and what it answers with is known to be over.
func TestAlias_OwedForeign(t *testing.T) {
	p := newPool(t, "a", "b", "c")
	claim, err := p.make(of("one", "room"), fifteen, placement.Made{InternalID: "1", CreateTime: 1})
	p.must(err)
	e, err := p.BeginEnd(t.Context(), claim.MeetingKey)
	p.must(err)
	p.must(e.Ended(t.Context(), nil))
	e.Release()
	for _, server := range []string{"a", "b", "c"} {
		if server != claim.Server {
			p.poll(server)
			p.poll(server)
			p.SetServer(placement.Server{ID: server, Weight: 0.01, Standing: placement.Open}) // looks worse
		}
	}
	p.clock.add(time.Minute)
	other := placement.Sighting{Key: of("two", "room"), InternalID: "1", CreateTime: 1}
	if !p.Over(claim.Server, other) {
		t.Error("another tenant's meeting that was ended is taken for one that goes on")
	}
	got, err := p.make(of("two", "room"), fifteen, placement.Made{InternalID: "2", CreateTime: 2})
	p.must(err)
	if got.Server == claim.Server {
		t.Error("it was placed where the other one is still")
	}
	if s := sees(got, 1); p.Over(got.Server, s) {
		t.Error("the new one is over")
	}
}
