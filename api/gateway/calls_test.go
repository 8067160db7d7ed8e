package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
)

// A front end's day: create, repeat, join, ask, end.
func TestGateway_LifeOfAMeeting(t *testing.T) {
	p := start(t, settings{servers: 3})
	first := p.create("room")
	again := p.create("room")
	if again.Key != "duplicateWarning" || again.InternalID != first.InternalID || again.CreateTime != first.CreateTime {
		t.Errorf("the repeat differs: %s", again.body)
	}
	if a := p.call("isMeetingRunning", "meetingID=room"); a.Running {
		t.Errorf("running before anybody joined: %s", a.body)
	}
	to := p.join("room", "&createTime="+fmt.Sprint(first.CreateTime))
	resp, err := p.client.Get(to.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if loc := resp.Header.Get("Location"); !strings.Contains(loc, "sessionToken=") {
		t.Errorf("the server did not accept the join: %s", loc)
	}
	if a := p.call("isMeetingRunning", "meetingID=room"); !a.Running {
		t.Errorf("not running after a join: %s", a.body)
	}
	if a := p.call("getMeetingInfo", "meetingID=room"); a.People != 1 || a.InternalID != first.InternalID {
		t.Errorf("getMeetingInfo: %s", a.body)
	}
	if a := p.call("end", "meetingID=room&password=wrong"); a.Returncode != "FAILED" {
		t.Errorf("ended with a wrong password: %s", a.body)
	}
	if a := p.call("end", "meetingID=room&password=mp"); a.Key != "sentEndMeetingRequest" {
		t.Errorf("end: %s", a.body)
	}
	if a := p.call("getMeetingInfo", "meetingID=room"); a.Key != "notFound" {
		t.Errorf("getMeetingInfo after the end: %s", a.body)
	}
	if a := p.create("room"); a.InternalID == first.InternalID {
		t.Errorf("the new meeting is the old one: %s", a.body)
	}
}

// What front ends are told when something is wrong with a request, in BigBlueButton's words and with status 200.
func TestGateway_Errors(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, c := range []struct{ call, query, key string }{
		{"create", "meetingID=room", "emptyError"},
		{"create", "name=Room", "missingParamMeetingID"},
		{"create", "name=Room&meetingID=a,b", "validationError"},
		{"create", "name=Room&meetingID=x", "sizeError"},
		{"create", "name=Room&meetingID=tagged&meta_server-tag=gpu!", "serverTagUnavailable"},
		{"getMeetingInfo", "", "missingParamMeetingID"},
		{"getMeetingInfo", "meetingID=unknown", "notFound"},
		{"end", "meetingID=unknown", "notFound"},
		{"sendChatMessage", "meetingID=unknown&message=hi", "meetingNotFound"},
		{"getRecordings", "", "noRecordings"},
		{"publishRecordings", "publish=true", "missingParamRecordID"},
		{"publishRecordings", "recordID=x", "missingParamPublish"},
		{"publishRecordings", "recordID=x&publish=true", "notFound"},
		{"updateRecordings", "recordID=x&meta_a=b", "notFound"},
		{"deleteRecordings", "recordID=x", "notFound"},
		{"signOut", "sessionToken=x", "unsupportedRequest"},
		{"getSessions", "", "noSessions"},
		{"nonsense", "", "unsupportedRequest"},
		{"hooks/create", "", "missingParamCallbackURL"},
		{"hooks/destroy", "hookID=x", "destroyMissingHook"},
		{"newCall", "meetingID=unknown", "unsupportedRequest"},
	} {
		if a := p.call(c.call, c.query); a.Key != c.key {
			t.Errorf("%s?%s: %q, want %q", c.call, c.query, a.Key, c.key)
		}
	}
	if n := p.sims[0].Calls("create"); n != 0 {
		t.Errorf("the server saw %d creates", n)
	}
}

// Nothing gets past a checksum that does not fit, whatever the call, and an empty secret never fits.
func TestGateway_Checksum(t *testing.T) {
	p := start(t, settings{servers: 1})
	p.create("room")
	for _, call := range []string{"create", "end", "getMeetings", "getMeetingInfo", "getRecordings", "nonsense"} {
		for _, sign := range []string{
			"", "&checksum=", "&checksum=" + strings.Repeat("0", 64),
			"&checksum=" + bbb.SHA256.Checksum(call, "meetingID=room", ""),
		} {
			resp, err := p.client.Get(p.http.URL + "/bigbluebutton/api/" + call + "?meetingID=room" + sign)
			if err != nil {
				t.Fatal(err)
			}
			if a, err := read(resp); err != nil || resp.StatusCode != http.StatusOK || a.Key != "checksumError" {
				t.Errorf("%s%s: status %d, %v, %s", call, sign, resp.StatusCode, err, a.body)
			}
		}
	}
	if _, ok := p.sims[0].Meeting("room"); !ok {
		t.Error("the meeting was ended")
	}
}

// A join has a person behind it: errors send the browser where the front end wants them shown.
func TestJoin_Errors(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, c := range []struct{ query, target, key string }{
		{"", p.http.URL + "/?", "invalidMeetingIdentifier"},
		{"&redirect=false", p.http.URL + "/?", "invalidMeetingIdentifier"},
		{"&errorRedirectUrl=https%3A%2F%2Flms.example%2Froom%3Fid%3D1", "https://lms.example/room?id=1&", "invalidMeetingIdentifier"},
		{"&logoutURL=https%3A%2F%2Flms.example%2F", "https://lms.example/?", "invalidMeetingIdentifier"},
		{"&errorRedirectUrl=javascript%3Aalert(1)", p.http.URL + "/?", "invalidMeetingIdentifier"},
	} {
		to := p.join("unknown", c.query)
		if !strings.HasPrefix(to.String(), c.target) || !strings.Contains(to.Query().Get("errors"), `"key":"`+c.key+`"`) {
			t.Errorf("join%s goes to %s", c.query, to)
		}
	}
	// Whoever cannot sign cannot choose where the browser goes.
	resp, err := p.client.Get(p.http.URL +
		"/bigbluebutton/api/join?meetingID=x&errorRedirectUrl=https%3A%2F%2Fevil.example&checksum=00")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || !strings.HasPrefix(to, p.http.URL+"/?errors=") {
		t.Errorf("an unsigned join: status %d, to %s", resp.StatusCode, to)
	}
}

// Slides in the body of a create reach the server byte for byte, and so does an inserted document.
func TestGateway_Bodies(t *testing.T) {
	p := start(t, settings{servers: 2})
	slides := `<modules><module name="presentation"><document name="a.pdf">SGVsbG8=</document></module>` +
		`<module name="later"><![CDATA[{"a":1}]]></module></modules>`
	post := func(call, query, contentType, body string) answer {
		t.Helper()
		resp, err := p.client.Post(p.url(call, query), contentType, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a, err := read(resp)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := post("create", createQuery("slides"), "application/xml", slides); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	m, _ := p.sim(p.server("slides")).Meeting("slides")
	if len(m.Documents) != 1 || m.Documents[0].Name != "a.pdf" || len(m.Modules) != 2 {
		t.Errorf("the server got %+v, %v", m.Documents, m.Modules)
	}
	inserted := strings.Replace(slides, "a.pdf", "b.pdf", 1)
	if a := post("insertDocument", "meetingID=slides", "application/xml", inserted); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	if m, _ = p.sim(p.server("slides")).Meeting("slides"); len(m.Documents) != 2 {
		t.Errorf("after insertDocument the server has %+v", m.Documents)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url("create", createQuery("by get")), strings.NewReader(slides))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/xml")
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if m, _ = p.sim(p.server("by get")).Meeting("by get"); len(m.Documents) != 1 {
		t.Errorf("after a create by GET the server has %+v", m.Documents)
	}
	for name, c := range map[string]struct{ contentType, body, key string }{
		"not XML":      {"application/xml", "<modules><module>", "malformedXml"},
		"wrong type":   {"text/plain", slides, "unsupportedContentType"},
		"no type":      {"", slides, "unsupportedContentType"},
		"beyond limit": {"application/xml", "<a>" + strings.Repeat("x", 2<<20) + "</a>", "requestTooLarge"},
	} {
		if a := post("create", createQuery("refused"), c.contentType, c.body); a.Key != c.key {
			t.Errorf("%s: %s, want %s", name, a.body, c.key)
		}
	}
	if p.server("refused") != "" {
		t.Error("a refused create left a claim")
	}
}

// Front ends that post their parameters as a form are served, too.
func TestGateway_Form(t *testing.T) {
	p := start(t, settings{servers: 1})
	form := createQuery("form")
	resp, err := p.client.Post(p.http.URL+"/bigbluebutton/api/create", "application/x-www-form-urlencoded",
		strings.NewReader(bbb.SHA1.Sign("create", form, secret)))
	if err != nil {
		t.Fatal(err)
	}
	if a, err := read(resp); err != nil || a.Returncode != "SUCCESS" || a.MeetingID != "form" {
		t.Errorf("create: %v, %s", err, a.body)
	}
}

// Whatever characters an ID and a name are made of, every call finds the meeting again.
func TestGateway_OddNames(t *testing.T) {
	p := start(t, settings{servers: 2})
	for _, id := range []string{
		"Übung [0]", "a+b c", "x&y=z", `"<script>'`, "Ω-課題", "semi;colon", "100%", "slash/../dot", strings.Repeat("ß", 250),
	} {
		first := p.create(id)
		q := "meetingID=" + url.QueryEscape(id)
		if first.MeetingID != id {
			t.Errorf("%q came back as %q", id, first.MeetingID)
		}
		for _, query := range []string{q, strings.ReplaceAll(q, "+", "%20"), "&" + q} {
			if a := p.call("getMeetingInfo", query); a.InternalID != first.InternalID {
				t.Errorf("getMeetingInfo of %q: %s", id, a.body)
			}
		}
		if to := p.join(id, ""); to.Query().Get("meetingID") != id {
			t.Errorf("the join of %q goes to %s", id, to)
		}
	}
	if a := p.call("getMeetings", ""); len(a.Meetings) != 9 {
		t.Errorf("getMeetings: %s", a.body)
	}
}

// 100 creates of one meeting in the same instant make one meeting, and all are told of that one.
func TestCreate_SameInstant(t *testing.T) {
	p := start(t, settings{servers: 5})
	var wg sync.WaitGroup
	answers := make([]answer, 100)
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = p.try("create", createQuery("same")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a.InternalID != answers[0].InternalID || a.CreateTime != answers[0].CreateTime {
			t.Fatalf("two meetings: %s and %s", a.body, answers[0].body)
		}
	}
	if diff := cmp.Diff([]string{p.server("same")}, p.on("same")); diff != "" {
		t.Errorf("servers that have the meeting (-want +got):\n%s", diff)
	}
}

// A create that the server refuses leaves nothing behind.
func TestCreate_RefusedLeavesNoClaim(t *testing.T) {
	p := start(t, settings{servers: 1})
	if a := p.call("create", createQuery("bad")+"&record=maybe"); a.Returncode != "FAILED" {
		t.Fatalf("create: %s", a.body)
	}
	if on := p.server("bad"); on != "" {
		t.Errorf("claimed on %s", on)
	}
	p.create("room")
	if a := p.call("create", "name=Room&meetingID=room&attendeePW=other&moderatorPW=mp"); a.Key != "idNotUnique" {
		t.Errorf("create with another password: %s", a.body)
	}
	if p.server("room") == "" {
		t.Error("the claim of a running meeting is gone")
	}
}

// Meetings that somebody started on a server directly are found and can be joined; breakout rooms are listed with
// their parent and claimed by nobody.
func TestGateway_AdoptsMeetings(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	if err := p.sims[0].Populate(2, 6); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the meetings to be adopted", func() bool { return len(p.ledger.Meetings()) == 2 })
	if err := p.sims[0].OpenBreakouts("sim1-load-1", 2, 1); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the breakout rooms to be listed", func() bool { return len(p.call("getMeetings", "").Meetings) == 4 })
	if n := len(p.ledger.Meetings()); n != 2 {
		t.Errorf("%d claims, want 2", n)
	}
	if to := p.join("sim1-load-1", ""); to.Host != hostOf(t, p.sims[0]) {
		t.Errorf("join goes to %s", to)
	}
}

// A meeting that is over on its server is over for the pool, and can be created again, anywhere.
func TestGateway_ForgetsMeetings(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	p.create("over")
	p.create("lost")
	if err := p.sims[0].End("over"); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the claim to be closed", func() bool { return p.server("over") == "" })
	p.sims[0].Restart()
	p.waitFor("the claim to be closed", func() bool { return p.server("lost") == "" })
	p.create("over")
	p.create("lost")
}

// Calls that bbbpool has never heard of go through to the server, and what the server does not know is unsupported.
func TestGateway_UnknownCall(t *testing.T) {
	p := start(t, settings{servers: 1})
	p.create("room")
	if a := p.call("brandNew", "meetingID=room"); a.Key != "unsupportedRequest" {
		t.Errorf("brandNew: %s", a.body)
	}
	if n := p.sims[0].Calls("unknown"); n != 1 {
		t.Errorf("the server saw %d unknown calls, want 1", n)
	}
	if a := p.call("sendChatMessage", "meetingID=room&message=hi"); a.Key != "meetingNotFound" {
		t.Errorf("chat in an empty room: %s", a.body)
	}
	if err := p.sims[0].AddPeople("room", simulator.Crowd{Count: 1}); err != nil {
		t.Fatal(err)
	}
	if a := p.call("sendChatMessage", "meetingID=room&message=hi"); a.Returncode != "SUCCESS" {
		t.Errorf("chat: %s", a.body)
	}
}

// Scalelite's parameter rules: defaults, overrides, exclusions, the longest duration. Metadata of ours is not theirs to
// set.
func TestGateway_ParameterRules(t *testing.T) {
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, c *gatewayConfig) {
		c.Params.DefaultCreate, c.Params.OverrideCreate = "welcome=hello,muteOnStart=true", "copyright=ours"
		c.Params.ExcludeCreate, c.Params.MaxDuration = "logo", 90
	}})
	p.call("create", createQuery("room")+"&muteOnStart=false&copyright=theirs&logo=x&duration=0"+
		"&meta_BBBPOOL-Tenant=other&meta_tenant-ID=other&meta_tenant-name=Other&meta_Bbbpool-Keep=true&meta_tenant=a")
	m, ok := p.sims[0].Meeting("room")
	if !ok {
		t.Fatal("no meeting")
	}
	want := map[string]string{
		"welcome": "hello", "muteOnStart": "false", "copyright": "ours", "duration": "90", "meta_Bbbpool-Keep": "true",
		"meta_tenant": "a",
	}
	got := map[string]string{}
	for _, name := range []string{
		"welcome", "muteOnStart", "copyright", "duration", "logo", "meta_BBBPOOL-Tenant", "meta_tenant-ID",
		"meta_tenant-name", "meta_Bbbpool-Keep", "meta_tenant",
	} {
		if v, ok := m.Params[name]; ok {
			got[name] = v
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters at the server (-want +got):\n%s", diff)
	}
}

// One log line per request joins the IDs of everybody concerned, and no secret or checksum is in it.
func TestGateway_LogLine(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 1, log: &log})
	made := p.create("room")
	line := ""
	p.waitFor("the log line", func() bool {
		for l := range strings.Lines(log.String()) {
			if strings.Contains(l, `"call":"create"`) {
				line = l
			}
		}
		return line != ""
	})
	for _, part := range []string{
		`"tenant":"default"`, `"meetingID":"room"`, `"internalMeetingID":"` + made.InternalID + `"`, `"server":"sim1"`,
		`"outcome":"SUCCESS"`, `"status":200`,
	} {
		if !strings.Contains(line, part) {
			t.Errorf("no %s in %s", part, line)
		}
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), "checksum=") {
		t.Errorf("the log gives secrets away: %s", log.String())
	}
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Nobody who cannot sign makes the pool take in a body: the answer comes before a byte of it was read.
func TestGateway_UnsignedBodyIsNotRead(t *testing.T) {
	p := start(t, settings{servers: 1})
	reader, writer := io.Pipe() // nothing is ever written
	defer func() { _ = writer.Close() }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		p.http.URL+"/bigbluebutton/api/create?name=Room&meetingID=room&checksum=00", reader)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/xml")
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := read(resp); err != nil || a.Key != "checksumError" {
		t.Errorf("%v %s", err, a.body)
	}
}

// The browser's own calls are turned down in JSON, which is what asks for them expects. A HEAD changes nothing, and a
// wrong method is told the right ones.
func TestGateway_Refusals(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, c := range []struct {
		method, call, query string
		status              int
		allow, body         string
	}{
		{http.MethodGet, "getJoinUrl", "sessionToken=x", http.StatusOK, "", `"messageKey":"unsupportedRequest"`},
		{http.MethodHead, "create", createQuery("head"), http.StatusMethodNotAllowed, "GET, POST", ""},
		{http.MethodHead, "getMeetings", "", http.StatusOK, "", ""},
		{http.MethodDelete, "end", "meetingID=x", http.StatusMethodNotAllowed, "GET, POST", "unsupportedRequest"},
		{http.MethodGet, "insertDocument", "meetingID=x", http.StatusMethodNotAllowed, "POST", "unsupportedRequest"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, p.url(c.call, c.query), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || resp.Header.Get("Allow") != c.allow || !strings.Contains(string(body), c.body) {
			t.Errorf("%s %s: %v, %d, allow %q, %s", c.method, c.call, err, resp.StatusCode, resp.Header.Get("Allow"), body)
		}
	}
	if p.server("head") != "" {
		t.Error("a HEAD created a meeting")
	}
}

// A create that is too large for the servers' nginx is the front end's to know: it costs no server its health.
func TestCreate_TooLargeForServers(t *testing.T) {
	p := start(t, settings{servers: 3})
	form := createQuery("large") + "&welcome=" + strings.Repeat("x", 200_000)
	resp, err := p.client.Post(p.http.URL+"/bigbluebutton/api/create", "application/x-www-form-urlencoded",
		strings.NewReader(bbb.SHA256.Sign("create", form, secret)))
	if err != nil {
		t.Fatal(err)
	}
	if a, err := read(resp); err != nil || a.Key != "requestTooLarge" {
		t.Errorf("create: %v %s", err, a.body)
	}
	for _, s := range p.poller.Servers() {
		if s.Health != poller.Online {
			t.Errorf("%s is %s: %s", s.ID, s.Health, s.Reason)
		}
	}
	if p.server("large") != "" {
		t.Error("the create left a claim")
	}
}
