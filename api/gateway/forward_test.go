package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// insert makes an insertDocument.
func (p *pool) insert(id string) answer {
	p.tb.Helper()
	resp, err := p.client.Post(p.url("insertDocument", "meetingID="+id), "application/xml",
		strings.NewReader(`<modules><module name="presentation"><document name="a.pdf">SGVsbG8=</document></module></modules>`))
	if err != nil {
		p.tb.Fatal(err)
	}
	a, err := read(resp)
	if err != nil {
		p.tb.Fatal(err)
	}
	return a
}

// BigBlueButton's answers to insertDocument have no message key.
func TestInsertDocument_Unknown(t *testing.T) {
	p := start(t, settings{servers: 1})
	a := p.insert("unknown")
	const want = "<response><returncode>FAILED</returncode><message>Meeting with id [unknown] not found.</message></response>"
	if a.body != want {
		t.Errorf("%s, want %s", a.body, want)
	}
}

// Where the server of a meeting does not do what it was asked, that is what is said: nobody was to take a meeting.
func TestForward_SaysWhatFailed(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1, poll: time.Hour, change: func(c *poller.Config, _ *gatewayConfig) {
		c.Response = time.Second
	}})
	p.create("room")
	for _, c := range []struct {
		kind simulator.Kind
		want string
	}{
		{simulator.Hang, "did not answer in time"},
		{simulator.ServerError, "failed at this call"},
		{simulator.Garbage, "failed at this call"},
		{simulator.Refuse, "The server of this meeting"},
	} {
		if err := p.sims[0].Fault(simulator.Fault{Kind: c.kind}); err != nil {
			t.Fatal(err)
		}
		for call, a := range map[string]answer{
			"insertDocument": p.insert("room"), "sendChatMessage": p.call("sendChatMessage", "meetingID=room&message=hi"),
			"newCall": p.call("newCall", "meetingID=room"),
		} {
			if c.kind == simulator.Garbage && call == "newCall" {
				continue // it may answer anything
			}
			if a.Key != "serverUnavailable" || !strings.Contains(a.Message, c.want) || strings.Contains(a.Message, "take this") {
				t.Errorf("%s, %s: %s", c.kind, call, a.body)
			}
		}
		if err := p.sims[0].Heal(); err != nil {
			t.Fatal(err)
		}
	}
}

// The pool states its build where the environment gives it one, as Scalelite does.
func TestRoot_Build(t *testing.T) {
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, g *gatewayConfig) { g.Build = "1.2 <3>" }})
	_, body := p.raw(http.MethodGet, "/bigbluebutton/api", "", "")
	const want = "<response><returncode>SUCCESS</returncode><version>2.0</version><apiVersion>2.0</apiVersion>" +
		"<bbbpool>true</bbbpool><build>1.2 &lt;3&gt;</build></response>"
	if body != want {
		t.Errorf("%s, want %s", body, want)
	}
}

// A request that is too large for the server's nginx is the front end's to know, and nothing about the server.
func TestForward_TooLargeForServers(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("room")
	f.set(func(call string) (string, bool) { return "no", call == "/sendChatMessage" })
	for _, status := range []int{400, 413, 414, 431} {
		f.say(nil, status)
		if a := p.call("sendChatMessage", "meetingID=room&message=hi"); a.Key != bbb.ErrTooLarge.Key || a.Message != bbb.ErrTooLarge.Message {
			t.Errorf("%d: %s", status, a.body)
		}
	}
	if p.poller.Failing("sim1") || p.metric(`bbbpool_server_errors_total{server="sim1",call="sendChatMessage",outcome="status"}`) != "" {
		t.Error("it cost the server its health")
	}
}

// A server that takes our secret for wrong, or has its API switched off, fails: the front end's own signature was right. What
// was last seen of its meetings is told meanwhile.
func TestForward_ServerDoesNotTakeUs(t *testing.T) {
	for _, key := range []string{"checksumError", "apiNotEnabled"} {
		var f front
		p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
		room := p.create("room")
		if err := p.sims[0].AddPeople("room", simulator.Crowd{Count: 2}); err != nil {
			t.Fatal(err)
		}
		p.waitFor("the people to be seen", func() bool { // a look that has just been is not repeated
			a := p.call("getMeetings", "")
			return len(a.Meetings) == 1 && a.Meetings[0].People == 2
		})
		f.set(func(string) (string, bool) {
			return "<response><returncode>FAILED</returncode><messageKey>" + key + "</messageKey></response>", true
		})
		a := p.call("sendChatMessage", "meetingID=room&message=hi")
		if a.Key != "serverUnavailable" || a.Message != "The server of this meeting failed at this call." {
			t.Errorf("%s: %s", key, a.body)
		}
		if series := `bbbpool_server_errors_total{server="sim1",call="sendChatMessage",outcome="` + key + `"}`; p.metric(series) != "1" {
			t.Errorf("%s is %q, want 1", series, p.metric(series))
		}
		if !p.poller.Failing("sim1") {
			t.Errorf("%s: the server does not fail", key)
		}
		if a := p.call("isMeetingRunning", "meetingID=room"); !a.Running {
			t.Errorf("%s, isMeetingRunning: %s", key, a.body)
		}
		if a := p.call("getMeetingInfo", "meetingID=room"); a.InternalID != room.InternalID || a.People != 2 {
			t.Errorf("%s, getMeetingInfo: %s", key, a.body)
		}
	}
}
