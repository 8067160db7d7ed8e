package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
)

// slow opens a connection and sends a request of which the body never comes. What is answered, until the connection is
// closed, goes to answers.
func (p *pool) slow(method, target, contentType string, answers chan<- string) {
	p.tb.Helper()
	p.slowly(method, target, contentType, 100, answers)
}

// slowly is slow for a body of a length.
func (p *pool) slowly(method, target, contentType string, length int, answers chan<- string) {
	p.tb.Helper()
	addr := p.http.Listener.Addr().String()
	conn, err := (&net.Dialer{}).DialContext(p.tb.Context(), "tcp", addr)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.tb.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		method, strings.TrimPrefix(target, p.http.URL), addr, contentType, length)
	if err != nil {
		p.tb.Fatal(err)
	}
	go func() {
		answer, err := io.ReadAll(bufio.NewReader(conn))
		answers <- fmt.Sprintf("%s%v", answer, err)
	}()
}

// receive waits for an answer.
func receive(t *testing.T, answers <-chan string) string {
	t.Helper()
	select {
	case a := <-answers:
		return a
	case <-time.After(time.Minute):
		t.Fatal("no answer, or the connection stays open")
		return ""
	}
}

const formType = "application/x-www-form-urlencoded"

// Forms that nobody has verified yet hold a small share of the requests, however slow they are: the others are refused
// at once, and closed. Joins do not notice.
func TestGateway_SlowFormsHoldFewSlots(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, g *gatewayConfig) { g.MaxRequests = 300 }})
	p.create("room")
	const all, slots = 60, 18
	answers := make(chan string, all)
	for range all {
		p.slow(http.MethodPost, p.http.URL+"/bigbluebutton/api/getMeetings", formType, answers)
	}
	for range all - slots {
		if a := receive(t, answers); !strings.Contains(a, "serverBusy") || !strings.Contains(a, "Connection: close") {
			t.Fatalf("a form beyond the slots: %s", a)
		}
	}
	if to := p.join("room", ""); to.Path != "/bigbluebutton/api/join" {
		t.Errorf("the join goes to %s", to)
	}
	for range slots {
		if a := receive(t, answers); !strings.Contains(a, "ended early") {
			t.Errorf("a form that never came: %s", a)
		}
	}
	if a := p.post("getMeetings", ""); a.Returncode != "SUCCESS" {
		t.Errorf("a form once the slots are free: %s", a.body)
	}
}

// post makes a call with a form that its checksum covers.
func (p *pool) post(call, form string) answer {
	p.tb.Helper()
	resp, err := p.client.Post(p.http.URL+"/bigbluebutton/api/"+call, formType,
		strings.NewReader(bbb.SHA256.Sign(call, form, secret)))
	if err != nil {
		p.tb.Fatal(err)
	}
	a, err := read(resp)
	if err != nil {
		p.tb.Fatal(err)
	}
	return a
}

// A form that was verified has given its slot back, whatever its call takes; and the time that forms have for coming in
// is not the call's.
func TestGateway_VerifiedFormHoldsNoSlot(t *testing.T) {
	t.Parallel()
	p := start(t, settings{
		servers: 1, poll: time.Hour, change: func(_ *poller.Config, g *gatewayConfig) { g.MaxRequests = 1 },
	})
	p.create("room")
	sim := p.sims[0]
	if err := sim.Fault(simulator.Fault{Kind: simulator.Slow, Delay: 6 * time.Second}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan answer, 1)
	go func() { ended <- p.post("end", "meetingID=room&password=mp") }()
	p.waitFor("the end to be on its way", func() bool { return sim.Calls("end") > 0 })
	if a := p.post("isMeetingRunning", "meetingID=unknown"); a.Returncode != "SUCCESS" {
		t.Errorf("a form beside it: %s", a.body)
	}
	if a := <-ended; a.Key != "sentEndMeetingRequest" {
		t.Errorf("end: %s", a.body)
	}
}

// Nobody waits for a body that no call takes: it is not read, the answer comes at once, and the connection ends. Whoever
// has seen a link of a join holds nothing with it.
func TestGateway_BodiesThatNobodyTakes(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	p.create("room")
	join := p.url("join", "meetingID=room&fullName=Ada&role=VIEWER")
	for _, c := range []struct{ method, target, contentType, want string }{
		{http.MethodGet, join, formType, "302 Found"},
		{http.MethodGet, join, "text/plain", "302 Found"},
		{http.MethodGet, p.url("getMeetings", ""), formType, "SUCCESS"},
		{http.MethodHead, p.url("getMeetings", ""), formType, "200 OK"},
		{http.MethodGet, p.http.URL + "/bigbluebutton/api", formType, "SUCCESS"},
		{http.MethodPost, p.http.URL + "/bigbluebutton/api", formType, "SUCCESS"},
		{http.MethodPost, p.http.URL + "/bigbluebutton/api/hooks/create", "text/plain", "checksumError"},
		{http.MethodPost, p.http.URL + "/bigbluebutton/presentation/upload", "text/plain", "FAILED"},
		{http.MethodPost, join, formType, "405 Method Not Allowed"},
		{http.MethodPut, p.url("create", createQuery("x")), "application/xml", "405 Method Not Allowed"},
		{http.MethodPost, p.http.URL + "/bigbluebutton/api/create?name=x&meetingID=xx&checksum=00", formType, "checksumError"},
	} {
		answers := make(chan string, 1)
		p.slow(c.method, c.target, c.contentType, answers)
		if a := receive(t, answers); !strings.Contains(a, c.want) || !strings.Contains(a, "Connection: close") {
			t.Errorf("%s %s: %s", c.method, c.target, a)
		}
	}
}

// Who has no body waits for nobody's: slides that come in slowly, and those that wait for room, hold up no join.
func TestGateway_SlowBodiesHoldUpNoJoin(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	p.create("room")
	const maxBody, room = 1 << 20, 8
	answers := make(chan string, room+1)
	for i := range room + 1 {
		p.slowly(http.MethodPost, p.url("create", createQuery(fmt.Sprint("slides-", i))), "application/xml", maxBody, answers)
	}
	p.waitFor("the one that waits to be told that there is no room", func() bool {
		if to := p.join("room", ""); to.Path != "/bigbluebutton/api/join" {
			t.Fatalf("the join goes to %s", to)
		}
		return len(answers) > 0
	})
	if a := receive(t, answers); !strings.Contains(a, "serverBusy") {
		t.Errorf("a body that there is no room for: %s", a)
	}
}
