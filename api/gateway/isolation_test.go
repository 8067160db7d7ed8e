package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// tenant is a front end of one tenant, known by its secret alone.
type tenant struct {
	*pool

	id, secret string
}

// faculties stores three tenants beside the default one, and serves them: two whose meetings have IDs of their own on the
// servers, and one whose have the front end's.
func (p *pool) faculties(change ...func(*store.Tenant)) (arts, bio, chem tenant) {
	p.tb.Helper()
	for _, t := range []store.Tenant{{ID: "arts", Scoped: true}, {ID: "bio", Scoped: true}, {ID: "chem", Name: "chemistry"}} {
		t.Secrets = []store.TenantSecret{{Name: "first", Secret: store.Secret("secret-of-" + t.ID)}}
		for _, c := range change {
			c(&t)
		}
		if _, err := p.stores.State.CreateTenant(p.tb.Context(), t); err != nil {
			p.tb.Fatal(err)
		}
	}
	p.reload()
	of := func(id string) tenant { return tenant{p, id, "secret-of-" + id} }
	return of("arts"), of("bio"), of("chem")
}

func (p *pool) reload() {
	p.tb.Helper()
	if err := p.gateway.LoadTenants(p.tb.Context(), p.stores.State, time.Now()); err != nil {
		p.tb.Fatal(err)
	}
}

// set changes a tenant.
func (t tenant) set(change func(*store.Tenant)) {
	t.tb.Helper()
	_, err := t.stores.State.UpdateTenant(t.tb.Context(), t.id, func(s *store.Tenant) error { change(s); return nil })
	if err != nil {
		t.tb.Fatal(err)
	}
	t.reload()
}

func (t tenant) url(call, query string) string {
	return t.http.URL + "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, query, bbb.Secret(t.secret))
}

// call makes a call, and checks that nothing of ours is in the answer.
func (t tenant) call(call, query string) answer {
	t.tb.Helper()
	method, body := http.MethodGet, ""
	if call == "insertDocument" {
		method, body = http.MethodPost, `<modules><module name="presentation"><document name="a.pdf">eA==</document></module></modules>`
	}
	req, err := http.NewRequest(method, t.url(call, query), strings.NewReader(body))
	if err != nil {
		t.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/xml")
	resp, err := t.client.Do(req)
	if err != nil {
		t.tb.Fatal(err)
	}
	a, err := read(resp)
	if err != nil {
		t.tb.Fatal(err)
	}
	for _, ours := range []string{"arts_", "bio_", "chem_", "bbbpool", "tenant-id", address.Path} {
		if strings.Contains(a.body, ours) {
			t.tb.Errorf("%s of %s: %q in %s", call, t.id, ours, a.body)
		}
	}
	return a
}

func (t tenant) key(id string) store.MeetingKey { return store.MeetingKey{Tenant: t.id, MeetingID: id} }

func (t tenant) create(id, more string) answer {
	t.tb.Helper()
	a := t.call("create", createQuery(id)+more)
	if a.Returncode != "SUCCESS" || a.MeetingID != id {
		t.tb.Fatalf("create of %s: %s", t.id, a.body)
	}
	return a
}

// claim is where a meeting is.
func (t tenant) claim(id string) store.Claim {
	t.tb.Helper()
	found, err := t.ledger.Peek(t.key(id))
	if err != nil {
		t.tb.Fatalf("the claim of %s: %v", t.id, err)
	}
	return found.Claim
}

// target is where a join leads.
func (t tenant) target(query string) *url.URL {
	t.tb.Helper()
	resp, err := t.client.Get(t.url("join", query))
	if err != nil {
		t.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := resp.Location()
	if err != nil {
		t.tb.Fatalf("join of %s: status %d, %v", t.id, resp.StatusCode, err)
	}
	return to
}

// Two tenants have a meeting by the same ID on one server, and every call of each is about its own.
func TestIsolation(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 1, log: &log, called: ourAddress})
	arts, bio, chem := p.faculties()
	made := map[string]answer{}
	for _, f := range []tenant{arts, bio} {
		made[f.id] = f.create("room-1", "&meta_mine="+f.id)
		if again := f.create("room-1", ""); again.InternalID != made[f.id].InternalID {
			t.Errorf("the create of %s again: %s", f.id, again.body)
		}
		if c := f.claim("room-1"); c.Alias != f.id+"_room-1" || c.Signer != "first" || c.Moderator.Reveal() != "mp" {
			t.Errorf("claim of %s: %+v", f.id, c)
		}
		if m, ok := p.sims[0].Meeting(f.id + "_room-1"); !ok || m.InternalID != made[f.id].InternalID {
			t.Errorf("on the server: %+v", m)
		}
	}
	if made["arts"].InternalID == made["bio"].InternalID {
		t.Fatal("two tenants share a meeting")
	}
	p.polled(p.sims[0], 2)
	for _, f := range []tenant{arts, bio} {
		to := f.target("meetingID=room-1&fullName=Ada&role=VIEWER")
		if got := to.Query().Get("meetingID"); got != f.id+"_room-1" {
			t.Errorf("join of %s leads to %q", f.id, got)
		}
		if resp, err := p.client.Get(to.String()); err != nil || resp.StatusCode != http.StatusFound {
			t.Errorf("the server does not take the join of %s: %v", f.id, err)
		} else {
			_ = resp.Body.Close()
		}
		info := f.call("getMeetingInfo", "meetingID=room-1")
		if info.InternalID != made[f.id].InternalID || info.MeetingID != "room-1" || !strings.Contains(info.body, "<mine>"+f.id+"</mine>") {
			t.Errorf("getMeetingInfo of %s: %s", f.id, info.body)
		}
		if a := f.call("isMeetingRunning", "meetingID=room-1"); !a.Running {
			t.Errorf("isMeetingRunning of %s: %s", f.id, a.body)
		}
		if a := f.call("getMeetings", ""); len(a.Meetings) != 1 || a.Meetings[0].MeetingID != "room-1" || a.Meetings[0].InternalID != made[f.id].InternalID {
			t.Errorf("getMeetings of %s: %s", f.id, a.body)
		}
		var sessions answer
		p.waitFor("somebody to be seen", func() bool {
			sessions = f.call("getSessions", "")
			return sessions.Key == ""
		})
		if strings.Count(sessions.body, "<meetingID>") != 1 || !strings.Contains(sessions.body, made[f.id].InternalID) {
			t.Errorf("getSessions of %s: %s", f.id, sessions.body)
		}
		for _, call := range []string{"insertDocument", "sendChatMessage"} {
			if a := f.call(call, "meetingID=room-1&message=hello"); a.Returncode != "SUCCESS" {
				t.Errorf("%s of %s: %s", call, f.id, a.body)
			}
		}
	}
	strangers(t, chem, made["arts"].InternalID)
	if a := arts.call("end", "meetingID=room-1&password=mp"); a.Returncode != "SUCCESS" {
		t.Errorf("end: %s", a.body)
	}
	if a := bio.call("getMeetingInfo", "meetingID=room-1"); a.InternalID != made["bio"].InternalID {
		t.Errorf("when another tenant has ended its own: %s", a.body)
	}
	for text := range strings.Lines(log.String()) {
		if strings.Contains(text, `"call"`) && !strings.Contains(text, `"tenant":"`) || strings.Contains(text, `"meetingID":"arts_`) {
			t.Errorf("a line without a tenant, or with a server's ID: %s", text)
		}
	}
}

// told is what a server says of a meeting itself.
func (p *pool) told(server, id string) string {
	p.tb.Helper()
	resp, err := p.client.Get(straight(p, server, "getMeetingInfo", "meetingID="+url.QueryEscape(id)))
	if err != nil {
		p.tb.Fatal(err)
	}
	a, err := read(resp)
	if err != nil {
		p.tb.Fatal(err)
	}
	return a.body
}

// strangers checks that a tenant hears of others' meetings what it hears of none, whatever it calls them.
func strangers(t *testing.T, chem tenant, internal string) {
	t.Helper()
	for _, call := range []string{"getMeetingInfo", "isMeetingRunning", "end", "insertDocument", "sendChatMessage", "someNewCall"} {
		ask := func(id string) string {
			return strings.ReplaceAll(chem.call(call, "password=mp&message=x&meetingID="+url.QueryEscape(id)).body, id, "ID")
		}
		want := ask("nowhere")
		for _, id := range []string{"room-1", internal} {
			if got := ask(id); got != want {
				t.Errorf("%s of %s: %s, of a meeting that is nowhere: %s", call, id, got, want)
			}
		}
	}
	if a := chem.call("getMeetings", ""); len(a.Meetings) != 0 {
		t.Errorf("getMeetings: %s", a.body)
	}
}

// A meeting without an ID of its own is not created a second time for somebody else, and he is told what Scalelite tells.
// The servers have both, wherever they are.
func TestIsolation_Unscoped(t *testing.T) {
	p := start(t, settings{servers: 2})
	arts, _, chem := p.faculties()
	p.create("room-1")
	if a := chem.call("create", createQuery("room-1")); a.Key != "notFound" {
		t.Errorf("another's ID: %s", a.body)
	}
	arts.create("room-1", "")
	chem.create("room-2", "&meta_tenant-id=x&meta_bbbpool-meeting-id=x")
	body := p.told(chem.claim("room-2").Server, "room-2")
	if !strings.Contains(body, "<bbbpool-tenant>chem</bbbpool-tenant>") || strings.Contains(body, "<bbbpool-meeting-id>") ||
		strings.Contains(body, "<tenant-id>") {
		t.Errorf("on its server: %s", body)
	}
	p.create("room-3")
	if body := p.told(p.server("room-3"), "room-3"); strings.Contains(body, "bbbpool-") {
		t.Errorf("the default tenant's: %s", body)
	}
}

// The ID that servers know a meeting by stays as it is when the meeting moves, and when the tenant's setting changes.
func TestIsolation_AliasStays(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3, called: ourAddress})
	arts, _, chem := p.faculties()
	first := arts.create("class", "")
	dead := p.sim(arts.claim("class").Server)
	p.fail(dead, simulator.Fault{Kind: simulator.Refuse})
	moved := arts.create("class", "")
	c := arts.claim("class")
	if c.Server == dead.ID() || c.Alias != "arts_class" || moved.InternalID == first.InternalID {
		t.Errorf("moved: %+v", c)
	}
	chem.create("old", "")
	arts.set(func(t *store.Tenant) { t.Scoped = false })
	chem.set(func(t *store.Tenant) { t.Scoped = true })
	if again := arts.create("class", ""); again.InternalID != moved.InternalID || arts.claim("class").Alias != "arts_class" {
		t.Errorf("once it is not scoped any more: %s", again.body)
	}
	if a := arts.call("getMeetingInfo", "meetingID=class"); a.InternalID != moved.InternalID {
		t.Errorf("getMeetingInfo: %s", a.body)
	}
	arts.create("new", "")
	chem.create("new", "")
	chem.create("old", "")
	if a, b, c := arts.claim("new").Alias, chem.claim("new").Alias, chem.claim("old").Alias; a != "" || b != "chem_new" || c != "" {
		t.Errorf("aliases %q, %q, %q", a, b, c)
	}
	if a := arts.call("end", "meetingID=class&password=mp"); a.Returncode != "SUCCESS" {
		t.Errorf("end: %s", a.body)
	}
	p.mend(dead)
	p.waitFor("the copy to be ended", func() bool {
		m, ok := dead.Meeting("arts_class")
		return !ok || m.Ended
	})
}

// An ID that would be too long for servers with a tenant before it is hashed, and front ends do not see that.
func TestIsolation_LongIDs(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, _, _ := p.faculties()
	for _, id := range []string{strings.Repeat("x", 256), strings.Repeat("ü", 252), strings.Repeat("y", 251)} {
		made := arts.call("create", "name=Room&meetingID="+url.QueryEscape(id))
		alias := arts.claim(id).Alias
		if len(id) > 251 != regexp.MustCompile(`^arts_[0-9a-f]{40}$`).MatchString(alias) {
			t.Errorf("%d bytes: %s", len(id), alias)
		}
		p.polled(p.sims[0], 1)
		for _, a := range []answer{arts.call("getMeetingInfo", "meetingID="+url.QueryEscape(id)), arts.call("create", "name=Room&meetingID="+url.QueryEscape(id))} {
			if a.MeetingID != id || a.InternalID != made.InternalID {
				t.Errorf("%s", a.body)
			}
		}
	}
	if a := arts.call("getMeetings", ""); len(a.Meetings) != 3 {
		t.Errorf("getMeetings: %s", a.body)
	}
}

// A voice bridge that another meeting has is not asked for again, whoever has it: both meetings stand.
func TestIsolation_VoiceBridges(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, bio, _ := p.faculties()
	voice := func(a answer) string {
		return regexp.MustCompile(`<voiceBridge>(.*?)</voiceBridge>`).FindString(a.body)
	}
	first := arts.create("room-1", "&voiceBridge=70001")
	second := bio.create("room-1", "&voiceBridge=70001&webVoice=70001")
	if !strings.Contains(voice(first), "70001") || voice(second) == voice(first) || voice(second) == "" {
		t.Errorf("%s and %s", voice(first), voice(second))
	}
	if again := bio.create("room-1", "&voiceBridge=70001"); again.InternalID != second.InternalID {
		t.Errorf("again: %s", again.body)
	}
}

// Who is alone gets the voice bridges that he asks for, and hears from the server that it has one already.
func TestCreate_VoiceBridgesOfOneTenant(t *testing.T) {
	p := start(t, settings{servers: 1})
	if a := p.call("create", createQuery("room-1")+"&voiceBridge=70001&webVoice=70009"); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	if a := p.call("create", createQuery("room-2")+"&voiceBridge=70001"); !strings.Contains(a.body, "nonUniqueVoiceBridge") {
		t.Errorf("the same again: %s", a.body)
	}
	if m, _ := p.sims[0].Meeting("room-1"); m.Params["webVoice"] != "70009" || m.Params["voiceBridge"] != "70001" {
		t.Errorf("asked for: %v", m.Params)
	}
}

// A tenant's breakout rooms are its own, and may be called by the IDs that another's are called by.
func TestIsolation_Breakouts(t *testing.T) {
	p := start(t, settings{servers: 1})
	arts, bio, _ := p.faculties()
	rooms := map[string]answer{}
	for _, f := range []tenant{arts, bio} {
		f.create("class", "")
		a := f.call("create", breakoutQuery(0, "class"))
		if a.Returncode != "SUCCESS" {
			t.Fatalf("create of %s: %s", f.id, a.body)
		}
		rooms[f.id] = a
	}
	if rooms["arts"].InternalID == rooms["bio"].InternalID {
		t.Errorf("two tenants share a breakout room: %s", rooms["arts"].body)
	}
	p.polled(p.sims[0], 2)
	for _, f := range []tenant{arts, bio} {
		for _, id := range []string{"group-0", rooms[f.id].MeetingID} {
			if a := f.call("getMeetingInfo", "meetingID="+url.QueryEscape(id)); a.InternalID != rooms[f.id].InternalID {
				t.Errorf("getMeetingInfo of %s %s: %s", f.id, id, a.body)
			}
			to := f.target("meetingID=" + url.QueryEscape(id) + "&fullName=Ada&role=VIEWER")
			if got := to.Query().Get("meetingID"); got != rooms[f.id].MeetingID {
				t.Errorf("join of %s %s leads to %s", f.id, id, got)
			}
		}
	}
}
