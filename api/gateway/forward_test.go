package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
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
