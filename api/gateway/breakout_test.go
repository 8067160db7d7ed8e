package gateway_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// load is what counts on a server: people in its meetings, and those expected.
func (p *pool) load(id string) float64 {
	l := p.ledger.ServerLoad(id)
	return float64(l.People) + l.Expected
}

// 30 people go into 8 breakout rooms of their class, which BigBlueButton opens by itself: they are the same people.
func TestBreakout_OfTheServer(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, poll: 100 * time.Millisecond})
	server := p.room("class", 30)
	before := p.load(server.ID())
	if err := server.OpenBreakouts("class", 8, 4); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the breakout rooms to be listed", func() bool { return len(p.call("getMeetings", "").Meetings) == 9 })
	p.polled(server, 3)
	if added := p.load(server.ID()) - before; added < -1 || added > 30 { // expectations fade meanwhile
		t.Errorf("8 breakout rooms of a class of 30 add %.1f people, want 0 to 30", added)
	}
	if n := len(p.ledger.Meetings()); n != 1 {
		t.Errorf("%d claims, want that of the class", n)
	}
}

// Breakout rooms that a front end creates go where their class is, although other servers are idle and this one takes
// nothing new; they add nobody, belong to the class's tenant, stand through polls, and can be joined by either of the
// IDs that their front end knows.
func TestBreakout_OfTheFrontEnd(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	p := start(t, settings{servers: 3, poll: 100 * time.Millisecond, log: &log})
	server := p.room("class", 30)
	found, err := p.ledger.Peek(key("class"))
	if err != nil {
		t.Fatal(err)
	}
	p.poller.SetServer(p.as(server.ID(), store.Cordoned))
	before := p.load(server.ID())
	var rooms []answer
	for i := range 8 {
		parent := "class"
		if i%2 == 1 {
			parent = found.Claim.InternalID
		}
		a := p.call("create", breakoutQuery(i, parent))
		if a.Returncode != "SUCCESS" {
			t.Fatalf("create: %s", a.body)
		}
		rooms = append(rooms, a)
	}
	p.polled(server, 4)
	if added := p.load(server.ID()) - before; added < -1 || added > 0 {
		t.Errorf("8 breakout rooms add %.1f people before anybody is in them, want none", added)
	}
	for i, a := range rooms {
		given := fmt.Sprintf("group-%d", i)
		for _, id := range []string{given, a.MeetingID} {
			if to := p.join(id, "").Host; to != hostOf(t, server) {
				t.Errorf("the join of %s goes to %s", id, to)
			}
			if info := p.call("getMeetingInfo", "meetingID="+url.QueryEscape(id)); info.InternalID != a.InternalID {
				t.Errorf("getMeetingInfo of %s: %s", id, info.body)
			}
		}
		claim, err := p.ledger.Peek(key(a.MeetingID))
		if err != nil || !claim.Claim.Breakout || claim.Claim.Server != server.ID() || claim.Claim.Tenant != store.DefaultTenant {
			t.Errorf("%v, claim of %s: %+v", err, given, claim.Claim)
		}
	}
	if added := p.load(server.ID()) - before; added < -1 || added > 0 {
		t.Errorf("people that go from a class to its breakout rooms add %.1f, want none", added)
	}
	if n := len(lines(t, &log, "placed")); n != 9 {
		t.Errorf("%d decisions in the log, want 9", n)
	}
	if err := server.End("class"); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the rooms to be over with the class", func() bool { return len(p.ledger.Meetings()) == 0 })
}

func breakoutQuery(i int, parent string) string {
	return fmt.Sprintf("name=Group+%d&meetingID=group-%d&isBreakout=true&sequence=%d&parentMeetingID=%s",
		i, i, i+1, url.QueryEscape(parent))
}

// A class that nobody knows has no breakout rooms, and neither has that of another tenant: no server hears of it.
func TestBreakout_NoParent(t *testing.T) {
	p := start(t, settings{servers: 2})
	p.create("class")
	found, err := p.ledger.Peek(key("class"))
	if err != nil {
		t.Fatal(err)
	}
	p.gateway.SetTenants([]store.Tenant{
		{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "n1", Secret: secret}}}, {ID: "other", Secrets: []store.TenantSecret{{Name: "n1", Secret: "other-secret"}}},
	})
	creates := p.sims[0].Calls("create") + p.sims[1].Calls("create")
	for _, parent := range []string{"class", found.Claim.InternalID} {
		resp, err := p.client.Get(p.http.URL + "/bigbluebutton/api/create?" + bbb.SHA256.Sign("create", breakoutQuery(0, parent), "other-secret"))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := read(resp); err != nil || a.Key != "parentMeetingDoesNotExist" {
			t.Errorf("%v, another tenant's breakout room of %s: %s", err, parent, a.body)
		}
	}
	if a := p.call("create", breakoutQuery(0, "nobody")); a.Key != "parentMeetingDoesNotExist" {
		t.Errorf("a breakout room of an unknown class: %s", a.body)
	}
	p.poller.SetServer(p.as(p.server("class"), store.Disabled))
	if a := p.call("create", breakoutQuery(0, "class")); a.Key != "parentMeetingDoesNotExist" {
		t.Errorf("a breakout room of a class on a server that is disabled: %s", a.body)
	}
	if n := p.sims[0].Calls("create") + p.sims[1].Calls("create"); n != creates {
		t.Errorf("servers saw %d creates more", n-creates)
	}
}

// A breakout room whose server is gone is unknown to whoever inserts a document, under the ID that the front end gave it.
func TestBreakout_NoDocumentOnceGone(t *testing.T) {
	p := start(t, settings{servers: 1})
	p.create("class")
	room := p.call("create", breakoutQuery(0, "class"))
	p.poller.SetServer(p.as(p.server("class"), store.Disabled))
	for _, id := range []string{"group-0", room.MeetingID} {
		if a := p.insert(id); a.Returncode != "FAILED" || a.Message != "Meeting with id ["+id+"] not found." {
			t.Errorf("a document for %s: %s", id, a.body)
		}
	}
}
