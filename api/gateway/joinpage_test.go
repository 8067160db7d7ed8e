package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// pages is what people were shown.
type pages struct{ titles map[string]int }

// write is a page that is nothing but its title.
func (p *pages) write(w http.ResponseWriter, _ *http.Request, status int, title, text string) {
	p.titles[title] = status
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(title + "\n" + text))
}

// browse follows a link as a browser does.
func (p *pool) browse(link string) (resp *http.Response) {
	p.tb.Helper()
	req, err := http.NewRequestWithContext(p.tb.Context(), http.MethodGet, link, nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	if resp, err = p.client.Do(req); err != nil {
		p.tb.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// A person who cannot join learns why: each cause has a page and a status of its own. Programs get what BigBlueButton
// sends, and a front end that shows errors itself gets them.
func TestJoin_Pages(t *testing.T) {
	t.Parallel()
	p := start(t, settings{
		servers: 2, poll: 100 * time.Millisecond, server: func(s *store.Server) {
			if s.ID == "sim2" {
				s.Tag, s.Capacity, s.Hard = "small", 10, true
			}
		},
		change: func(c *poller.Config, _ *gatewayConfig) { c.Unhealthy = 1 },
	})
	shown := &pages{map[string]int{}}
	p.gateway.Page = shown.write
	join := func(id string) string { return "meetingID=" + id + "&fullName=Ada&role=VIEWER" }
	p.create("interrupted")
	if a := p.call("create", createQuery("first")+"&meta_server-tag=small!"); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	if err := p.sim("sim2").AddPeople("first", simulator.Crowd{Count: 10}); err != nil {
		t.Fatal(err)
	}
	p.polled(p.sim("sim2"), 2)
	for id, c := range map[string]struct{ tag, key string }{
		"full": {"small!", "serverCapacityReached"}, "fit": {"huge!", "serverTagUnavailable"},
	} {
		if a := p.call("create", createQuery(id)+"&meta_server-tag="+c.tag); a.Key != c.key {
			t.Fatalf("create: %s", a.body)
		}
	}
	if err := p.sim("sim1").Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		t.Fatal(err)
	}
	p.waitHealth("sim1", poller.Offline)
	if a := p.call("create", createQuery("none")); a.Key != "serverUnavailable" {
		t.Fatalf("create: %s", a.body)
	}
	for _, c := range []struct {
		link, title string
		status      int
	}{
		{p.url("join", join("unknown")), "This meeting is not running", http.StatusNotFound},
		{p.url("join", join("interrupted")), "The server of this meeting does not answer", http.StatusServiceUnavailable},
		{p.url("join", join("full")), "All servers are full", http.StatusServiceUnavailable},
		{p.url("join", join("fit")), "No server is fit for this meeting", http.StatusServiceUnavailable},
		{p.url("join", join("none")), "No server can take this meeting", http.StatusServiceUnavailable},
		{p.url("join", join("first"))[:len(p.url("join", join("first")))-1], "This link is not valid", http.StatusForbidden},
		{p.url("join", "meetingID=first"), "Your name is missing", http.StatusBadRequest},
		{p.url("join", "fullName=Ada"), "This link does not work", http.StatusBadRequest},
	} {
		clear(shown.titles)
		resp := p.browse(c.link)
		if resp.StatusCode != c.status || shown.titles[c.title] != c.status || len(shown.titles) != 1 {
			t.Errorf("%s: status %d, pages %v", c.title, resp.StatusCode, shown.titles)
		}
		clear(shown.titles)
		if resp, err := p.client.Get(c.link); err != nil || resp.StatusCode != http.StatusFound || len(shown.titles) > 0 {
			t.Errorf("%s, to a program: %v, %+v", c.title, err, resp)
		}
	}
	resp := p.browse(p.url("join", join("unknown")+"&logoutURL=https%3A%2F%2Flms.example%2F"))
	if resp.StatusCode != http.StatusFound || len(shown.titles) > 0 {
		t.Errorf("with an address for errors: status %d, pages %v", resp.StatusCode, shown.titles)
	}
	for cause, want := range map[string]string{"refused": "6", "unknown": "3", "offline": "2"} {
		if got := p.metric(`bbbpool_join_failures_total{cause="` + cause + `"}`); got != want {
			t.Errorf("%s joins failed by cause %s, want %s", got, cause, want)
		}
	}
	// What was refused and is made after all is forgotten.
	if err := p.sim("sim1").Heal(); err != nil {
		t.Fatal(err)
	}
	p.waitHealth("sim1", poller.Online)
	p.create("none")
	if resp := p.browse(p.url("join", join("none"))); resp.StatusCode != http.StatusFound {
		t.Errorf("once it is made: status %d", resp.StatusCode)
	}
	if a := p.call("end", "meetingID=none&password=mp"); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	clear(shown.titles)
	if p.browse(p.url("join", join("none"))); shown.titles["This meeting is not running"] == 0 {
		t.Errorf("once it has ended: pages %v", shown.titles)
	}
}

// Whoever makes creates that nobody can take, however many, is remembered as a bounded number of meetings, the last ones
// among them.
func TestJoin_RefusalsAreBounded(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	const creates = 1100
	for i := range creates {
		if a := p.call("create", createQuery(fmt.Sprintf("room-%d", i))); a.Key != "serverUnavailable" {
			t.Fatalf("create: %s", a.body)
		}
	}
	refused := 0
	for i := range creates {
		_, to := p.failed(fmt.Sprintf("meetingID=room-%d&fullName=Ada&role=VIEWER", i))
		if strings.Contains(to, "serverUnavailable") {
			refused++
		} else if i == creates-1 {
			t.Errorf("the last one: %s", to)
		}
	}
	if refused != 1000 {
		t.Errorf("%d meetings are remembered as refused, want 1000", refused)
	}
}
