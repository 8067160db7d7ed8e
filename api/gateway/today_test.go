package gateway_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// fronted is a pool each of whose servers has a front.
func fronted(t *testing.T, servers int) (*pool, []*front) {
	t.Helper()
	var fronts []*front
	p := start(t, settings{servers: servers, poll: time.Hour, server: func(s *store.Server) {
		f := &front{}
		f.before(t, s)
		fronts = append(fronts, f)
	}})
	return p, fronts
}

// who are the servers that were asked for something since they were counted last.
func who(fronts []*front, call string, counted []int) (asked int) {
	for i, f := range fronts {
		if n := f.count(call); n != counted[i] {
			asked++
			counted[i] = n
		}
	}
	return asked
}

// send sends a body as a front end does, and returns the answer, byte for byte.
func (p *pool) send(t *testing.T, call, query, contentType, body string) string {
	t.Helper()
	resp, err := p.client.Post(p.url(call, query), contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", call, resp.StatusCode, err)
	}
	return string(got)
}

// refusals are what servers of today turn a create down with, and what one of tomorrow might.
var refusals = map[string]string{
	"malformed XML": "<response><returncode>FAILED</returncode><messageKey>malformedXml</messageKey>" +
		"<message>The request body contains malformed XML.</message></response>",
	"bad URL": "<response>\n  <returncode>FAILED</returncode>\n  <messageKey>invalidPresentationUrl</messageKey>\n" +
		"  <message>Presentation URL is malformed.</message>\n</response>",
	"strict settings": `<response><returncode>FAILED</returncode><errors><error key="clientSettingsOverride" ` +
		`message="unknown key public.app.x; unknown key public.y"/></errors></response>`,
	"voice bridge": `<response><returncode>FAILED</returncode><errors><error key="nonUniqueVoiceBridge" ` +
		`message="The selected voice bridge is already in use."/></errors></response>`,
	"no key":       "<response><returncode>FAILED</returncode><message>Presentation feature is disabled, ignoring.</message></response>",
	"of tomorrow":  "<response><returncode>FAILED</returncode><messageKey>someKeyOf2027</messageKey><message>Größe</message><hint>x</hint></response>",
	"several":      `<response><returncode>FAILED</returncode><errors><error key="a" message="b"/><error key="c" message="d"/></errors></response>`,
	"another node": "<response><returncode>FAILED</returncode><messageKey></messageKey><message></message><version>4.0</version></response>",
}

// Whatever a server refuses a create with is about the create: the front end gets it byte for byte, no other server is asked for
// the same, this one is as healthy as before, and the meeting is nowhere.
func TestCreate_RefusalsOfToday(t *testing.T) {
	p, fronts := fronted(t, 2)
	counted := make([]int, len(fronts))
	for name, body := range refusals {
		for _, f := range fronts {
			f.set(func(call string) (string, bool) { return body, call == "/create" })
		}
		if got := p.send(t, "create", createQuery(name), "application/xml", `<modules><module name="x"/></modules>`); got != body {
			t.Errorf("%s: %s", name, got)
		}
		if n := who(fronts, "/create", counted); n != 1 {
			t.Errorf("%s: %d servers were asked", name, n)
		}
		if p.server(name) != "" {
			t.Errorf("%s: a claim is left", name)
		}
	}
	for _, s := range p.poller.Servers() {
		if s.Health != poller.Online {
			t.Errorf("%s is %v", s.ID, s.Health)
		}
	}
}

// So it is with the other calls that take bodies, or are of tomorrow.
func TestCalls_RefusalsOfToday(t *testing.T) {
	p, fronts := fronted(t, 1)
	p.create("room")
	for name, body := range refusals {
		fronts[0].set(func(call string) (string, bool) {
			return body, call == "/insertDocument" || call == "/sendChatMessage" || call == "/callOfTomorrow"
		})
		if got := p.send(t, "insertDocument", "meetingID=room", "application/xml", `<modules/>`); got != body {
			t.Errorf("insertDocument, %s: %s", name, got)
		}
		for _, call := range []string{"sendChatMessage", "callOfTomorrow"} {
			if a, err := p.try(call, "meetingID=room&message=hi"); err != nil || a.body != body {
				t.Errorf("%s, %s: %s %v", call, name, a.body, err)
			}
		}
	}
	if p.server("room") == "" {
		t.Error("the meeting is gone")
	}
}

// A create that succeeds is passed on whatever else the answer says: elements and keys that are new are the front end's to read.
func TestCreate_AnswersOfToday(t *testing.T) {
	p, fronts := fronted(t, 1)
	const answer = "<response><returncode>SUCCESS</returncode><meetingID>room</meetingID>" +
		"<internalMeetingID>93fc3ea1c0f0cbf2a4bf7e5a8b1f3a1c0f0cbf2a-1760000000123</internalMeetingID><parentMeetingID>bbb-none</parentMeetingID>" +
		"<attendeePW>ap</attendeePW><moderatorPW>mp</moderatorPW><createTime>1760000000123</createTime><voiceBridge>70757</voiceBridge>" +
		"<dialNumber>613-555-1234</dialNumber><createDate>Thu Oct 09 08:53:20 UTC 2025</createDate><hasUserJoined>false</hasUserJoined>" +
		"<duration>0</duration><hasBeenForciblyEnded>false</hasBeenForciblyEnded><quizzes><quiz id=\"1\"/></quizzes>" +
		"<messageKey>documentsLimited</messageKey><message>10 of 12 documents were taken.</message></response>"
	fronts[0].set(func(call string) (string, bool) { return answer, call == "/create" })
	if a := p.call("create", createQuery("room")); a.body != answer {
		t.Errorf("got %s", a.body)
	}
	found, err := p.ledger.Peek(key("room"))
	if err != nil || found.Claim.CreateTime != 1760000000123 || found.Claim.Voice != "70757" {
		t.Errorf("%+v %v", found.Claim, err)
	}
}

// modules are bodies that front ends of today send, and one that might be sent tomorrow.
var modules = map[string]string{
	"settings": `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<modules>` + "\n\t" + `<module name="clientSettingsOverride"><![CDATA[ {"public":{"app":{"appName":"<b>&amp;</b> ]"}}} ]]></module>` + "\n" + `</modules>` + "\n",
	"notes": `<modules><module name="sharedNotesInitialContentJson"><![CDATA[{"blocks":[{"type":"paragraph","text":"Größe 😀"}]}]]></module>` +
		`<module name="sharedNotesInitialContentMarkdown"># Title &lt;x&gt;  </module></modules>`,
	"many": `<modules><module name="presentation"><document url="https://files.example/a.pdf?x=1&amp;y=2" filename='a "b".pdf' ` +
		`current="true" downloadable="false" removable="true"/><document name="b.pdf">QUJD` + "\r\n" + `REVG</document></module>` +
		`<module name="presentation"/><module name="later" kind='of 2027'><a:b xmlns:a="urn:x"><c/></a:b><!-- a word --></module></modules>`,
	"another root": "\ufeff<request xmlns=\"urn:y\"><module name=\"x\">\u00a0</module></request>",
}

// A body reaches the server byte for byte with its type, also when the first server that it is sent to does not answer.
func TestCreate_ModulesOfToday(t *testing.T) {
	p, fronts := fronted(t, 2)
	for name, body := range modules {
		for _, contentType := range []string{"application/xml", "application/xml; charset=utf-8", "text/xml"} {
			id := name + " " + contentType
			if got := p.send(t, "create", createQuery(id), contentType, body); !strings.Contains(got, "SUCCESS") {
				t.Fatalf("%s: %s", id, got)
			}
			sent := 0
			for _, f := range fronts {
				last := f.lastAsked("/create")
				if strings.Contains(last.query, url.QueryEscape(name)) || strings.Contains(last.query, url.PathEscape(name)) {
					if last.body == body && last.contentType == contentType {
						sent++
					}
				}
			}
			if sent == 0 {
				t.Errorf("%s: it did not arrive as it was sent", id)
			}
		}
	}
	var failed atomic.Bool
	for _, f := range fronts {
		f.set(func(call string) (string, bool) { // the first of them that is asked fails, the other one takes it
			return "", call == "/create" && failed.CompareAndSwap(false, true)
		})
	}
	if got := p.send(t, "create", createQuery("moves on"), "application/xml", modules["many"]); !strings.Contains(got, "SUCCESS") {
		t.Fatal(got)
	}
	for i, f := range fronts {
		if last := f.lastAsked("/create"); last.body != modules["many"] {
			t.Errorf("server %d got %q", i, last.body)
		}
	}
}

// A server of a cluster sends people on to a proxy's host: that is its own affair. Joins go to the server itself, whose cookie
// it is; what it says without a redirect is passed on, whatever host it names; and no call asks after a client's pages.
func TestJoin_ClusterProxy(t *testing.T) {
	p, fronts := fronted(t, 1)
	p.create("room")
	const proxied = "<response><returncode>SUCCESS</returncode><messageKey>successfullyJoined</messageKey>" +
		"<message>You have joined successfully.</message><meeting_id>m</meeting_id><user_id>u</user_id><auth_token>a</auth_token>" +
		"<session_token>s</session_token><guestStatus>ALLOW</guestStatus>" +
		"<url>https://proxy.example/bbb-01/html5client/?sessionToken=s</url></response>"
	fronts[0].set(func(call string) (string, bool) { return proxied, call == "/join" })
	record, err := p.stores.State.Server(t.Context(), p.server("room"))
	if err != nil {
		t.Fatal(err)
	}
	to := p.join("room", "")
	if !strings.HasPrefix(to.String(), record.URL+"/join?") {
		t.Errorf("the join goes to %s", to)
	}
	resp, err := p.client.Get(to.String())
	if err != nil {
		t.Fatal(err)
	}
	if a, err := read(resp); err != nil || a.body != proxied {
		t.Errorf("%s %v", a.body, err)
	}
	if again := p.create("room"); again.Key != "duplicateWarning" || p.poller.Servers()[0].Health != poller.Online {
		t.Errorf("%s, %v", again.body, p.poller.Servers()[0].Health)
	}
}

// A recording of which the create has switched off every format is not owed when its meeting is over: front ends see none in the
// making. The server hears of it as it was sent, also in a repeated create.
func TestCreate_FormatsSwitchedOff(t *testing.T) {
	p := start(t, settings{servers: 1, poll: 50 * time.Millisecond})
	const off = "&record=true&meta_bbb-disable-recording-formats=%5Bpresentation%2C+video%2C+podcast%2C+screenshare%2C+notes%5D"
	for id, query := range map[string]string{
		"none": off, "some": "&record=true&meta_bbb-disable-recording-formats=video", "all": "&record=true", "not recorded": "",
	} {
		for range 2 {
			if a := p.call("create", createQuery(id)+query); a.Returncode != "SUCCESS" {
				t.Fatal(a.body)
			}
		}
	}
	m, _ := p.sims[0].Meeting("none")
	if got := m.Params["meta_bbb-disable-recording-formats"]; got != "[presentation, video, podcast, screenshare, notes]" {
		t.Errorf("the server got %q", got)
	}
	for _, id := range []string{"none", "some", "all", "not recorded"} {
		if a := p.call("end", "meetingID="+url.QueryEscape(id)+"&password=mp"); a.Returncode != "SUCCESS" {
			t.Fatal(a.body)
		}
	}
	sessions := func() int {
		list, err := p.stores.Index.SessionsSince(t.Context(), time.Time{}, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	p.waitFor("the ends", func() bool { return sessions() == 4 })
	owed := func() (names []string) {
		list, err := p.stores.Index.OwedRecordings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			names = append(names, r.MeetingID)
		}
		slices.Sort(names)
		return names
	}
	p.waitFor("what is owed", func() bool { return len(owed()) >= 2 })
	if got := strings.Join(owed(), " "); got != "all some" {
		t.Errorf("owed are %q", got)
	}
}
