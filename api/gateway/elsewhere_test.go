package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
)

// elsewhere is other instances, of which one may lead.
type elsewhere struct {
	leading, fresh, reachable atomic.Bool
	begins                    atomic.Bool // it has heard nobody yet

	mu     sync.Mutex
	handed []string // the calls that were handed on
	bodies []string
	ids    []string
	answer http.HandlerFunc // the leader's; nil is one for all
}

const ledBy = "<response><returncode>FAILED</returncode><messageKey>saidByTheLeader</messageKey></response>"

func (e *elsewhere) Leading() bool { return e.leading.Load() }

func (e *elsewhere) Fresh() bool { return e.fresh.Load() }

func (e *elsewhere) Begun() bool { return !e.begins.Load() }

func (e *elsewhere) HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool {
	if !e.reachable.Load() {
		return false
	}
	e.mu.Lock()
	e.handed = append(e.handed, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	e.bodies, e.ids = append(e.bodies, string(body)), append(e.ids, r.Header.Get(gateway.RequestHeader))
	answer := e.answer
	e.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return true
	}
	w.Header().Add("X-Content-Type-Options", "nosniff")
	w.Header().Set("Bbbpool-Message-Key", "saidByTheLeader")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, ledBy)
	return true
}

// take returns what was handed on since it was asked last.
func (e *elsewhere) take() (calls, bodies, ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls, bodies, ids = e.handed, e.bodies, e.ids
	e.handed, e.bodies, e.ids = nil, nil, nil
	return calls, bodies, ids
}

// peerHeader marks what comes from another instance, in tests.
const peerHeader = "X-Test-Peer"

// among makes a pool one of several instances, which leads.
func (p *pool) among() *elsewhere {
	e := &elsewhere{}
	e.leading.Store(true)
	e.fresh.Store(true)
	e.reachable.Store(true)
	p.gateway.Elsewhere = e
	p.gateway.Peer = func(r *http.Request) bool { return r.Header.Get(peerHeader) != "" }
	return e
}

// get makes a call with headers, and returns the answer and what came with it.
func (p *pool) get(call, query string, headers ...string) (body string, resp *http.Response) {
	p.tb.Helper()
	req, err := http.NewRequestWithContext(p.tb.Context(), http.MethodGet, p.url(call, query), nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err = p.client.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	return string(b), resp
}

// What needs a decision is handed on, and so is what is unknown here, or may be: a follower says of nothing that it is not there.
// Everything else it answers itself, from news that are fresh. The leader's answer is the answer, byte for byte.
func TestFollower_HandsOn(t *testing.T) {
	p := start(t, settings{servers: 1, poll: 100 * time.Millisecond})
	e := p.among()
	p.create("room")
	e.leading.Store(false)
	for _, c := range []struct {
		call, query    string
		fresh, handsOn bool
	}{
		{"create", createQuery("room"), true, true},
		{"create", createQuery("another"), true, true},
		{"end", "meetingID=room&password=mp", true, true},
		{"publishRecordings", "recordID=r&publish=true", true, true},
		{"updateRecordings", "recordID=r", true, true},
		{"deleteRecordings", "recordID=r", true, true},
		{"getRecordings", "", true, false},
		{"getRecordings", "", false, false},
		{"getRecordingTextTracks", "recordID=r", true, false},
		{"join", "meetingID=room&fullName=Ada", true, false},
		{"join", "meetingID=room&fullName=Ada", false, true},
		{"join", "meetingID=nowhere&fullName=Ada", true, true},
		{"join", "fullName=Ada", false, false},
		{"getMeetingInfo", "meetingID=room", true, false},
		{"getMeetingInfo", "meetingID=room", false, true},
		{"getMeetingInfo", "meetingID=nowhere", true, true},
		{"isMeetingRunning", "meetingID=room", true, false},
		{"isMeetingRunning", "meetingID=nowhere", true, true},
		{"sendChatMessage", "meetingID=room&message=hello", true, false},
		{"sendChatMessage", "meetingID=nowhere&message=hello", true, true},
		{"callOfTomorrow", "meetingID=room", true, false},
		{"callOfTomorrow", "meetingID=nowhere", true, true},
		{"getMeetings", "", true, false},
		{"getMeetings", "", false, true},
		{"getSessions", "", false, true},
		{"feedback", "", false, false},
	} {
		e.fresh.Store(c.fresh)
		body, resp := p.get(c.call, c.query)
		calls, _, ids := e.take()
		if handed := len(calls) == 1; handed != c.handsOn || (body == ledBy) != c.handsOn {
			t.Errorf("%s?%s (fresh: %t) is handed on %v, and answered %.200s", c.call, c.query, c.fresh, calls, body)
		}
		if c.handsOn && (len(resp.Header["X-Content-Type-Options"]) != 1 || resp.Header.Get("Bbbpool-Message-Key") == "") {
			t.Errorf("%s: headers %v", c.call, resp.Header)
		}
		if c.call == "create" && len(ids) == 1 && ids[0] == "" {
			t.Errorf("%s has no ID", c.call)
		}
	}
	if n := p.sims[0].Calls("create"); n != 1 {
		t.Errorf("the server has seen %d creates", n)
	}
}

// A meeting that was ended, and made anew on another server, may be there where a follower has not heard of it yet: what its former
// server does not know the leader is asked for, and where there is none nobody says that the meeting is nowhere.
func TestFollower_Moved(t *testing.T) {
	p := start(t, settings{servers: 1, poll: time.Hour})
	e := p.among()
	p.create("room")
	e.leading.Store(false)
	if err := p.sims[0].End("room"); err != nil {
		t.Fatal(err)
	}
	for _, reachable := range []bool{true, false} {
		e.reachable.Store(reachable)
		body, _ := p.get("getMeetingInfo", "meetingID=room")
		if led := body == ledBy; led != reachable || !reachable && !strings.Contains(body, "<messageKey>poolUnavailable") {
			t.Errorf("leader reachable %t: %s", reachable, body)
		}
	}
}

// closing closes a meeting as soon as a follower has found where it is.
type closing struct {
	gateway.Servers

	close func()
}

func (c *closing) Client(server string) *bbb.Client {
	c.close()
	return c.Servers.Client(server)
}

// What a follower finds, and has heard of the end of a moment later, it says nothing of either.
func TestFollower_HearsOfTheEnd(t *testing.T) {
	p := start(t, settings{servers: 1, poll: time.Hour})
	e, servers := p.among(), p.gateway.Servers
	for _, call := range []string{"getMeetingInfo", "isMeetingRunning", "join", "callOfTomorrow"} {
		e.leading.Store(true)
		p.gateway.Servers = servers
		p.create("room")
		e.leading.Store(false)
		var once sync.Once
		p.gateway.Servers = &closing{servers, func() {
			once.Do(func() {
				found, err := p.ledger.Peek(key("room"))
				if err != nil {
					t.Error(err)
				}
				if _, err := p.ledger.Close(t.Context(), found.Claim, placement.Ended); err != nil {
					t.Error(err)
				}
			})
		}}
		if body, _ := p.get(call, "meetingID=room&fullName=Ada"); body != ledBy {
			t.Errorf("%s is answered %s", call, body)
		}
	}
}

// What was last seen on a server that a follower does not reach the leader knows better, who may reach it, and knows before others
// that a meeting has ended. Where there is none it is told as it was seen.
func TestFollower_ServerAway(t *testing.T) {
	p := start(t, settings{servers: 1, poll: 50 * time.Millisecond})
	e := p.among()
	p.room("room", 1)
	p.polled(p.sims[0], 2)
	e.leading.Store(false)
	if err := p.sims[0].Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		t.Fatal(err)
	}
	for _, reachable := range []bool{true, false} {
		e.reachable.Store(reachable)
		for _, call := range []string{"getMeetingInfo", "isMeetingRunning"} {
			body, _ := p.get(call, "meetingID=room")
			if led := body == ledBy; led != reachable || !reachable && !strings.Contains(body, "<returncode>SUCCESS") {
				t.Errorf("%s, leader reachable %t: %s", call, reachable, body)
			}
		}
	}
}

// A create that has moved a meeting, and an end that a server owes, are answered once other instances know, for these may reach the
// server of before. Nothing else waits for them.
func TestLeader_Heard(t *testing.T) {
	p := start(t, settings{servers: 2})
	p.among()
	var heard atomic.Int32
	p.gateway.Heard = func(context.Context) { heard.Add(1) }
	check := func(what string, want int32) {
		t.Helper()
		if got := heard.Swap(0); got != want {
			t.Errorf("%s: others were waited for %d times, want %d", what, got, want)
		}
	}
	server := p.room("room", 0)
	p.create("room")
	check("a create and its repeat", 0)
	if err := server.Fault(simulator.Fault{Kind: "refuse"}); err != nil {
		t.Fatal(err)
	}
	p.create("room")
	check("a move", 1)
	if body, _ := p.get("end", "meetingID=room&password=mp"); !strings.Contains(body, "SUCCESS") {
		t.Error(body)
	}
	check("an end that a server owes", 1)
	p.create("room")
	if body, _ := p.get("end", "meetingID=room&password=mp"); !strings.Contains(body, "SUCCESS") {
		t.Error(body)
	}
	heard.Store(0)
	if err := server.Heal(); err != nil {
		t.Fatal(err)
	}
	p.create("another")
	if body, _ := p.get("end", "meetingID=another&password=mp"); !strings.Contains(body, "SUCCESS") {
		t.Error(body)
	}
	check("an end that is done", 0)
}

// Whoever creates a meeting that is moving is answered with it, and not before: else he would look for it where others still
// take it to be.
func TestLeader_HeardByAll(t *testing.T) {
	p := start(t, settings{servers: 2})
	p.among()
	server := p.room("room", 0)
	p.create("room")
	if err := server.Fault(simulator.Fault{Kind: "refuse"}); err != nil {
		t.Fatal(err)
	}
	second := make(chan string, 1)
	p.gateway.Heard = func(context.Context) {
		go func() {
			body, _ := p.get("create", createQuery("room"))
			second <- body
		}()
		select {
		case body := <-second:
			t.Errorf("answered before others know: %s", body)
			second <- body
		case <-time.After(200 * time.Millisecond):
		}
	}
	p.create("room")
	if body := <-second; !strings.Contains(body, "SUCCESS") {
		t.Error(body)
	}
}

// What comes with a request goes with it as it came: forms whose checksum is in them, slides, a file. Who cannot sign is turned
// away where he comes in.
func TestFollower_Bodies(t *testing.T) {
	p := start(t, settings{servers: 1, poll: time.Hour})
	e := p.among()
	e.leading.Store(false)
	const slides = `<modules><module name="presentation"><document url="https://example.edu/a.pdf"/></module></modules>`
	form := createQuery("room") + "&welcome=%C3%BC"
	signed := bbb.SHA256.Sign("create", form, secret)
	for _, c := range []struct{ query, kind, body string }{
		{bbb.SHA256.Sign("create", createQuery("room"), secret), "application/xml", slides},
		{"", "application/x-www-form-urlencoded", signed},
		{bbb.SHA256.Sign("create", createQuery("room"), secret), "application/xml", ""},
	} {
		post := func(call, query string) string {
			resp, err := p.client.Post(p.http.URL+"/bigbluebutton/api/"+call+"?"+query, c.kind, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			b, _ := io.ReadAll(resp.Body)
			return string(b)
		}
		said := post("create", c.query)
		if calls, bodies, _ := e.take(); said != ledBy || !slices.Equal(bodies, []string{c.body}) {
			t.Errorf("%s: handed on %v with %q, answered %s", c.kind, calls, bodies, said)
		}
	}
	for _, query := range []string{"meetingID=room&name=room&checksum=" + strings.Repeat("0", 40), "meetingID=room&name=room"} {
		resp, err := p.client.Get(p.http.URL + "/bigbluebutton/api/create?" + query)
		if err != nil {
			t.Fatal(err)
		}
		a, err := read(resp)
		if calls, _, _ := e.take(); err != nil || a.Key != "checksumError" || calls != nil {
			t.Errorf("unsigned: %v %s, handed on %v", err, a.body, calls)
		}
	}
}

// Without a leader whoever asks for a decision is told to come again; what can be answered is, and nobody who wants to join a
// meeting that is known is sent away.
func TestFollower_NoLeader(t *testing.T) {
	p := start(t, settings{servers: 1, poll: 100 * time.Millisecond})
	e := p.among()
	p.create("room")
	e.leading.Store(false)
	e.reachable.Store(false)
	for _, fresh := range []bool{true, false} {
		e.fresh.Store(fresh)
		for call, query := range map[string]string{
			"create": createQuery("another"), "end": "meetingID=room&password=mp", "getMeetingInfo": "meetingID=nowhere",
			"isMeetingRunning": "meetingID=nowhere", "deleteRecordings": "recordID=r",
		} {
			if a := p.call(call, query); a.Key != "poolUnavailable" || a.Returncode != "FAILED" {
				t.Errorf("%s: %s", call, a.body)
			}
		}
		for call, query := range map[string]string{
			"getMeetingInfo": "meetingID=room", "isMeetingRunning": "meetingID=room", "getMeetings": "", "getRecordings": "",
		} {
			if a := p.call(call, query); a.Returncode != "SUCCESS" {
				t.Errorf("%s: %s", call, a.body)
			}
		}
		if to := p.join("room", ""); to.Path != "/bigbluebutton/api/join" {
			t.Errorf("the join goes to %s", to)
		}
		_, resp := p.get("join", "meetingID=nowhere&fullName=Ada&logoutURL="+url.QueryEscape("https://front.example.edu/"))
		if to := resp.Header.Get("Location"); !strings.Contains(to, "poolUnavailable") {
			t.Errorf("the join of what nobody knows goes to %s", to)
		}
		page, resp := p.get("join", "meetingID=nowhere&fullName=Ada", "Accept", "text/html")
		if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page, "One moment") {
			t.Errorf("%d %s", resp.StatusCode, page)
		}
	}
}

// Who has just begun and has heard nobody does not say that there are no meetings: the leader is asked, and without one nothing is
// said.
func TestFollower_Begins(t *testing.T) {
	p := start(t, settings{servers: 1, poll: 100 * time.Millisecond})
	e := p.among()
	p.create("room")
	e.leading.Store(false)
	e.begins.Store(true)
	for _, fresh := range []bool{true, false} {
		e.fresh.Store(fresh)
		e.reachable.Store(true)
		if a := p.call("getMeetings", ""); a.Key != "saidByTheLeader" {
			t.Errorf("while the leader can be reached: %s", a.body)
		}
		e.reachable.Store(false)
		if a := p.call("getMeetings", ""); a.Key != "poolUnavailable" {
			t.Errorf("while it cannot: %s", a.body)
		}
		if a := p.call("getMeetingInfo", "meetingID=room"); a.Returncode != "SUCCESS" {
			t.Errorf("of a meeting that is known: %s", a.body)
		}
	}
}

// What another instance has handed on goes no further: where we do not lead either it is told so in a way that no front end
// gets to see. How often a tenant may call was asked there.
func TestPeer(t *testing.T) {
	p := start(t, settings{servers: 1, poll: time.Hour})
	e := p.among()
	e.leading.Store(false)
	body, resp := p.get("create", createQuery("room"), peerHeader, "yes")
	if calls, _, _ := e.take(); resp.StatusCode != http.StatusMisdirectedRequest || calls != nil {
		t.Errorf("%d %s, handed on %v", resp.StatusCode, body, calls)
	}
	e.leading.Store(true)
	if body, resp = p.get("create", createQuery("room"), peerHeader, "yes"); !strings.Contains(body, "SUCCESS") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// An answer of the leader that has begun comes whole, however slowly it is taken, also where the call could be answered without it.
func TestFollower_SlowAnswer(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1, poll: time.Hour})
	e := p.among()
	e.leading.Store(false)
	e.fresh.Store(false)
	e.answer = func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, ledBy[:10])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done(): // as a relay does that reads from the leader for so long
		case <-time.After(1200 * time.Millisecond):
			_, _ = io.WriteString(w, ledBy[10:])
		}
	}
	if body, _ := p.get("getMeetings", ""); body != ledBy {
		t.Errorf("%q", body)
	}
}
