package admin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// withServers is a pool with servers a, b, … that are online, and with fake recordings.
func withServers(t *testing.T, n int) (*testPool, *fakeRecordings) {
	t.Helper()
	p, fake := withRecordings(t)
	if _, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "n1", Secret: "x"}}}); err != nil {
		t.Fatal(err)
	}
	for i, s := range simulate(t, n) {
		id := string(rune('a' + i))
		p.add(t, id, s)
		p.poller.Report(id, p.poller.Client(id), nil) // it has answered
	}
	return p, fake
}

// state fails the test unless a server is in that state.
func (p *testPool) state(t *testing.T, id string, want store.ServerState) {
	t.Helper()
	s, err := p.stores.State.Server(t.Context(), id)
	if err != nil || s.State != want {
		t.Errorf("server %s is %q (%v), want %s", id, s.State, err, want)
	}
	if st, _ := p.poller.Server(id); st.State != want {
		t.Errorf("the pool takes server %s for %q, want %s", id, st.State, want)
	}
}

// people sends so many people to a meeting.
func (p *testPool) people(key store.MeetingKey, n int) {
	for range n {
		p.ledger.Joined(key, 0)
	}
}

// wait waits, and so long for recordings.
func wait(timeout time.Duration) v1.Drain {
	return v1.Drain{Wait: true, RecordingsTimeout: &timeout}
}

// A server that is drained keeps its meeting, then waits for the recording that is made of it, and is disabled when that
// has arrived: not before.
func TestClient_DrainServer(t *testing.T) {
	p, fake := withServers(t, 2)
	id := p.createFor(t, class, placement.Wish{Recorded: true}).Server
	recordID := p.ledger.Meetings()[0].InternalID
	p.people(class, 2)
	var told []string
	tell := func(now v1.Progress) {
		p.state(t, id, store.Draining)
		if len(told) > 0 && told[len(told)-1] == now.Current {
			return
		}
		told = append(told, now.Current)
		switch len(told) {
		case 1:
			if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), false); err != nil {
				t.Error(err)
			}
		case 2:
			fake.owe(id, store.OwedPublished, nil)
		}
	}
	got, err := p.Servers.Drain(t.Context(), id, wait(time.Hour), tell)
	if err != nil || !got.Done || got.State != "disabled" || len(got.Missing) != 0 || got.Room.Short {
		t.Errorf("drained %+v, %v", got, err)
	}
	p.state(t, id, store.Disabled)
	want := []string{"1 meeting with 2 people left", "waiting for 1 recording: " + recordID}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// What does not arrive in time is named, and holds the server no longer. What nobody recorded is not waited for.
func TestClient_DrainServer_Missing(t *testing.T) {
	p, fake := withServers(t, 2)
	fake.owe("a", store.OwedProcessing, nil, "r1", "r2")
	got, err := p.Servers.Drain(t.Context(), "a", wait(time.Millisecond), ignore)
	if err != nil || !got.Done || !cmp.Equal(got.Missing, []string{"r1", "r2"}) || got.Owed != 2 {
		t.Errorf("drained %+v, %v", got, err)
	}
	fake.owe("b", store.OwedMissing, nil, "r3")
	got, err = p.Servers.Drain(t.Context(), "b", v1.Drain{Wait: true, Force: true}, ignore)
	if err != nil || !got.Done || len(got.Missing) != 0 || !cmp.Equal(got.NotMade, []string{"r3"}) {
		t.Errorf("drained %+v, %v", got, err)
	}
}

// A drain that is to wait for no recording ends with the last meeting, and names what is left out; one that says nothing
// about that waits.
func TestClient_DrainServer_NoWait(t *testing.T) {
	p, fake := withServers(t, 2)
	fake.owe("a", store.OwedEnded, nil, "r1")
	if got, err := p.Servers.Drain(t.Context(), "a", v1.Drain{}, nil); err != nil || got.Done || len(got.Missing) != 0 {
		t.Errorf("drained %+v, %v", got, err)
	}
	for range 2 { // also when it is disabled already
		for _, wanted := range []v1.Drain{wait(0), {RecordingsTimeout: wait(0).RecordingsTimeout}} {
			got, err := p.Servers.Drain(t.Context(), "a", wanted, ignore)
			if err != nil || !got.Done || !cmp.Equal(got.Missing, []string{"r1"}) {
				t.Errorf("drained %+v, %v", got, err)
			}
			p.state(t, "a", store.Disabled)
		}
	}
}

// Without wait a drain is over at once if there is nothing to wait for, also on a server that is disabled already.
func TestClient_DrainServer_AtOnce(t *testing.T) {
	p, fake := withServers(t, 2)
	id := p.create(t, class).Server
	got, err := p.Servers.Drain(t.Context(), id, v1.Drain{}, nil)
	if err != nil || got.Done || got.State != "draining" || got.Missing == nil {
		t.Errorf("with a meeting: %+v, %v", got, err)
	}
	if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), false); err != nil {
		t.Fatal(err)
	}
	fake.owe(id, store.OwedEnded, nil, "r9")
	if got, err := p.Servers.Drain(t.Context(), id, v1.Drain{}, nil); err != nil || got.Done {
		t.Errorf("with a recording: %+v, %v", got, err)
	}
	fake.owe(id, store.OwedEnded, nil)
	for range 2 {
		if got, err := p.Servers.Drain(t.Context(), id, v1.Drain{}, nil); err != nil || !got.Done {
			t.Errorf("with nothing: %+v, %v", got, err)
		}
		p.state(t, id, store.Disabled)
	}
	for _, timeout := range []time.Duration{-1, 14*24*time.Hour + 1} {
		_, err = p.Servers.Drain(t.Context(), id, wait(timeout), ignore)
		refused(t, err, http.StatusBadRequest, "recordings_timeout: want from 0, which waits for no recording, to 336h0m0s")
	}
	_, err = p.Servers.Drain(t.Context(), "nope", v1.Drain{Wait: true}, ignore)
	refused(t, err, http.StatusNotFound, "nope")
}

// A server whose people the others could not carry is not drained, unless somebody insists. One that has no others is:
// whoever drains it means to stop.
func TestClient_DrainServer_Room(t *testing.T) {
	p, _ := withServers(t, 2)
	id := p.create(t, class).Server
	p.people(class, 250)
	for _, d := range []v1.Drain{{}, {Wait: true}} {
		_, err := p.Servers.Drain(t.Context(), id, d, ignore)
		refused(t, err, http.StatusConflict, "carry 200 people", "of the 260 that are here or expected now 60 would", "--force")
		p.state(t, id, store.Enabled)
	}
	got, err := p.Servers.Drain(t.Context(), id, v1.Drain{Force: true}, nil)
	if err != nil || got.State != "draining" || !got.Room.Short || got.Room.Carries != 200 {
		t.Errorf("forced: %+v, %v", got, err)
	}
	if got, err := p.Servers.Drain(t.Context(), id, v1.Drain{}, nil); err != nil || got.State != "draining" {
		t.Errorf("one that takes no meetings any more: %+v, %v", got, err)
	}
	other := map[string]string{"a": "b", "b": "a"}[id]
	if err := p.Servers.Remove(t.Context(), other, false); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Servers.Enable(t.Context(), id, false); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Servers.Drain(t.Context(), id, v1.Drain{}, nil); err != nil || !got.Room.Short {
		t.Errorf("the only one: %+v, %v", got, err)
	}
}

// Whoever changes the state of a server that is drained has the last word, and the drain says so.
func TestClient_DrainServer_Overtaken(t *testing.T) {
	p, _ := withServers(t, 2)
	id := p.create(t, class).Server
	ctx := t.Context()
	tests := []struct {
		name   string
		act    func() error
		status int
		words  string
		state  store.ServerState
	}{
		{"enable", func() error { _, err := p.Servers.Enable(ctx, id, false); return err }, 200, "is enabled now", store.Enabled},
		{"cordon", func() error { _, err := p.Servers.Cordon(ctx, id); return err }, 200, "is cordoned now", store.Cordoned},
		{"disable", func() error { _, err := p.Servers.Disable(ctx, id, true); return err }, 200, "is disabled now", store.Disabled},
		{"remove", func() error { return p.Servers.Remove(ctx, id, true) }, 200, "there is no server", ""},
	}
	for _, test := range tests {
		acted := false
		_, err := p.Servers.Drain(ctx, id, v1.Drain{Wait: true}, func(v1.Progress) {
			if acted {
				return
			}
			acted = true
			if err := test.act(); err != nil {
				t.Error(err)
			}
		})
		refused(t, err, test.status, test.words)
		if test.state != "" {
			p.state(t, id, test.state)
		}
	}
}

// Whoever hangs up leaves the server draining.
func TestClient_DrainServer_HangUp(t *testing.T) {
	p, _ := withServers(t, 2)
	id := p.create(t, class).Server
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Servers.Drain(ctx, id, v1.Drain{Wait: true}, func(v1.Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	p.state(t, id, store.Draining)
}

// A store that fails for a while is told of once, and ends no drain.
func TestClient_DrainServer_Fault(t *testing.T) {
	p, fake := withServers(t, 2)
	id := p.create(t, class).Server
	var problems []string
	got, err := p.Servers.Drain(t.Context(), id, v1.Drain{Wait: true}, func(now v1.Progress) {
		switch {
		case now.Problem != "":
			problems = append(problems, now.Problem)
			fake.owe(id, store.OwedEnded, nil)
		case len(problems) == 0:
			fake.owe(id, store.OwedEnded, errors.New("disk /var/private"))
			if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), false); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil || !got.Done || len(problems) != 1 || strings.Contains(problems[0], "private") {
		t.Errorf("drained %+v, %v with problems %q", got, err, problems)
	}
}

// Meetings on a server that is offline count: a drain says that it waits in vain, and what can be done.
func TestClient_DrainServer_Offline(t *testing.T) {
	p, _ := withServers(t, 3)
	id := p.create(t, class).Server
	p.fail(t, id)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := ""
	_, err := p.Servers.Drain(ctx, id, v1.Drain{Wait: true}, func(now v1.Progress) {
		told = now.Current
		cancel()
	})
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(told, "1 meeting with 0 people left, claimed on a server that "+
		"is offline") || !strings.Contains(told, "panic forgets") {
		t.Errorf("told %q, %v", told, err)
	}
}

// fail makes a server offline.
func (p *testPool) fail(t *testing.T, id string) {
	t.Helper()
	for range 5 {
		p.ahead.Add(int64(2 * time.Second))
		p.poller.Report(id, p.poller.Client(id), &bbb.CallError{Reason: bbb.Refused, Err: errors.New("nobody there")})
	}
	if s, _ := p.poller.Server(id); s.Health != poller.Offline {
		t.Fatalf("server %s is %s", id, s.Health)
	}
}

// fixed is a ledger whose numbers are given.
type (
	meetings = roster.Claims
	fixed    struct {
		meetings
		capacity placement.Capacity
	}
)

func (f fixed) Capacity() placement.Capacity { return f.capacity }

// A drain is refused also for the sake of tonight; the error says which numbers are meant.
func TestClient_DrainServer_Tonight(t *testing.T) {
	p, _ := withServers(t, 2)
	c := p.ledger.Capacity()
	c.Now.People, c.Today = 50, placement.Crowd{At: then, People: 320}
	p.api.Servers.Roster.Claims = fixed{p.ledger, c}
	_, err := p.Servers.Drain(t.Context(), "a", v1.Drain{}, nil)
	refused(t, err, http.StatusConflict, "server a cannot be spared: the other servers that take meetings carry 200 people; "+
		"of the 320 at the busiest time of the coming 24 hours", "120 would have no room")
	p.state(t, "a", store.Enabled)
}

// The log tells what became of a server, and what was changed of a tenant.
func TestAPI_LogLifecycle(t *testing.T) {
	p, fake := withServers(t, 2)
	fake.owe("a", store.OwedProcessing, nil, "r1")
	if _, err := p.Servers.Drain(t.Context(), "a", wait(time.Millisecond), ignore); err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{
		"POST /servers/b/test {}", "POST /servers/b/panic {}", `POST /servers/sync {"servers":[],"mode":"force"}`,
		`PATCH /tenants/other {"ignore_hints":true}`,
	} {
		method, rest, _ := strings.Cut(call, " ")
		path, body, _ := strings.Cut(rest, " ")
		if status, answer := p.request(t, method, path, body); status != http.StatusOK {
			t.Errorf("%s: answered %d %s", call, status, answer)
		}
	}
	for _, words := range []string{
		`"server":"a","state":"draining"`, `"state":"disabled","missing":["r1"],"message":"server drained"`,
		`"server":"b","load":0,"passed":true,"admitted":false,"message":"server tested"`,
		`"state":"disabled","ended":0,"forgotten":0,"failed":0,"skip_end_calls":false,"message":"server panic"`,
		`"server":"a","action":"removed"`, `"tenant":"other","tag":"","ignore_hints":true,"message":"tenant changed"`,
	} {
		if !strings.Contains(p.log.String(), words) {
			t.Errorf("%s does not have %s", p.log, words)
		}
	}
}
