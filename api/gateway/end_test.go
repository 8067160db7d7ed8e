package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// fail and mend change whether a server answers.
func (p *pool) fail(s *simulator.Server, f simulator.Fault) {
	p.tb.Helper()
	if err := s.Fault(f); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *pool) mend(s *simulator.Server) {
	p.tb.Helper()
	if err := s.Heal(); err != nil {
		p.tb.Fatal(err)
	}
}

var refuse = simulator.Fault{Kind: simulator.Refuse}

// split makes a class that has people on one server, where it is a copy, and is claimed on another.
func (p *pool) split(id string) (copied, claimed *simulator.Server) {
	p.tb.Helper()
	copied = p.room(id, 5)
	p.fail(copied, refuse)
	p.create(id)
	claimed = p.sim(p.server(id))
	if err := claimed.AddPeople(id, simulator.Crowd{Count: 3}); err != nil {
		p.tb.Fatal(err)
	}
	p.mend(copied)
	p.waitFor("the copy to be seen", func() bool {
		status, _ := p.poller.Server(copied.ID())
		return status.Split == 1
	})
	return copied, claimed
}

// end ends a meeting that must be acknowledged, and looks at what front ends see right after it.
func (p *pool) end(id, password string) {
	p.tb.Helper()
	if a := p.call("end", "meetingID="+id+password); a.Returncode != "SUCCESS" || a.Key != "sentEndMeetingRequest" {
		p.tb.Fatalf("end %s: %s", id, a.body)
	}
	p.over(id)
}

// over checks that nobody sees a meeting any more.
func (p *pool) over(id string) {
	p.tb.Helper()
	for _, m := range p.call("getMeetings", "").Meetings {
		if m.MeetingID == id {
			p.tb.Errorf("%s is listed as %s", id, m.InternalID)
		}
	}
	if a := p.call("isMeetingRunning", "meetingID="+id); a.Returncode != "SUCCESS" || a.Running {
		p.tb.Errorf("isMeetingRunning %s: %s", id, a.body)
	}
	if a := p.call("getMeetingInfo", "meetingID="+id); a.Key != "notFound" {
		p.tb.Errorf("getMeetingInfo %s: %s", id, a.body)
	}
	resp, err := p.client.Get(p.url("join", "meetingID="+id+"&fullName=Ada&role=VIEWER"))
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if to := resp.Header.Get("Location"); resp.StatusCode == http.StatusFound && !strings.HasPrefix(to, p.http.URL+"/?errors=") {
		p.tb.Errorf("a join of %s goes to %s", id, to)
	}
	if on := p.server(id); on != "" {
		p.tb.Errorf("%s is claimed on %s", id, on)
	}
}

// ended waits until no server has a meeting any more.
func (p *pool) ended(id string) {
	p.tb.Helper()
	p.waitFor(id+" to be ended everywhere", func() bool { return len(p.on(id)) == 0 })
	for _, s := range p.sims {
		if !p.poller.Failing(s.ID()) {
			p.polled(s, 2)
		}
	}
	p.over(id)
}

// An end of a meeting that is on two servers ends both, whoever is in them, and none of them is seen again.
func TestEnd_Split(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3})
	copied, claimed := p.split("class")
	p.end("class", "&password=mp")
	for _, s := range []*simulator.Server{copied, claimed} {
		if m, ok := s.Meeting("class"); ok && !m.Ended {
			t.Errorf("it goes on on %s", s.ID())
		}
	}
	p.ended("class")
}

// Only the server that has the claim is away: the copy is ended at once, the other when its server is back.
func TestEnd_ClaimedServerIsAway(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3})
	copied, claimed := p.split("class")
	p.fail(claimed, refuse)
	p.waitFor("the server to fail", func() bool { return p.poller.Failing(claimed.ID()) })
	p.end("class", "&password=mp")
	if m, ok := copied.Meeting("class"); ok && !m.Ended {
		t.Errorf("it goes on on %s", copied.ID())
	}
	p.end("class", "&password=mp")
	p.mend(claimed)
	p.ended("class")
}

// A meeting whose only server is away is ended when that is back, with people in it, also by a pool that was started anew
// meanwhile. One that was created by that name after the end is another one.
func TestEnd_ServerIsAway(t *testing.T) {
	t.Parallel()
	set := settings{servers: 2, data: t.TempDir()}
	sims := simulators(t, simulator.Config{Servers: 2})
	var away *simulator.Server
	t.Run("before the restart", func(t *testing.T) {
		p := &pool{tb: t, sims: sims, client: browser()}
		p.boot(set)
		p.waitFor("both to be online", func() bool { return p.poller.Readiness().Problems(t.Context()) == nil && p.bothOnline() })
		away = p.room("class", 5)
		p.room("other", 0)
		p.fail(away, refuse)
		p.waitHealth(away.ID(), poller.Offline)
		if a := p.call("end", "meetingID=class&password=wrong"); a.Key != "invalidPassword" {
			t.Errorf("end with a wrong password: %s", a.body)
		}
		p.end("class", "&password=mp")
	})
	if m, ok := away.Meeting("class"); !ok || m.Ended {
		t.Fatal("the server cannot have ended it")
	}
	p := &pool{tb: t, sims: sims, client: browser()}
	p.boot(set)
	p.over("class")
	p.waitFor("the server to fail", func() bool { return p.poller.Failing(away.ID()) })
	made := p.create("class")
	p.mend(away)
	p.waitHealth(away.ID(), poller.Online)
	p.waitFor("the old one to be ended", func() bool {
		m, ok := away.Meeting("class")
		return !ok || m.Ended
	})
	p.polled(away, 3)
	if a := p.call("getMeetingInfo", "meetingID=class"); a.InternalID != made.InternalID {
		t.Errorf("the new meeting, %s: %s", made.InternalID, a.body)
	}
	if on := p.on("class"); len(on) != 1 || on[0] != p.server("class") {
		t.Errorf("servers that have the new meeting: %v, claimed on %s", on, p.server("class"))
	}
	if a := p.call("getMeetings", ""); len(a.Meetings) == 0 {
		t.Errorf("getMeetings: %s", a.body)
	}
}

func (p *pool) bothOnline() bool {
	for _, s := range p.poller.Servers() {
		if s.Health != poller.Online {
			return false
		}
	}
	return true
}

// Nobody can check a password of a meeting whose server was not seen since the start, and of which none is known: nothing is
// ended on faith, and the answer says what failed. Whoever can sign and names none may end it, as in BigBlueButton.
func TestEnd_Unproven(t *testing.T) {
	t.Parallel()
	p, away := unseen(t, func(c *store.Claim) { c.Moderator = "" })
	a := p.call("end", "meetingID=class&password=mp")
	if a.Key != "serverUnavailable" || a.Message == "" || a.Message == "No server can take this meeting at the moment. Please try again in a few seconds." {
		t.Errorf("end: %s", a.body)
	}
	p.end("class", "")
	p.mend(away)
	p.ended("class")
}

// What the create has given, or got, as the moderators' password proves who may end a meeting that nobody has seen since the
// start.
func TestEnd_ProvenByClaim(t *testing.T) {
	t.Parallel()
	p, away := unseen(t, func(*store.Claim) {})
	if a := p.call("end", "meetingID=class&password=wrong"); a.Key != "invalidPassword" {
		t.Errorf("end with a wrong password: %s", a.body)
	}
	p.end("class", "&password=mp")
	p.mend(away)
	p.ended("class")
}

// unseen is a pool that has just started, with the meeting "class" on a server that is away since before; the claim is
// changed before the start.
func unseen(t *testing.T, change func(*store.Claim)) (p *pool, away *simulator.Server) {
	set := settings{servers: 2, data: t.TempDir()}
	sims := simulators(t, simulator.Config{Servers: 2})
	t.Run("before the restart", func(t *testing.T) {
		p := &pool{tb: t, sims: sims, client: browser()}
		p.boot(set)
		p.waitFor("both to be online", p.bothOnline)
		away = p.room("class", 5)
	})
	stores, err := driver.Open(driver.Config{Data: set.data})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stores.State.UpdateClaim(t.Context(), key("class"), func(c *store.Claim) error { change(c); return nil })
	if err := errors.Join(err, stores.Close()); err != nil {
		t.Fatal(err)
	}
	p = &pool{tb: t, sims: sims, client: browser()}
	p.fail(away, refuse)
	p.boot(set)
	p.waitHealth(away.ID(), poller.Offline)
	return p, away
}

// A server that hangs at the end of a meeting owes it.
func TestEnd_ServerHangs(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2})
	hanging := p.room("class", 2)
	p.fail(hanging, simulator.Fault{Kind: simulator.Hang})
	if a := p.call("end", "meetingID=class&password=wrong"); a.Key != "invalidPassword" {
		t.Errorf("end with a wrong password: %s", a.body)
	}
	p.end("class", "&password=mp")
	p.mend(hanging)
	p.ended("class")
}

// Another end right after the first is answered as the first, to whoever knows the password.
func TestEnd_Again(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2})
	p.create("class")
	p.end("class", "&password=mp")
	p.end("class", "&password=mp")
	p.end("class", "")
	if a := p.call("end", "meetingID=class&password=wrong"); a.Key != "invalidPassword" {
		t.Errorf("end with a wrong password: %s", a.body)
	}
	if a := p.call("end", "meetingID=never&password=mp"); a.Key != "notFound" {
		t.Errorf("end of a meeting that never was: %s", a.body)
	}
	first := p.create("class")
	if a := p.call("end", "meetingID=class&password=wrong"); a.Key != "invalidPassword" {
		t.Errorf("end with a wrong password: %s", a.body)
	}
	if a := p.call("getMeetingInfo", "meetingID=class"); a.InternalID != first.InternalID {
		t.Errorf("a meeting of after the end: %s", a.body)
	}
}

// A meeting is created anew right after its end, on the only server, which has not ended the old one yet.
func TestEnd_CreatedAnew(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	server := p.room("class", 3)
	old, _ := server.Meeting("class")
	p.fail(server, simulator.Fault{Kind: simulator.ServerError, Calls: []string{"end"}})
	p.end("class", "&password=mp")
	p.mend(server)
	made := p.create("class")
	if made.InternalID == old.InternalID || made.Key == "duplicateWarning" {
		t.Errorf("create: %s", made.body)
	}
	p.polled(server, 3)
	if a := p.call("getMeetingInfo", "meetingID=class"); a.InternalID != made.InternalID {
		t.Errorf("the new meeting, %s: %s", made.InternalID, a.body)
	}
	if m, ok := server.Meeting("class"); !ok || m.Ended || m.InternalID != made.InternalID {
		t.Errorf("on the server: %+v %v", m, ok)
	}
}

// A server that lists a meeting for long after its end brings it back to nobody.
func TestEnd_ListedForLong(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1, poll: 100 * time.Millisecond})
	server := p.room("class", 3)
	p.fail(server, simulator.Fault{Kind: simulator.ServerError, Calls: []string{"end"}})
	p.end("class", "&password=mp")
	for range 3 {
		p.polled(server, 3)
		p.over("class")
	}
	p.mend(server)
	p.ended("class")
}

// With a class its breakout rooms are over for everybody, by both of their IDs; an end of one can be repeated by either.
func TestEnd_Breakouts(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{false, true} {
		p := start(t, settings{servers: 2})
		server := p.room("class", 3)
		var rooms []answer
		for i := range 2 {
			rooms = append(rooms, p.call("create", breakoutQuery(i, "class")))
		}
		p.end("group-0", "")
		p.end("group-0", "")
		p.over(rooms[0].MeetingID)
		if a := p.call("getMeetingInfo", "meetingID=class"); a.Returncode != "SUCCESS" {
			t.Fatalf("the class: %s", a.body)
		}
		if away {
			p.fail(server, refuse)
			p.waitFor("the server to fail", func() bool { return p.poller.Failing(server.ID()) })
		}
		p.end("class", "&password=mp")
		p.over("group-1")
		p.over(rooms[1].MeetingID)
	}
}

// A server that lists a meeting thousands of times, as if it had as many by that name, is asked once to end it.
func TestEnd_ManyCopies(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	var ends atomic.Int64
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := bbb.Success()
		switch {
		case strings.HasSuffix(r.URL.Path, "/getMeetings"):
			x.Open("meetings")
			for i := range 5_000 {
				x.Open("meeting").Text("meetingID", "class").Text("internalMeetingID", fmt.Sprint("i", i)).
					Int("createTime", 1).Int("participantCount", 1).Close("meeting")
			}
			x.Close("meetings")
		case strings.HasSuffix(r.URL.Path, "/end"):
			ends.Add(1)
			x.Message("sentEndMeetingRequest", "")
		default:
			x.Text("version", "2.0")
		}
		_, _ = w.Write(x.Bytes())
	}))
	t.Cleanup(hostile.Close)
	p.create("class")
	p.poller.SetServer(store.Server{
		ID: "hostile", URL: hostile.URL + "/bigbluebutton/api", Secret: "s", State: store.Enabled, Weight: 1,
	})
	p.waitFor("the copies to be seen", func() bool {
		s, _ := p.poller.Server("hostile")
		return s.Split > 0
	})
	if a := p.call("end", "meetingID=class&password=mp"); a.Returncode != "SUCCESS" {
		t.Errorf("end: %s", a.body)
	}
	if n := ends.Load(); n > 3 { // polls may have asked by now
		t.Errorf("asked %d times", n)
	}
	endings, err := p.stores.State.Endings(t.Context())
	if err != nil || len(endings) > placement.MaxCopies+1 {
		t.Errorf("%d are owed, %v", len(endings), err)
	}
}

// A meeting that its server knows no more is over, as that says, and another end of it is refused in the same way.
func TestEnd_ServerKnowsItNoMore(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("class")
	f.set(func(call string) (string, bool) { return notThere, call == "/end" })
	asked := 0
	for i := range 2 {
		if a := p.call("end", "meetingID=class&password=mp"); a.Key != "notFound" {
			t.Errorf("end: %s", a.body)
		}
		if _, err := p.ledger.Peek(key("class")); !errors.Is(err, placement.ErrUnknown) {
			t.Errorf("the claim stands: %v", err)
		}
		if n := f.count("/end"); n == 0 || i > 0 && n != asked {
			t.Errorf("end %d: the server was asked %d times, and %d times before", i+1, n, asked)
		}
		asked = f.count("/end")
	}
	for query, want := range map[string]string{"": "missingParamMeetingID", "meetingID=a,b": "validationError"} {
		if a := p.call("end", query); a.Key != want {
			t.Errorf("end?%s: %s", query, a.body)
		}
	}
}
