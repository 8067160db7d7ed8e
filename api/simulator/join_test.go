package simulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// A join sends the browser to the client, with a cookie, and the client shows the meeting.
func TestJoin(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "")
	a := call(t, s, "join", "meetingID=room&fullName=Ada+%3Cb%3E&password=mp")
	client := a.header.Get("Location")
	if a.status != http.StatusFound || !strings.Contains(client, "/html5client?sessionToken=") {
		t.Fatalf("status %d, location %q", a.status, client)
	}
	if cookie := a.header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "JSESSIONID=") {
		t.Errorf("cookie %q", cookie)
	}
	page := send(t, http.MethodGet, client, "", "")
	if !strings.Contains(page.body, "Ada &lt;b&gt;") || !strings.Contains(page.body, "MODERATOR") {
		t.Errorf("client: %s", page.body)
	}
	layout := call(t, s, "join", "meetingID=room&fullName=Ada&password=ap&enforceLayout=SMART_LAYOUT")
	if to := layout.header.Get("Location"); !strings.Contains(to, "/html5client?waitLayout=1&sessionToken=") {
		t.Errorf("location %q", to)
	}
	if m, _ := s.Meeting("room"); m.People != 2 || m.Moderators != 1 {
		t.Errorf("%+v", m)
	}
}

// Without a redirect a join answers in XML, and what it brought shows in getMeetingInfo.
func TestJoin_XML(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "&voiceBridge=70757&meta_endCallbackUrl=https%3A%2F%2Ffront.example%2Fend")
	a := mustJoin(t, s, "room", "Ada", "Moderator", "&userID=u-1&userdata-skipCheck=true&userdata-bad%3Cname=1")
	golden(t, s, "join.xml", a.body)
	mustJoin(t, s, "room", "Bob+%26+%01Co", "VIEWER", "")
	golden(t, s, "getMeetingInfo.xml", call(t, s, "getMeetingInfo", "meetingID=room").body)
	golden(t, s, "getSessions.xml", call(t, s, "getSessions", "").body)
}

// Most errors of a join travel in a redirect; those about the role are XML, whatever the caller asked for.
func TestJoin_Refused(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "&maxParticipants=1")
	mustCreate(t, s, "over", "")
	mustCreate(t, s, "denied", "&guestPolicy=ALWAYS_DENY")
	call(t, s, "end", "meetingID=over")
	mustJoin(t, s, "room", "Ada", "viewer", "&userID=u1")
	for _, c := range []struct{ name, query, key string }{
		{"meeting", "meetingID=none&fullName=Ada&role=viewer&redirect=false", "invalidMeetingIdentifier"},
		{"no meeting", "fullName=Ada&role=viewer", "missingParamMeetingID"},
		{"name", "meetingID=room&role=viewer", "missingParamFullName"},
		{"guest", "meetingID=room&fullName=Ada&role=viewer&guest=maybe", "validationError"},
		{"auth", "meetingID=room&fullName=Ada&role=viewer&auth=maybe", "validationError"},
		{"ended", "meetingID=over&fullName=Ada&role=viewer", "meetingForciblyEnded"},
		{"create time", "meetingID=room&fullName=Ada&role=viewer&createTime=1", "mismatchCreateTimeParam"},
		{"full", "meetingID=room&fullName=Bob&role=viewer&userID=u2", "maxParticipantsReached"},
		{"denied", "meetingID=denied&fullName=Bob&role=viewer", "guestDeniedAccess"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := call(t, s, "join", c.query)
			if got := joinErrors(t, a); !strings.HasPrefix(got, `[{"key":"`+c.key+`","message":"`) {
				t.Errorf("errors=%s, want %s", got, c.key)
			}
		})
	}
	for _, query := range []string{"", "&password=wrong", "&role=king"} {
		a := call(t, s, "join", "meetingID=room&fullName=Ada"+query)
		if a.status != http.StatusOK || a.field("messageKey") != "Params required" {
			t.Errorf("%q: status %d: %s", query, a.status, a.body)
		}
	}
	a := call(t, s, "join", "meetingID=room&fullName=Ada&role=viewer&createTime=1&redirect=false")
	if a.field("messageKey") != "mismatchCreateTimeParam" {
		t.Errorf("without redirect: %s", a.body)
	}
	mustJoin(t, s, "room", "Ada", "viewer", "&userID=u1") // who is in may come again
	mustJoin(t, s, "room", "Bot", "viewer", "&userID=u3&bot=true")
}

// The error redirect leads where the caller wants it, and keeps the query that is there.
func TestJoin_ErrorRedirect(t *testing.T) {
	s := one(t)
	own := strings.TrimSuffix(s.URL(), "/bigbluebutton/api")
	for _, c := range []struct{ name, query, want string }{
		{"default", "", own + "?errors="},
		{"logout", "&logoutURL=https%3A%2F%2Fa.example%2F%3Fm%3D%25%25MEETINGID%25%25", "https://a.example/?m=&errors="},
		{
			"error", "&logoutURL=https%3A%2F%2Fa.example&errorRedirectUrl=https%3A%2F%2Fb.example%2Fx",
			"https://b.example/x?errors=",
		},
		{"nonsense", "&errorRedirectUrl=javascript%3Aalert(1)", own + "?errors="},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := call(t, s, "join", "meetingID=none&fullName=Ada&role=viewer"+c.query)
			if got := a.header.Get("Location"); !strings.HasPrefix(got, c.want) {
				t.Errorf("location %s, want %s…", got, c.want)
			}
		})
	}
}

// Guests wait, or not, by the policy of the meeting; who waits is not in the meeting.
func TestJoin_Guests(t *testing.T) {
	for _, c := range []struct{ policy, query, want string }{
		{"", "&guest=true", "ALLOW"},
		{"ASK_MODERATOR", "&guest=true", "WAIT"},
		{"ASK_MODERATOR", "", "ALLOW"},
		{"ALWAYS_ACCEPT_AUTH", "&guest=true", "WAIT"},
		{"ALWAYS_ACCEPT_AUTH", "&guest=false", "WAIT"},
		{"ALWAYS_ACCEPT_AUTH", "&guest=true&auth=true", "ALLOW"},
	} {
		t.Run(c.policy+c.query, func(t *testing.T) {
			s := one(t)
			mustCreate(t, s, "room", "&guestPolicy="+c.policy)
			a := mustJoin(t, s, "room", "Ada", "viewer", c.query)
			m, _ := s.Meeting("room")
			if a.field("guestStatus") != c.want || (m.People == 1) != (c.want == "ALLOW") {
				t.Errorf("guestStatus %s with %d in the meeting, want %s", a.field("guestStatus"), m.People, c.want)
			}
			mustJoin(t, s, "room", "Eve", "moderator", c.query)
		})
	}
}

// A second session of somebody who is in takes the place of the first.
func TestJoin_ExistingUser(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "")
	first := mustJoin(t, s, "room", "Ada", "viewer", "")
	a := call(t, s, "join", "meetingID=room&fullName=Ada&role=viewer&existingUserID="+first.field("user_id"))
	if m, _ := s.Meeting("room"); a.status != http.StatusFound || m.People != 1 {
		t.Errorf("status %d, %d people", a.status, m.People)
	}
	if old := send(t, http.MethodGet, first.field("url"), "", ""); old.status != http.StatusNotFound {
		t.Errorf("the old session: status %d", old.status)
	}
}

// With a delay people are on their way for a while before they count.
func TestJoin_Delay(t *testing.T) {
	sim, c := start(t, simulator.Config{Life: simulator.Settings{JoinDelay: 3 * time.Second}})
	s := sim.Servers()[0]
	mustCreate(t, s, "room", "")
	mustJoin(t, s, "room", "Ada", "viewer", "")
	for _, step := range []struct {
		after  time.Duration
		people int
	}{{0, 0}, {2 * time.Second, 0}, {time.Second, 1}} {
		c.add(step.after)
		sim.Tick(t.Context())
		if m, _ := s.Meeting("room"); m.People != step.people {
			t.Errorf("after %v: %d people, want %d", step.after, m.People, step.people)
		}
	}
}

// The buttons of the client work: leaving for everybody, ending for moderators.
func TestClient_Buttons(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "&logoutURL=https%3A%2F%2Ffront.example%2Fbye%3Fu%3D%25%25USERNAME%25%25")
	press := func(button string, joined answer) answer {
		form := url.Values{"sessionToken": {joined.field("session_token")}}.Encode()
		target := strings.TrimSuffix(s.URL(), "/bigbluebutton/api") + "/html5client/" + button
		return send(t, http.MethodPost, target, "application/x-www-form-urlencoded", form)
	}
	viewer := mustJoin(t, s, "room", "Bob+B", "viewer", "")
	moderator := mustJoin(t, s, "room", "Ada", "moderator", "")
	if a := press("end", viewer); a.status != http.StatusForbidden {
		t.Errorf("a viewer ends: status %d", a.status)
	}
	a := press("leave", viewer)
	if to := a.header.Get("Location"); a.status != http.StatusSeeOther || to != "https://front.example/bye?u=Bob+B" {
		t.Errorf("leave: status %d, location %q", a.status, to)
	}
	if m, _ := s.Meeting("room"); m.People != 1 {
		t.Errorf("%d people", m.People)
	}
	if a := press("leave", viewer); a.status != http.StatusNotFound {
		t.Errorf("leaves twice: status %d", a.status)
	}
	press("end", moderator)
	if m, _ := s.Meeting("room"); !m.Ended {
		t.Error("the meeting goes on")
	}
}
