package admin_test

import (
	"net/url"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// scoped is a pool of one server with a class of the tenant "physics" on it that the server knows by an ID of the pool's, and
// one of the default tenant's that it knows by the same ID as its front end; people are in both.
func scoped(t *testing.T) (*testPool, *simulator.Server) {
	t.Helper()
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "a", s)
	for id, marks := range map[string]string{
		"class": "", "physics_class": "&meta_" + bbb.TenantKey + "=physics&meta_" + bbb.IDKey + "=class",
	} {
		answer, err := p.poller.Client("a").Answer(t.Context(), "create", "name=Class&meetingID="+url.QueryEscape(id)+marks)
		if err != nil || answer.Err != nil {
			t.Fatal(err, answer.Err)
		}
		if err := s.AddPeople(id, simulator.Crowd{Count: 2}); err != nil {
			t.Fatal(err)
		}
	}
	return p, s
}

// goesOn tells whether a server has a meeting that goes on.
func goesOn(s *simulator.Server, id string) bool {
	m, ok := s.Meeting(id)
	return ok && !m.Ended
}

// An operator ends a tenant's meeting by its front end's ID, and nobody else's of that ID.
func TestClient_EndMeeting_Alias(t *testing.T) {
	p, s := scoped(t)
	p.polls(t)
	p.looks(t, "a")
	key := store.MeetingKey{Tenant: "physics", MeetingID: "class"}
	if found, err := p.ledger.Peek(key); err != nil || found.Claim.OnServer() != "physics_class" {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(key), false); err != nil {
		t.Fatal(err)
	}
	if goesOn(s, "physics_class") || !goesOn(s, "class") {
		t.Errorf("%+v", s.Meetings())
	}
}

// A panic ends what a server knows by an ID of the pool's, claimed or not.
func TestClient_PanicServer_Alias(t *testing.T) {
	for _, claimed := range []bool{true, false} {
		p, s := scoped(t)
		if claimed {
			p.polls(t)
			p.looks(t, "a")
		}
		got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore)
		if err != nil || got.Ended != 2 || len(got.Failed) != 0 {
			t.Errorf("panicked %+v, %v", got, err)
		}
		if goesOn(s, "physics_class") || goesOn(s, "class") {
			t.Errorf("claimed %v: %+v", claimed, s.Meetings())
		}
	}
}
