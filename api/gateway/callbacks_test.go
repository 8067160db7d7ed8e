package gateway_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// ourAddress is where the pools of these tests are called back: nobody is there.
const ourAddress = "http://127.0.0.1:1/pool"

// backAt is where a front end wants to be called back, in the parameters of a create, all four kinds of it.
func backAt(front string) string {
	q := url.Values{
		"meetingEndedURL": {front + "/ended"}, "meta_endCallbackUrl": {front + "/end?a=1&b=2"},
		"meta_bbb-recording-ready-url": {front + "/ready"}, "meta_analytics-callback-url": {front + "/analytics"},
	}
	return "&meta_topic=x&meta_other-callback-url=" + url.QueryEscape(front+"/other") + "&" + q.Encode()
}

// shownTo is the metadata that a front end reads then.
func shownTo(front string) map[string]string {
	return map[string]string{
		"topic": "x", "other-callback-url": front + "/other", "endcallbackurl": front + "/end?a=1&b=2",
		"bbb-recording-ready-url": front + "/ready", "analytics-callback-url": front + "/analytics",
	}
}

// metadata is that of the meetings in an answer, one after another.
func metadata(tb testing.TB, body string) (list []map[string]string) {
	tb.Helper()
	type meta struct {
		Fields []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	}
	var answer struct {
		One  *meta `xml:"metadata"`
		Many []struct {
			Meta meta `xml:"metadata"`
		} `xml:"meetings>meeting"`
	}
	if err := xml.Unmarshal([]byte(body), &answer); err != nil {
		tb.Fatalf("%v in %s", err, body)
	}
	read := func(m meta) {
		fields := map[string]string{}
		for _, f := range m.Fields {
			fields[f.XMLName.Local] = f.Value
		}
		list = append(list, fields)
	}
	if answer.One != nil {
		read(*answer.One)
	}
	for _, m := range answer.Many {
		read(m.Meta)
	}
	return list
}

// shows checks that every meeting of an answer has this metadata, and that nothing else of callbacks is in it.
func shows(tb testing.TB, what, body string, want map[string]string) {
	tb.Helper()
	list := metadata(tb, body)
	for _, m := range list {
		if !maps.Equal(m, want) {
			tb.Errorf("%s: metadata %v, want %v", what, m, want)
		}
	}
	if len(list) == 0 || strings.Contains(body, address.Path) || strings.Contains(body, "/ended") {
		tb.Errorf("%s: %s", what, body)
	}
}

// given is the parameters that the server of a meeting got which are addresses of ours, and what they are about.
func (p *pool) given(server, id string) map[string]address.Place {
	p.tb.Helper()
	m, ok := p.sim(server).Meeting(id)
	if !ok {
		p.tb.Fatalf("%s is not on %s", id, server)
	}
	places := map[string]address.Place{}
	for name, value := range m.Params {
		if strings.Contains(value, "front.example.edu") && name != "meta_other-callback-url" {
			p.tb.Errorf("%s got %s=%s", server, name, value)
		}
		if place, err := p.seal.Read(value); err == nil {
			places[name] = place
			if !strings.HasPrefix(value, ourAddress+address.Path+string(place.Kind)+"/") {
				p.tb.Errorf("%s got %s=%s", server, name, value)
			}
		}
	}
	return places
}

const frontEnd = "https://front.example.edu"

// A server gets addresses of ours in the place of the front end's, bound to the meeting and to it; front ends read their own.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, called: ourAddress, poll: 100 * time.Millisecond})
	made := p.call("create", createQuery("room")+backAt(frontEnd))
	if made.Returncode != "SUCCESS" || strings.Contains(made.body, frontEnd) {
		t.Fatal(made.body)
	}
	for name, value := range metadata(t, p.call("getMeetings", "").body)[0] { // a poll may not have seen it all
		if shownTo(frontEnd)[name] != value {
			t.Errorf("right after the create: %s=%s", name, value)
		}
	}
	claim, err := p.ledger.Peek(key("room"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]address.Place{
		"meetingEndedURL":             address.Of(address.Ended, claim.Claim),
		"meta_endCallbackUrl":         address.Of(address.Marks, claim.Claim),
		"meta_analytics-callback-url": address.Of(address.Analytics, claim.Claim),
	}
	if got := p.given(claim.Claim.Server, "room"); !maps.Equal(got, want) {
		t.Errorf("the server got %v, want %v", got, want)
	}
	if m, _ := p.sim(claim.Claim.Server).Meeting("room"); m.Params["meta_other-callback-url"] != frontEnd+"/other" {
		t.Errorf("what nobody has named: %v", m.Params)
	}
	server := p.sim(claim.Claim.Server)
	p.polled(server, 2)
	shows(t, "getMeetings", p.call("getMeetings", "").body, shownTo(frontEnd))
	shows(t, "getMeetingInfo", p.call("getMeetingInfo", "meetingID=room").body, shownTo(frontEnd))
	e := p.among()
	e.leading.Store(false)
	shows(t, "getMeetingInfo of a follower", p.call("getMeetingInfo", "meetingID=room").body, shownTo(frontEnd))
	shows(t, "getMeetings of a follower", p.call("getMeetings", "").body, shownTo(frontEnd))
	e.leading.Store(true)
	p.fail(server, refuse)
	p.waitFor("the server to fail", func() bool { return p.gateway.Servers.Failing(server.ID()) })
	shows(t, "getMeetingInfo as last seen", p.call("getMeetingInfo", "meetingID=room").body, shownTo(frontEnd))
	if a := p.call("create", createQuery("room")+backAt(frontEnd)); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	moved, _ := p.ledger.Peek(key("room"))
	for name, place := range p.given(moved.Claim.Server, "room") {
		if place.Server != moved.Claim.Server || !place.Placed.Equal(moved.Claim.Placed.Truncate(time.Millisecond)) || want[name].Kind != place.Kind {
			t.Errorf("once it has moved: %s is %v", name, place)
		}
	}
}

// The rules for parameters say what front ends want to be called at like any other.
func TestCallbacks_Rules(t *testing.T) {
	p := start(t, settings{servers: 1, called: ourAddress, poll: 100 * time.Millisecond, change: func(_ *poller.Config, c *gatewayConfig) {
		c.Params.ExcludeCreate = "meta_analytics-callback-url,meetingEndedURL"
		c.Params.OverrideCreate = "meta_endCallbackUrl=https://rule.example.edu/end"
		c.Params.DefaultCreate = "meta_BN-recording-ready-url=https://rule.example.edu/ready,record=true"
	}})
	a := p.call("create", createQuery("room")+"&META_ENDCALLBACKURL=x&meetingEndedURL=y&meta_analytics-callback-url=z")
	if a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	if got := slices.Sorted(maps.Keys(p.given("sim1", "room"))); !slices.Equal(got, []string{"meetingEndedURL", "meta_endCallbackUrl"}) {
		t.Errorf("the server got %v", got)
	}
	shows(t, "getMeetingInfo", p.call("getMeetingInfo", "meetingID=room").body, map[string]string{
		"endcallbackurl": "https://rule.example.edu/end", "bn-recording-ready-url": "https://rule.example.edu/ready",
	})
}

// What nobody can be called at is shown as it came, and a server is not asked for it. That goes for an address of ours, too,
// whoever it was made for: nobody has us call ourselves.
func TestCallbacks_NoAddresses(t *testing.T) {
	p := start(t, settings{servers: 1, called: ourAddress, poll: 100 * time.Millisecond})
	p.create("other")
	theirs := p.sims[0]
	m, _ := theirs.Meeting("other")
	for i, value := range []string{"", "none", "/end", "ftp://front.example.edu/end", "javascript:alert(1)", m.Params["meetingEndedURL"]} {
		id := fmt.Sprintf("room-%d", i)
		a := p.call("create", createQuery(id)+"&meta_endCallbackUrl="+url.QueryEscape(value)+"&meta_analytics-callback-url="+url.QueryEscape(value))
		if a.Returncode != "SUCCESS" {
			t.Fatal(a.body)
		}
		if got := p.given("sim1", id); len(got) != 1 || got["meetingEndedURL"].MeetingID != id {
			t.Errorf("%q: the server got %v", value, got)
		}
		got := metadata(t, p.call("getMeetingInfo", "meetingID="+id).body)
		if want := map[string]string{"endcallbackurl": value, "analytics-callback-url": value}; !maps.Equal(got[0], want) {
			t.Errorf("shown as %v, want %v", got, want)
		}
	}
	long := url.QueryEscape(frontEnd + "/" + strings.Repeat("x", 9<<10))
	calls := theirs.Calls("create")
	if a := p.call("create", createQuery("long")+"&meta_endCallbackUrl="+long); a.Key != "validationError" || theirs.Calls("create") != calls {
		t.Errorf("too long: %s", a.body)
	}
}

// Without an address of ours nobody is called back by servers, and front ends see their own all the same. That analytics cannot
// come is a problem once they are asked for.
func TestCallbacks_NoBase(t *testing.T) {
	p := start(t, settings{servers: 1, poll: 100 * time.Millisecond})
	p.call("create", createQuery("calm")+"&record=true&meta_endCallbackUrl="+url.QueryEscape(frontEnd))
	if list := p.gateway.Problems(t.Context()); len(list) > 0 {
		t.Errorf("problems: %v", list)
	}
	p.call("create", createQuery("room")+backAt(frontEnd))
	if got := p.given("sim1", "room"); len(got) != 0 {
		t.Errorf("the server got %v", got)
	}
	shows(t, "getMeetingInfo", p.call("getMeetingInfo", "meetingID=room").body, shownTo(frontEnd))
	named := func(p problems.Problem) bool { return p.Name == "no-address" }
	if list := p.gateway.Problems(t.Context()); !slices.ContainsFunc(list, named) {
		t.Errorf("problems: %v", list)
	}
}

// A recorded meeting whose front end wants nothing has addresses of ours that nobody sees, and so has one that was found.
func TestCallbacks_OursAlone(t *testing.T) {
	p := start(t, settings{servers: 1, called: ourAddress, poll: 100 * time.Millisecond})
	p.call("create", createQuery("room")+"&record=true&meta_topic=x")
	want := map[string]string{"topic": "x"}
	shows(t, "getMeetingInfo", p.call("getMeetingInfo", "meetingID=room").body, want)
	m, _ := p.sims[0].Meeting("room")
	ours := m.Params["meta_endCallbackUrl"]
	if ours == "" {
		t.Fatalf("the server got %v", m.Params)
	}
	resp, err := p.client.Get(straight(p, "sim1", "create", createQuery("found")+"&meta_topic=x&meta_endCallbackUrl="+url.QueryEscape(ours)))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	p.waitFor("it to be found", func() bool { return p.server("found") != "" })
	p.polled(p.sims[0], 2)
	shows(t, "getMeetings", p.call("getMeetings", "").body, want)
	shows(t, "getMeetingInfo of what was found", p.call("getMeetingInfo", "meetingID=found").body, want)
}

// Breakout rooms have the metadata of their class, and show it as the class does. Those that a front end creates may have more.
func TestCallbacks_Breakouts(t *testing.T) {
	p := start(t, settings{servers: 1, called: ourAddress, poll: 100 * time.Millisecond})
	p.call("create", createQuery("class")+"&record=true"+backAt(frontEnd))
	if err := p.sims[0].OpenBreakouts("class", 2, 1); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the rooms to be listed", func() bool { return len(p.call("getMeetings", "").Meetings) == 3 })
	p.polled(p.sims[0], 2)
	shows(t, "getMeetings", p.call("getMeetings", "").body, shownTo(frontEnd))
	own := p.call("create", breakoutQuery(7, "class")+"&meetingEndedURL="+frontEnd+"/room/end&meta_endCallbackUrl="+frontEnd+"/room")
	if own.Returncode != "SUCCESS" {
		t.Fatal(own.body)
	}
	info := metadata(t, p.call("getMeetingInfo", "meetingID="+own.MeetingID).body)[0]
	if info["endcallbackurl"] != frontEnd+"/room" || info["analytics-callback-url"] != frontEnd+"/analytics" {
		t.Errorf("a breakout room of the front end: %v", info)
	}
	for _, m := range p.sims[0].Meetings() {
		if m.InternalID == own.InternalID && (m.Params["meetingEndedURL"] != "" || strings.Contains(m.Params["meta_endCallbackUrl"], frontEnd)) {
			t.Errorf("it got %v", m.Params)
		}
	}
}

// Tenants see their own alone, have their own address, and name further ones that are called back.
func TestCallbacks_Tenants(t *testing.T) {
	p := start(t, settings{servers: 1, called: ourAddress, poll: 100 * time.Millisecond})
	arts, bio, chem := p.faculties(func(t *store.Tenant) {
		if t.ID == "chem" {
			t.Callbacks = store.TenantCallbacks{Names: []string{"other-callback-url"}, Analytics: true}
		}
	})
	for _, f := range []tenant{arts, bio} {
		f.create("room-1", backAt("https://"+f.id+".example.edu"))
	}
	chem.create("room-3", "&meta_Other-Callback-URL="+url.QueryEscape(frontEnd+"/other"))
	p.polled(p.sims[0], 2)
	for _, f := range []tenant{arts, bio} {
		want := shownTo("https://" + f.id + ".example.edu")
		shows(t, "getMeetings of "+f.id, f.call("getMeetings", "").body, want)
		shows(t, "getMeetingInfo of "+f.id, f.call("getMeetingInfo", "meetingID=room-1").body, want)
		if got := p.given("sim1", f.claim("room-1").Alias); len(got) != 3 || got["meetingEndedURL"].MeetingKey != f.key("room-1") {
			t.Errorf("the server got %v for %s", got, f.id)
		}
	}
	got := p.given("sim1", "room-3")
	named, kept := got["meta_other-callback-url"], got["meta_analytics-callback-url"]
	if named.Name != "other-callback-url" || named.Kind != address.Analytics || kept.Kind != address.Analytics || kept.Name != "" {
		t.Errorf("what the tenant has named: %v", got)
	}
	want := map[string]string{"other-callback-url": frontEnd + "/other"}
	shows(t, "getMeetingInfo of chem", chem.call("getMeetingInfo", "meetingID=room-3").body, want)
}

// learningStore is a learning record store, as far as servers are told of one.
type learningStore struct {
	fails, hangs atomic.Bool
	asked        atomic.Int64 // while it hangs
}

func (r *learningStore) Payload(ctx context.Context, lrs store.LRS, server store.Secret) (string, error) {
	if r.hangs.Load() {
		r.asked.Add(1)
		<-ctx.Done()
		return "", errors.New("no answer")
	}
	if r.fails.Load() {
		return "", errors.New("the token is refused")
	}
	return "payload-" + lrs.Endpoint + "-" + server.Reveal(), nil
}

// Servers are told of the learning record store of a tenant, front ends are not, and without it meetings are made all the same.
func TestLRS(t *testing.T) {
	lrs := &learningStore{}
	p := start(t, settings{servers: 1, called: ourAddress, poll: 100 * time.Millisecond, lrs: lrs})
	arts, bio, _ := p.faculties(func(t *store.Tenant) {
		if t.ID == "arts" {
			t.LRS.Endpoint = "lrs"
		}
	})
	arts.create("room-1", "&META_Secret-LRS-payload=mine&meta_topic=x")
	bio.create("room-1", "&meta_topic=x")
	if m, _ := p.sims[0].Meeting("arts_room-1"); m.Params["meta_secret-lrs-payload"] != "payload-lrs-"+string(p.sims[0].Secret()) || m.Params["META_Secret-LRS-payload"] != "" {
		t.Errorf("the server got %v", m.Params)
	}
	if m, _ := p.sims[0].Meeting("bio_room-1"); m.Params["meta_secret-lrs-payload"] != "" {
		t.Errorf("the server got %v of a tenant without", m.Params)
	}
	p.polled(p.sims[0], 2)
	shows(t, "getMeetingInfo", arts.call("getMeetingInfo", "meetingID=room-1").body, map[string]string{"topic": "x"})
	shows(t, "getMeetings", arts.call("getMeetings", "").body, map[string]string{"topic": "x"})
	lrs.fails.Store(true)
	arts.create("room-2", "")
	if list := p.gateway.Problems(t.Context()); len(list) != 1 || list[0].Name != "lrs" || !strings.Contains(list[0].Text, "the token is refused") {
		t.Errorf("problems: %v", list)
	}
	lrs.fails.Store(false)
	arts.create("room-3", "")
	if list := p.gateway.Problems(t.Context()); len(list) != 0 {
		t.Errorf("problems: %v", list)
	}
}

// One that hangs holds up one create, and those that come together with it, and not each.
func TestLRS_Hangs(t *testing.T) {
	t.Parallel()
	lrs := &learningStore{}
	lrs.hangs.Store(true)
	p := start(t, settings{servers: 1, lrs: lrs})
	arts, _, _ := p.faculties(func(t *store.Tenant) { t.LRS.Endpoint = "lrs" })
	for i := range 5 {
		arts.create(fmt.Sprintf("room-%d", i), "")
	}
	if n := lrs.asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}
