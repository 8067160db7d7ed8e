package assembly_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// A front end hears of its own meetings, on all servers, and of nobody else's: by one hook for all of them, by one for one
// meeting, for some events, and raw. It reads its own IDs and addresses, and no session token.
func TestPool_Webhooks(t *testing.T) {
	t.Parallel()
	h := hookUp(t, 3, 2)
	all, one, some, raw, phys := newEar(t, secret), newEar(t, secret), newEar(t, secret), newEar(t, secret), newEar(t, physSecret)
	h.succeeds(secret, "hooks/create", "callbackURL", all.to())
	h.succeeds(secret, "hooks/create", "callbackURL", one.to(), "meetingID", "room-2")
	h.succeeds(secret, "hooks/create", "callbackURL", some.to(), "eventID", "user-left,Meeting-Ended")
	h.succeeds(secret, "hooks/create", "callbackURL", raw.to(), "getRaw", "true")
	h.succeeds(physSecret, "hooks/create", "callbackURL", phys.to())
	h.await("relays", relayed(h.sim.Servers()[:2], 2)) // a create waits for them, but not for ever
	last := h.sim.Servers()[2]
	h.await("a relay at a later server", func() bool { return h.serve(last) && len(last.Hooks()) == 2 })
	used := map[string]bool{}
	for i := 1; i <= 6; i++ {
		id := fmt.Sprintf("room-%d", i)
		used[h.create(secret, "default", id, "meta_endCallbackUrl", "https://front.test/end").ID()] = true
		used[h.create(physSecret, "phys", id).ID()] = true
	}
	if len(used) != 3 {
		t.Fatalf("all meetings are on %v", used)
	}
	var created []string
	for i := 1; i <= 6; i++ {
		created = append(created, fmt.Sprintf("meeting-created room-%d", i))
	}
	all.hears(created...)
	phys.hears(created...)
	one.hears("meeting-created room-2")
	raw.hears(strings.Split(strings.ReplaceAll(strings.Join(created, "\n"), "meeting-created", "MeetingCreatedEvtMsg"), "\n")...)
	h.succeeds(secret, "join", "meetingID", "room-2", "fullName", "Ada", "role", "VIEWER", "redirect", "false")
	h.succeeds(physSecret, "join", "meetingID", "room-3", "fullName", "Bo", "role", "VIEWER", "redirect", "false")
	h.succeeds(secret, "end", "meetingID", "room-2", "password", "mp")
	all.hears("user-joined room-2", "user-left room-2", "meeting-ended room-2")
	one.hears("user-joined room-2", "user-left room-2", "meeting-ended room-2")
	some.hears("user-left room-2", "meeting-ended room-2")
	phys.hears("user-joined room-3")
	for what, text := range map[string]string{"mapped": all.text(), "scoped": phys.text(), "raw": raw.text()} {
		for _, foreign := range []string{"bbbpool-", "phys_", "session-token", "sessionToken", "/callbacks/"} {
			if strings.Contains(text, foreign) {
				t.Errorf("%s: %s in %s", what, foreign, text)
			}
		}
	}
	for _, own := range []string{`"course":"A&1"`, `"endcallbackurl":"https://front.test/end"`, `"name":"Ada"`, `"ip-address"`} {
		if !strings.Contains(all.text(), own) {
			t.Errorf("no %s in %s", own, all.text())
		}
	}
}

// serve adds a server to the pool, once, and tells whether it is online.
func (h *hooked) serve(s *simulator.Server) bool {
	record := store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1}
	if err := h.Stores.State.CreateServer(h.t.Context(), record); err == nil {
		h.Poller.SetServer(record)
	}
	return !h.Poller.Failing(s.ID())
}

// What happens in breakout rooms is told to the hooks of their parent.
func TestPool_Webhooks_Breakouts(t *testing.T) {
	t.Parallel()
	h := hookUp(t, 1, 1)
	parent, other := newEar(t, physSecret), newEar(t, physSecret)
	h.succeeds(physSecret, "hooks/create", "callbackURL", parent.to(), "meetingID", "room", "eventID", "meeting-created,meeting-ended")
	h.succeeds(physSecret, "hooks/create", "callbackURL", other.to(), "meetingID", "other")
	h.await("a relay", relayed(h.sim.Servers(), 1))
	s := h.create(physSecret, "phys", "room")
	parent.hears("meeting-created room")
	if err := s.OpenBreakouts("phys_room", 2, 0); err != nil {
		t.Fatal(err)
	}
	h.await("breakout rooms", func() bool {
		parent.mu.Lock()
		defer parent.mu.Unlock()
		return len(parent.heard) == 2
	})
	if text := parent.text(); strings.Count(text, `"is-breakout":true`) != 2 {
		t.Error(text)
	}
	other.hears()
}

// hookID is the ID in an answer.
func hookID(answer string) string {
	var v struct {
		ID string `xml:"hookID"`
	}
	_ = xml.Unmarshal([]byte(answer), &v)
	return v.ID
}

// The calls are answered as bbb-webhooks answers them, and each tenant has hooks of its own alone.
func TestPool_Webhooks_Calls(t *testing.T) {
	t.Parallel()
	h := hookUp(t, 1, 1)
	const to = "https://front.test/hook?a=b&c=<d>]]>"
	made := h.succeeds(secret, "hooks/create", "callbackURL", to, "meetingID", "räume 1", "eventID", "User-Joined,x", "getRaw", "true")
	id := hookID(made)
	global := hookID(h.succeeds(secret, "hooks/create", "callbackURL", "not an address"))
	theirs := hookID(h.succeeds(physSecret, "hooks/create", "callbackURL", to))
	if theirs == id || len(id) != 36 {
		t.Fatalf("IDs %q and %q", id, theirs)
	}
	own := "<hook><hookID>" + id + "</hookID><callbackURL><![CDATA[https://front.test/hook?a=b&c=<d>]]]]><![CDATA[>]]></callbackURL>" +
		"<meetingID><![CDATA[räume 1]]></meetingID><eventID>user-joined,x</eventID><permanentHook>false</permanentHook><rawData>true</rawData></hook>"
	all := "<hook><hookID>" + global + "</hookID><callbackURL><![CDATA[not an address]]></callbackURL>" +
		"<permanentHook>false</permanentHook><rawData>false</rawData></hook>"
	const success, failed = "<response><returncode>SUCCESS</returncode>", "<response><returncode>FAILED</returncode>"
	none := success + "<hooks></hooks></response>"
	for _, c := range []struct {
		secret, name string
		params       []string
		want         string
	}{
		{secret, "hooks/create", []string{"callbackURL", to}, success + "<hookID>" + id +
			"</hookID><messageKey>duplicateWarning</messageKey><message>There is already a hook for this callback URL.</message></response>"},
		{secret, "hooks/create", nil, failed + "<messageKey>missingParamCallbackURL</messageKey>" +
			"<message>You must specify a callbackURL in the parameters.</message></response>"},
		{secret, "hooks/create", []string{"callbackURL", "https://x.test/" + strings.Repeat("x", 4096)}, failed +
			"<messageKey>createHookError</messageKey><message>An error happened while creating your hook. Check the logs.</message></response>"},
		{secret, "hooks/list", nil, success + "<hooks>" + own + all + "</hooks></response>"},
		{secret, "hooks/list", []string{"meetingID", "räume 1"}, success + "<hooks>" + own + all + "</hooks></response>"},
		{secret, "hooks/list", []string{"meetingID", "other"}, success + "<hooks>" + all + "</hooks></response>"},
		{"wrong", "hooks/list", nil, failed + "<messageKey>checksumError</messageKey>" +
			"<message>You did not pass the checksum security check.</message></response>"},
		{secret, "hooks/destroy", nil, failed + "<messageKey>missingParamHookID</messageKey>" +
			"<message>You must specify a hookID in the parameters.</message></response>"},
		{secret, "hooks/destroy", []string{"hookID", theirs}, failed + "<messageKey>destroyMissingHook</messageKey>" +
			"<message>The hook informed was not found.</message></response>"},
		{physSecret, "hooks/destroy", []string{"hookID", theirs}, success + "<removed>true</removed></response>"},
		{physSecret, "hooks/list", nil, none},
		{secret, "hooks/destroy", []string{"hookID", id}, success + "<removed>true</removed></response>"},
		{secret, "hooks/destroy", []string{"hookID", global}, success + "<removed>true</removed></response>"},
		{secret, "hooks/list", nil, none},
	} {
		if got := h.ask(c.secret, c.name, c.params...); got != c.want {
			t.Errorf("%s %.60q:\n got %s\nwant %s", c.name, c.params, got, c.want)
		}
	}
	if want := "<hookID>" + id + "</hookID><permanentHook>false</permanentHook><rawData>true</rawData></response>"; !strings.HasSuffix(made, want) {
		t.Errorf("created: %s", made)
	}
	if _, body := get(t, h.Addr(), "/bigbluebutton/api/hooks/ping"); body != "bbb-webhooks API up!" {
		t.Errorf("ping: %s", body)
	}
	h.await("relays that nobody needs any more", relayed(h.sim.Servers(), 0))
	h.succeeds(physSecret, "hooks/create", "callbackURL", to)
	client := v1.NewClient(v1.HandlerTransport(h.Administration()), "http://pool", "")
	if _, err := client.Tenants.Remove(t.Context(), "phys", false); err != nil {
		t.Fatal(err)
	}
	if list, err := h.Stores.Index.Hooks(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("hooks of a tenant that is gone: %v, %v", list, err)
	}
}

// pass lets time pass for servers that deliver to nobody.
func (h *hooked) pass(s *simulator.Server, minutes int) {
	for range 2 * minutes {
		h.clock.add(30 * time.Second)
		s.SendCallbacks(h.t.Context())
	}
}

// While we are away a server keeps what it has to tell, by its schedule. After that it has dropped our relay: it gets another one
// as soon as we are back, and what happens from then on is told. Hooks outlive all of that.
func TestPool_Webhooks_Away(t *testing.T) {
	t.Parallel()
	h := hookUp(t, 1, 1)
	e, s := newEar(t, secret), h.sim.Servers()[0]
	h.succeeds(secret, "hooks/create", "callbackURL", e.to())
	h.await("a relay", relayed(h.sim.Servers(), 1)) // a create waits for it, but not for ever
	h.create(secret, "default", "room")
	e.hears("meeting-created room")
	for _, away := range []struct {
		minutes int
		want    []string
	}{{2, []string{"user-joined room", "user-left room"}}, {10, []string{"user-left room"}}} {
		h.await("what was told to be noted", func() bool { // else it is told once more
			waiting, err := h.Stores.Index.Callbacks(t.Context(), store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting}})
			return err == nil && len(waiting) == 0
		})
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
		if err := s.AddPeople("room", simulator.Crowd{Count: 1}); err != nil {
			t.Fatal(err)
		}
		h.pass(s, away.minutes)
		if kept := len(s.Hooks()) == 1; kept != (away.minutes < 5) {
			t.Fatalf("away for %d minutes: hooks %v", away.minutes, s.Hooks())
		}
		h.open()
		h.await("a relay", relayed(h.sim.Servers(), 1))
		h.clock.add(time.Minute)
		if err := s.Leave("room", 1); err != nil {
			t.Fatal(err)
		}
		e.hears(away.want...)
	}
}

// A receiver that fails gets what has happened meanwhile, in its order, when it answers again. One that has failed for as long as
// bbb-webhooks tries is removed, with all that waits for it, and operators hear of it. Other hooks notice nothing.
func TestPool_Webhooks_Removed(t *testing.T) {
	t.Parallel()
	h := hookUp(t, 1, 1)
	bad, good, s := newEar(t, secret), newEar(t, secret), h.sim.Servers()[0]
	h.succeeds(secret, "hooks/create", "callbackURL", bad.to())
	id := hookID(h.succeeds(secret, "hooks/create", "callbackURL", good.to()))
	bad.answer.Store(http.StatusNotFound)
	h.await("a relay", relayed(h.sim.Servers(), 1))
	h.create(secret, "default", "room")
	h.succeeds(secret, "join", "meetingID", "room", "fullName", "Ada", "role", "VIEWER", "redirect", "false")
	good.hears("meeting-created room", "user-joined room")
	bad.hears()
	bad.answer.Store(http.StatusOK)
	h.clock.add(time.Minute)
	h.Outbox.Nudge()
	bad.hears("meeting-created room", "user-joined room")
	if got := bad.bodies; !strings.Contains(got[0], "meeting-created") {
		t.Errorf("in this order: %q", got)
	}
	bad.answer.Store(http.StatusInternalServerError)
	for range 2 {
		if err := s.AddPeople("room", simulator.Crowd{Count: 1}); err != nil {
			t.Fatal(err)
		}
		good.hears("user-joined room")
	}
	h.await("the hook is removed", func() bool {
		h.clock.add(10 * time.Second)
		h.Outbox.Nudge()
		return strings.Count(h.ask(secret, "hooks/list"), "<hook>") == 1
	})
	h.await("nothing waits", func() bool {
		rows, err := h.Stores.Index.Callbacks(t.Context(), store.CallbackFilter{States: []store.CallbackState{store.CallbackWaiting, store.CallbackDead}})
		return err == nil && len(rows) == 0
	})
	if texts := strings.Join(texts(h.Hooks.Problems(t.Context())), "\n"); !strings.Contains(texts, "webhook of tenant default") {
		t.Errorf("problems: %s", texts)
	}
	h.succeeds(secret, "hooks/destroy", "hookID", id)
	h.await("relays that nobody needs any more", relayed(h.sim.Servers(), 0))
}

// Relays are what is wanted and nothing else: what is left of ours is taken away, what is others' is not touched, and a server
// that is not used any more has none. One without bbb-webhooks is a problem while there are hooks.
func TestPool_Webhooks_Relays(t *testing.T) {
	t.Parallel()
	h := hookUp(t, 2, 2)
	s, bare := h.sim.Servers()[0], h.sim.Servers()[1]
	if err := bare.SetWebhooks(simulator.Webhooks{Absent: true}); err != nil {
		t.Fatal(err)
	}
	at := func(name string, params url.Values) {
		t.Helper()
		resp, err := http.Get(s.URL() + "/" + name + "?" + bbb.SHA256.Sign(name, params.Encode(), s.Secret()))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	base := h.o.Settings.Callbacks.URL
	for _, left := range []string{"https://others.test/hook", base + "/callbacks/event/of-another-key", base + "/else"} {
		at("hooks/create", url.Values{"callbackURL": {left}})
	}
	urls := func() (list []string) {
		for _, one := range s.Hooks() {
			list = append(list, one.URL)
		}
		return list
	}
	if list := h.Hooks.Problems(t.Context()); len(list) > 0 {
		t.Errorf("without hooks: %v", list)
	}
	e := newEar(t, secret)
	h.succeeds(secret, "hooks/create", "callbackURL", e.to(), "getRaw", "true")
	h.await("the relay alone", func() bool {
		list := urls()
		return len(list) == 3 && list[0] == "https://others.test/hook" && list[1] == base+"/else" && s.Hooks()[2].Raw
	})
	h.await("a problem", func() bool {
		return strings.Contains(strings.Join(texts(h.Hooks.Problems(t.Context())), "\n"), bare.ID()+" has no bbb-webhooks")
	})
	at("hooks/destroy", url.Values{"hookID": {s.Hooks()[2].ID}})
	h.await("the relay again", relayed([]*simulator.Server{s}, 3))
	record, err := h.Stores.State.Server(t.Context(), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	record.State = store.Disabled
	h.Poller.SetServer(record)
	h.await("no relay where nobody is", relayed([]*simulator.Server{s}, 2))
}

// Any instance registers hooks, lists them and takes in what servers tell. Another leader goes on with them.
func TestInstances_Webhooks(t *testing.T) {
	t.Parallel()
	c := several(t, 2)
	leader, followers := c.leader()
	follower := followers[0]
	to := url.Values{"callbackURL": {"https://front.test/hook"}}.Encode()
	id := hookID(c.succeeds(follower, "hooks/create", to))
	if again := hookID(c.succeeds(leader, "hooks/create", to)); again != id || id == "" {
		t.Errorf("one address is two hooks: %q, %q", id, again)
	}
	lists := func(m *member, n int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); len(m.Hooks.Of(store.DefaultTenant, "")) != n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("hooks: %s", call(t, m.Pool, secret, "hooks/list", ""))
			}
		}
	}
	lists(leader, 1)
	lists(follower, 1)
	c.succeeds(follower, "create", "meetingID=room&name=Room")
	found, err := leader.Ledger.Find(t.Context(), store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "room"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	body := "event=" + url.QueryEscape(`[{"data":{"id":"x","attributes":{"meeting":{"internal-meeting-id":"`+found.Claim.InternalID+`"}}}}]`)
	registered := leader.Callbacks.Seal.URL("https://pool.test", address.Place{Kind: address.Event, Server: found.Claim.Server})
	checksum := bbb.SHA256.Checksum(registered, body, c.sim.Server(found.Claim.Server).Secret())
	for range 2 {
		at := strings.Replace(registered, "https://pool.test", "http://"+follower.Addr(), 1) + "?checksum=" + checksum
		resp, err := http.Post(at, "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("delivered at a follower: %s %s", resp.Status, text)
		}
	}
	var rows []store.Callback
	for deadline := time.Now().Add(10 * time.Second); len(rows) == 0; time.Sleep(5 * time.Millisecond) { // it may wait for the database
		rows, err = leader.Stores.Index.Callbacks(t.Context(), store.CallbackFilter{Kinds: []store.CallbackKind{store.CallbackEvent}})
		if err != nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil || len(rows) != 1 || rows[0].Hook != id {
		var told strings.Builder
		leader.Hooks.WriteMetrics(&told)
		t.Errorf("rows: %+v, %v; %s", rows, err, told.String())
	}
	if err := leader.stop(); err != nil {
		t.Error(err)
	}
	c.succeeds(follower, "hooks/destroy", "hookID="+id)
	lists(follower, 0)
}
