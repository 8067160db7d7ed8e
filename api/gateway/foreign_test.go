package gateway_test

import (
	"crypto/sha1"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// lose makes the ledger forget a meeting, as it does when polls have not seen it for a while.
func (t tenant) lose(id string) {
	t.tb.Helper()
	if closed, err := t.ledger.Close(t.tb.Context(), t.claim(id), "lost"); err != nil || !closed {
		t.tb.Fatalf("%s: closed %v, %v", id, closed, err)
	}
}

// A create that a server takes for a repeat of another tenant's meeting, of which only the claim was lost from sight, lets
// nobody into that: whoever has an ID of his own on servers gets another one, and everybody else hears what he hears while
// the claim stands.
func TestCreate_RepeatOfAnothers(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1, poll: time.Hour})
	arts, _, chem := p.faculties()
	ours := tenant{p, store.DefaultTenant, secret}
	mine, theirs := p.create("room-1"), p.create("arts_room-2")
	scoped, plain := arts.create("room-3", ""), chem.create("room-4", "")
	ours.lose("room-1")
	ours.lose("arts_room-2")
	arts.lose("room-3")
	chem.lose("room-4")
	for _, c := range []struct {
		who tenant
		id  string
	}{{chem, "room-1"}, {ours, "arts_room-3"}, {ours, "room-4"}} {
		a := c.who.pool.call("create", createQuery(c.id))
		if c.who.id != store.DefaultTenant {
			a = c.who.call("create", createQuery(c.id))
		}
		if a.Key != "notFound" || a.InternalID != "" {
			t.Errorf("%s creates %s: %s", c.who.id, c.id, a.body)
		}
		if _, err := p.ledger.Peek(c.who.key(c.id)); err == nil {
			t.Errorf("%s has a claim of %s", c.who.id, c.id)
		}
	}
	if a := arts.create("room-2", ""); a.InternalID == theirs.InternalID || arts.claim("room-2").Alias == "arts_room-2" {
		t.Errorf("under a spare alias: %s, %+v", a.body, arts.claim("room-2"))
	}
	for _, c := range []struct{ was, again answer }{
		{mine, p.create("room-1")}, {theirs, p.create("arts_room-2")}, {scoped, arts.create("room-3", "")}, {plain, chem.create("room-4", "")},
	} {
		if c.was.InternalID != c.again.InternalID || c.again.Key != "duplicateWarning" {
			t.Errorf("its own again: %s", c.again.body)
		}
	}
}

// internalHash is what the internal ID of a meeting begins with.
func internalHash(onServer string) string {
	sum := sha1.Sum([]byte(onServer))
	return hex.EncodeToString(sum[:])
}

// Servers find meetings by the beginning of their internal IDs, too, before they look for external ones. A tenant that is
// not scoped and calls its meeting so reaches its own, and nobody else's, whatever that is and whenever it was made.
func TestIsolation_InternalIDs(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, _, chem := p.faculties()
	made := arts.create("room-1", "")
	hash := internalHash("arts_later")
	for _, id := range []string{made.InternalID, made.InternalID[:44], made.InternalID[:40], made.InternalID[:12], hash, hash[:20]} {
		mine, ours := chem.create(id, ""), p.create(id)
		if later := arts.create("later", ""); !strings.HasPrefix(later.InternalID, hash) {
			t.Fatalf("the test is about another ID: %s", later.body)
		}
		for _, a := range []answer{chem.call("getMeetingInfo", "meetingID="+id), chem.create(id, "")} {
			if a.InternalID != mine.InternalID || a.MeetingID != id {
				t.Errorf("%s: %s, want %s", id, a.body, mine.InternalID)
			}
		}
		if a := p.call("getMeetingInfo", "meetingID="+id); a.InternalID != ours.InternalID {
			t.Errorf("%s of the default tenant: %s, want %s", id, a.body, ours.InternalID)
		}
		to := chem.target("meetingID=" + id + "&fullName=Eve&role=MODERATOR").Query().Get("meetingID")
		if m, ok := p.sims[0].Meeting(to); !ok || m.InternalID != mine.InternalID {
			t.Errorf("a join of %s leads to %s", id, to)
		}
		if a := chem.call("end", "meetingID="+id+"&password=mp"); a.Returncode != "SUCCESS" {
			t.Errorf("end of %s: %s", id, a.body)
		}
		p.call("end", "meetingID="+id+"&password=mp")
		for _, theirs := range []string{"room-1", "later"} {
			if a := arts.call("getMeetingInfo", "meetingID="+theirs); a.Returncode != "SUCCESS" {
				t.Errorf("%s after the end of %s: %s", theirs, id, a.body)
			}
		}
	}
}

// The internal ID of a breakout room is its front end's choice: it is none that a meeting, or a recording, of another tenant
// has or may get. A room that was there keeps its own when tenants come.
func TestBreakout_InternalIDOfAnother(t *testing.T) {
	p := start(t, settings{servers: 1})
	p.create("class")
	before := p.call("create", breakoutQuery(1, "class"))
	arts, _, chem := p.faculties()
	again := p.call("create", breakoutQuery(1, "class"))
	info := p.call("getMeetingInfo", "meetingID=group-1")
	if again.Key != "idNotUnique" || before.InternalID != "group-1" || info.InternalID != before.InternalID {
		t.Errorf("a room that was there: %s, then %s, %s", before.body, again.body, info.body)
	}
	made := arts.create("room-1", "")
	chem.create("seminar", "")
	for _, c := range []struct {
		call   func(call, query string) answer
		parent string
	}{{chem.call, "seminar"}, {p.call, "class"}} {
		for _, id := range []string{made.InternalID, made.InternalID[:40], made.InternalID[:40] + "-later"} {
			query := "name=Group&isBreakout=true&sequence=7&attendeePW=ap&moderatorPW=mp&parentMeetingID=" + c.parent + "&meetingID=" + id
			room := c.call("create", query)
			if room.Returncode != "SUCCESS" || strings.HasPrefix(room.InternalID, made.InternalID[:40]) {
				t.Errorf("%s: %s", id, room.body)
			}
			if again := c.call("create", query); again.InternalID != room.InternalID && again.Key != "idNotUnique" {
				t.Errorf("%s again: %s", id, again.body)
			}
			if a := c.call("getMeetingInfo", "meetingID="+id); a.InternalID != room.InternalID {
				t.Errorf("getMeetingInfo of %s: %s", id, a.body)
			}
			c.call("end", "meetingID="+url.QueryEscape(room.MeetingID))
		}
	}
	if a := arts.call("getMeetingInfo", "meetingID=room-1"); a.InternalID != made.InternalID {
		t.Errorf("the meeting: %s", a.body)
	}
}

// What a server owes is remembered by the ID that it knows the meeting by, also where the copy is not the claimed one.
func TestEnd_OwedByAlias(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, poll: 100 * time.Millisecond})
	arts, _, _ := p.faculties()
	arts.create("class", "")
	dead := p.sim(arts.claim("class").Server)
	p.polled(dead, 2)
	p.fail(dead, simulator.Fault{Kind: simulator.Refuse})
	arts.create("class", "")
	if a := arts.call("end", "meetingID=class&password=mp"); a.Returncode != "SUCCESS" {
		t.Fatalf("end: %s", a.body)
	}
	endings, err := p.stores.State.Endings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range endings {
		found = found || e.Server == dead.ID()
		if e.Alias != "arts_class" {
			t.Errorf("owed under another ID: %+v", e)
		}
	}
	if !found {
		t.Errorf("the server that is away owes nothing: %+v", endings)
	}
}

// The claim has the voice bridge that the server has drawn, where the front end has asked for none: who dials in is told by it.
func TestCreate_VoiceOfTheServer(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	answer := p.create("room")
	claims, err := p.stores.State.Claims(t.Context())
	if err != nil || len(claims) != 1 || claims[0].Voice == "" || !strings.Contains(answer.body, "<voiceBridge>"+claims[0].Voice+"<") {
		t.Errorf("%+v, %v; the server said %s", claims, err, answer.body)
	}
}
