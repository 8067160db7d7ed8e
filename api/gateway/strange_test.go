package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// IDs of recordings are decoded once, as everything else: BigBlueButton decodes them twice, and no front end counts on it.
func TestRecordings_IDsAreDecodedOnce(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	for _, id := range []string{"a%2Cb", "a", "b", "a%2Bb", "a+b", "a b"} {
		p.stock(store.Recording{
			RecordID: id, Tenant: store.DefaultTenant, MeetingID: "room " + id, Name: id, State: store.Published,
			Start: time.UnixMilli(1_760_000_000_000),
		})
	}
	for _, c := range []struct{ query, want string }{
		{"recordID=a%252Cb", "a%2Cb"},
		{"recordID=a%252Bb", "a%2Bb"},
		{"recordID=a%2Bb", "a+b"},
		{"recordID=a+b", "a b"},
		{"recordID=a%2520b", ""},
		{"meetingID=room+a%252Cb", "a%2Cb"},
	} {
		if got := strings.Join(listed(p.call("getRecordings", c.query).body), " "); got != c.want {
			t.Errorf("getRecordings?%s lists %q, want %q", c.query, got, c.want)
		}
	}
	for _, c := range []struct{ call, query string }{
		{"publishRecordings", "&publish=false"}, {"updateRecordings", "&meta_x=y"}, {"deleteRecordings", ""},
	} {
		if a := p.call(c.call, "recordID=c%252Ca"+c.query); a.Key != "notFound" {
			t.Errorf("%s of no recording: %s", c.call, a.body)
		}
		if a := p.call(c.call, "recordID=a%252Cb"+c.query); a.Returncode != "SUCCESS" {
			t.Errorf("%s: %s", c.call, a.body)
		}
	}
	if got := listed(p.call("getRecordings", "state=published").body); len(got) != 5 {
		t.Errorf("left are %q, want all but one", got)
	}
}

// What comes twice, or under a name that only looks different, reaches the server once, as it was read here.
func TestGateway_RepeatedParameters(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, id := range []string{"first", "second"} {
		p.create(id)
	}
	for _, query := range []string{
		"meetingID=first&meetingID=second", "meeting%49D=first&meetingID=second", "meetingID%00=first&meetingID=second",
		"+meetingID+=first&meetingID=second", "meetingID=first%00&meetingID=second", "x=1&x=2&meetingID=%1Ffirst&meetingID=",
	} {
		if a := p.call("getMeetingInfo", query); a.MeetingID != "first" {
			t.Errorf("getMeetingInfo?%s: %s", query, a.body)
		}
		if to := p.join("first", "&"+query+"&role=VIEWER"); len(to.Query()["meetingID"]) != 1 || len(to.Query()["role"]) != 1 {
			t.Errorf("join with %s: %s", query, to)
		}
	}
}

// Whatever a server puts around its answer, a front end gets the bytes and a type that no browser runs: no cookie, no
// header of the connection, no HTML.
func TestGateway_AnswersOfServersRunNowhere(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("room")
	const page = "<html><script>alert(1)</script></html>"
	f.set(func(call string) (string, bool) { return page, call == "/newCall" })
	header := http.Header{"Set-Cookie": {"a=b"}, "Content-Type": {"text/html"}, "X-Accel-Redirect": {"/secret"}, "Refresh": {"0"}}
	f.say(header, http.StatusOK)
	for _, call := range []string{"newCall", "getMeetingInfo"} {
		resp, err := p.client.Get(p.url(call, "meetingID=room"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		h := resp.Header
		if strings.Contains(h.Get("Content-Type"), "html") || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v", call, h)
		}
		for name := range header {
			if name != "Content-Type" && h.Get(name) != "" {
				t.Errorf("%s: %s is passed on", call, name)
			}
		}
	}
}

// What a front end sends along with a call is not for servers: they get the parameters, and a body of its type.
func TestGateway_HeadersStayHere(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("room")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url("newCall", "meetingID=room"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Cookie", "Authorization", "X-Forwarded-For", "Te", "Proxy-Authorization", "X-Original-Url"} {
		req.Header.Set(name, "x")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	got := f.last("/newCall")
	got.Del("Accept-Encoding") // the transport's own
	got.Del("Connection")      // a call that nobody knows has a connection of its own
	if diff := cmp.Diff(http.Header{"User-Agent": {"bbbpool"}, "Accept": {"text/xml, application/xml, */*"}}, got); diff != "" {
		t.Errorf("the server gets (-want +got):\n%s", diff)
	}
}

// An HTTP error of a server, or of what stands before it, is its failure, and not the front end's; a call that it does
// not know is not supported.
func TestGateway_HTTPErrorsOfServers(t *testing.T) {
	t.Parallel()
	var f front
	p := start(t, settings{
		servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) },
		change: func(c *poller.Config, _ *gatewayConfig) { c.Response = time.Second },
	})
	p.create("room")
	for _, status := range []int{401, 403, 404, 405, 408, 418, 429, 302} {
		f.say(nil, status)
		f.set(func(call string) (string, bool) { return "no", call != "" && call != "/getMeetings" })
		unknown := "serverUnavailable"
		if status == 404 || status == 405 || status == 302 {
			unknown = "unsupportedRequest"
		}
		for call, want := range map[string]string{
			"newCall": unknown, "sendChatMessage": unknown, "insertDocument": "serverUnavailable",
		} {
			var a answer
			if call == "insertDocument" {
				a = p.insert("room")
			} else {
				a = p.call(call, "meetingID=room&message="+url.QueryEscape("hi"))
			}
			if a.Key != want {
				t.Errorf("%d, %s: %s, want %s", status, call, a.body, want)
			}
		}
		if a := p.call("getMeetingInfo", "meetingID=room"); a.Returncode != "SUCCESS" || a.MeetingID != "room" {
			t.Errorf("%d, getMeetingInfo, which was seen before: %s", status, a.body)
		}
	}
}

// Other methods than those of BigBlueButton's are told the right ones, for every call, and change nothing.
func TestGateway_Methods(t *testing.T) {
	p := start(t, settings{servers: 1})
	p.create("room")
	for _, call := range []string{"create", "end", "getMeetingInfo", "deleteRecordings", "newCall"} {
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch, "PROPFIND"} {
			req, err := http.NewRequestWithContext(t.Context(), method, p.url(call, createQuery("room")), nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := p.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(resp.Header.Get("Allow"), "GET") {
				t.Errorf("%s %s: status %d, allow %q", method, call, resp.StatusCode, resp.Header.Get("Allow"))
			}
		}
	}
	if p.server("room") == "" || p.sims[0].Calls("end") > 0 {
		t.Error("the meeting was ended")
	}
}
