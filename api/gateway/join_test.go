package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// failed makes a join that fails and returns where it leads, byte for byte.
func (p *pool) failed(query string) (status int, location string) {
	p.tb.Helper()
	resp, err := p.client.Get(p.url("join", query))
	if err != nil {
		p.tb.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

// Errors of joins lead to an absolute address, as BigBlueButton's do, in which everything is encoded, and so that every
// reader decodes it to the same.
func TestJoin_ErrorAddresses(t *testing.T) {
	p := start(t, settings{servers: 1})
	const errs = "errors=%5B%7B%22key%22%3A%22invalidMeetingIdentifier%22%2C%22message%22%3A%22A%20meeting%20with%20that%20ID" +
		"%20does%20not%20exist%22%7D%5D"
	for _, c := range []struct{ name, value, want string }{
		{"", "", p.http.URL + "/?"},
		{"errorRedirectUrl", "https://lms.example/my room?name=A B", "https://lms.example/my%20room?name=A%20B&"},
		{"errorRedirectUrl", `https://lms.example/?q="<é>|`, "https://lms.example/?q=%22%3C%C3%A9%3E%7C&"},
		{"errorRedirectUrl", "https://lms.example/?q=a%20b%2Bc+d", "https://lms.example/?q=a%20b%2Bc+d&"},
		{"errorRedirectUrl", "https://lms.example/?id=%%MEETINGID%%&u=%%USERID%%", "https://lms.example/?id=&u=&"},
		{"errorRedirectUrl", "https://lms.example/%%MEETINGID%%/left", "https://lms.example//left?"},
		{"errorRedirectUrl", "https://lms.example/room#part", "https://lms.example/room?"},
		{"errorRedirectUrl", "//lms.example/room", p.http.URL + "/?"},
		{"errorRedirectUrl", "https:lms.example", p.http.URL + "/?"},
		{"logoutURL", "https://lms.example/bye bye", "https://lms.example/bye%20bye?"},
	} {
		query := "meetingID=unknown&fullName=Ada&role=VIEWER"
		if c.name != "" {
			query += "&" + c.name + "=" + url.QueryEscape(c.value)
		}
		status, to := p.failed(query)
		if status != http.StatusFound || to != c.want+errs {
			t.Errorf("%s: status %d, to\n%s, want\n%s", c.value, status, to, c.want+errs)
		}
	}
}

// A join is a GET. Whatever else it is tried with is told so, and sent nowhere.
func TestJoin_Methods(t *testing.T) {
	p := start(t, settings{servers: 1})
	p.create("room")
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut, http.MethodOptions, http.MethodDelete} {
		query := "meetingID=room&fullName=Ada&role=VIEWER&errorRedirectUrl=https%3A%2F%2Flms.example%2F"
		for _, target := range []string{p.url("join", query), p.http.URL + "/bigbluebutton/api/join"} {
			req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if method == http.MethodPost {
				req, err = http.NewRequestWithContext(t.Context(), method, target,
					strings.NewReader(bbb.SHA256.Sign("join", query, secret)))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", formType)
			}
			resp, err := p.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET" ||
				resp.Header.Get("Location") != "" {
				t.Errorf("%s: status %d, allow %q, to %q", method, resp.StatusCode, resp.Header.Get("Allow"),
					resp.Header.Get("Location"))
			}
		}
	}
}
