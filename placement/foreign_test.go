package placement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// endAll ends a meeting of any tenant's.
func (p *pool) endAll(k store.MeetingKey, copies ...placement.Copy) {
	p.t.Helper()
	e, err := p.BeginEnd(p.t.Context(), k)
	p.must(err)
	defer e.Release()
	p.must(e.Ended(p.t.Context(), copies))
}

// What a tenant ends while a server cannot be looked at is its own meeting there, and never another tenant's that the server
// knows by the same ID: without scopes, or by an ID that is only the front end's where it has an alias.
func TestForeign_EndedUnseen(t *testing.T) {
	theirs := placement.Sighting{Key: of("two", "room"), InternalID: "2", CreateTime: 1, People: 9}
	for what, c := range map[string]struct {
		ended  store.MeetingKey
		alias  string
		copies []placement.Copy
	}{
		"without scopes":      {ended: of("one", "room")},
		"with an alias":       {ended: of("one", "room"), alias: "one_room"},
		"copies with aliases": {ended: of("three", "room"), copies: []placement.Copy{{Server: "a", InternalID: "3", Alias: "three_room"}}},
	} {
		p := newPool(t, "a", "b")
		p.poll("a")
		if c.copies == nil {
			_, err := p.make(c.ended, placement.Wish{Alias: c.alias}, placement.Made{InternalID: "1", CreateTime: 1}, "b")
			p.must(err)
		}
		p.endAll(c.ended, c.copies...) // b was never looked at
		endings, err := p.store.Endings(t.Context())
		p.must(err)
		for _, e := range endings {
			if c.alias+e.Alias != "" && e.OnServer() == "room" {
				t.Errorf("%s: %s owes the end of %q", what, e.Server, e.OnServer())
			}
		}
		if !p.Over("b", placement.Sighting{Key: c.ended, InternalID: "4", CreateTime: 1, Alias: c.alias}) {
			t.Errorf("%s: the tenant's own meeting goes on", what)
		}
		p.clock.add(time.Minute)
		equal(t, what+": strays", p.poll("b", theirs), nil)
		found, err := p.Peek(theirs.Key)
		p.must(err)
		equal(t, what+": adopted on", found.Claim.Server, "b")
	}
}

// A meeting is not placed where another tenant's may be still that was ended and has the same ID: the server would take the
// create for a repeat, and let the one's people in with the other's.
func TestForeign_NotBeside(t *testing.T) {
	p := newPool(t, "a")
	_, err := p.make(of("one", "room"), fifteen, placement.Made{InternalID: "1", CreateTime: 1})
	p.must(err)
	p.endAll(of("one", "room"))
	_, err = p.make(of("two", "room"), fifteen, placement.Made{InternalID: "2", CreateTime: 2})
	wantErr(t, "another tenant's", err, placement.ErrNoServer)
	wantErr(t, "considered", p.Consider(of("two", "room"), fifteen).Err, placement.ErrNoServer)
	_, err = p.make(of("two", "room"), placement.Wish{Alias: "two_room"}, placement.Made{InternalID: "2", CreateTime: 2})
	p.must(err)
	_, err = p.make(of("one", "room"), fifteen, placement.Made{InternalID: "3", CreateTime: 3})
	p.must(err)
	p.endAll(of("one", "room"))
	p.endAll(of("two", "room"))
	p.clock.add(time.Minute)
	p.poll("a") // it has none of them any more
	_, err = p.make(of("two", "room"), fifteen, placement.Made{InternalID: "4", CreateTime: 4})
	p.must(err)
	p.check()
}

// A server that lists thousands of meetings as if they were tenants' that it does not host, by IDs of meetings that are
// elsewhere: nothing of those tenants' is ended, hidden or taken over by that, whatever the owner of the made-up ones ends.
func TestForeign_MadeUp(t *testing.T) {
	const rooms = 50
	p := newPool(t, "good", "bad")
	p.SetServer(placement.Server{ID: "bad", Weight: 1, Standing: placement.Held})
	var claims []store.Claim
	var seen []placement.Sighting
	for i := range rooms {
		id := fmt.Sprint("room", i)
		c, err := p.make(of("v", id), placement.Wish{Alias: "v_" + id}, placement.Made{InternalID: "i" + id, CreateTime: 1})
		p.must(err)
		s := sees(c, 7)
		s.Alias = c.Alias
		claims, seen = append(claims, c), append(seen, s)
	}
	p.poll("good", seen...)
	var lies []placement.Sighting
	for i := range 20_000 {
		room := seen[i%rooms]
		s := placement.Sighting{Key: of("v", fmt.Sprint("other", i)), InternalID: fmt.Sprint("x", i), CreateTime: 1, People: i % 3}
		switch i % 5 {
		case 0: // the same, as a copy or as itself
			s = room
			if i%2 == 0 {
				s.InternalID = fmt.Sprint("x", i)
			}
		case 1: // another tenant's, by its ID there
			s.Key, s.Alias = of("e", fmt.Sprint("lie", i)), room.Alias
		case 2: // another one of the tenant's, by its ID there
			s.Alias = room.Alias
		case 3: // nobody's tenant
			s.Key = of(fmt.Sprint("made-up", i), "m")
		}
		lies = append(lies, s)
	}
	for range 2 {
		p.clock.add(time.Second)
		p.poll("bad", lies...)
		for i := range rooms {
			p.endAll(of("e", fmt.Sprint("lie", 5*i+1)), placement.Copy{Server: "bad", InternalID: fmt.Sprint("x", 5*i+1), Alias: seen[i].Alias})
		}
		equal(t, "strays where they are", p.poll("good", seen...), nil)
	}
	if n := p.Count(); n > rooms+2*1_000 {
		t.Errorf("%d meetings", n)
	}
	for i, c := range claims {
		found, err := p.Peek(c.MeetingKey)
		p.must(err)
		equal(t, "claim", found.Claim, c)
		byID, err := p.OnServers(c.Alias)
		p.must(err)
		equal(t, "by its ID", byID.Claim, c)
		if p.Over("good", seen[i]) {
			t.Errorf("%v is over", c.MeetingKey)
		}
		again, err := p.make(c.MeetingKey, placement.Wish{Alias: c.Alias}, placement.Made{InternalID: c.InternalID, CreateTime: 1})
		p.must(err)
		equal(t, "created again on", again.Server, "good")
	}
	p.check()
}
