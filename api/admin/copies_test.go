package admin_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

const fiveThere = "5 people left in copies of meetings that run elsewhere"

// withCopy is a pool of two servers with a meeting that is claimed on the first, and has people on the second.
func withCopy(t *testing.T) *testPool {
	t.Helper()
	p, _ := withServers(t, 2)
	if _, err := p.Servers.Cordon(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	p.create(t, class)
	if _, err := p.Servers.Enable(t.Context(), "b", true); err != nil {
		t.Fatal(err)
	}
	p.copies(t, "b", 5)
	return p
}

// copies has a poll see so many people in a copy of the meeting.
func (p *testPool) copies(t *testing.T, id string, people int) {
	t.Helper()
	_, err := p.ledger.Reconcile(t.Context(), placement.Poll{
		Server: id, Began: time.Now(), Complete: true,
		Meetings: []placement.Sighting{{Key: class, InternalID: "copy", CreateTime: 1, People: people}},
	})
	if s, _ := p.poller.Server(id); err != nil || s.Load.Meetings != 0 || s.Load.People != people {
		t.Fatalf("server %s carries %+v, %v", id, s.Load, err)
	}
}

// People in copies are as much in the way as those in meetings, until they have gone or nobody looks any more.
func TestClient_CopiesInTheWay(t *testing.T) {
	p := withCopy(t)
	_, err := p.Servers.Disable(t.Context(), "b", false)
	refused(t, err, http.StatusConflict, "server b has "+fiveThere, "drain --wait", "--force")
	refused(t, p.Servers.Remove(t.Context(), "b", false), http.StatusConflict, "server b has "+fiveThere, "drain --wait")
	p.state(t, "b", store.Enabled)
	if got, err := p.Servers.Show(t.Context(), "b"); err != nil || got.Present() != fiveThere {
		t.Errorf("server %+v, %v", got, err)
	}
	got, err := p.Servers.Disable(t.Context(), "b", true)
	if err != nil || got.State != "disabled" || got.Users != 0 || got.Present() != "" {
		t.Errorf("disabled %+v, %v", got, err)
	}
	if st, err := p.Pool.Status(t.Context()); err != nil || st.Users != 0 {
		t.Errorf("status %+v, %v", st, err)
	}
	if err := p.Servers.Remove(t.Context(), "b", false); err != nil {
		t.Errorf("removed: %v", err)
	}
}

// A server that is not listed stays, cordoned, while there are people in copies.
func TestClient_SyncServers_Copies(t *testing.T) {
	p := withCopy(t)
	a, err := p.stores.State.Server(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	wanted := v1.Sync{Servers: []v1.SyncServer{{ID: "a", URL: a.URL, Secret: v1.Secret(a.Secret), Enabled: true, Weight: 1}}}
	got := p.syncs(t, wanted)
	if len(got.Changes) != 1 || got.Changes[0].Action != "cordoned" ||
		got.Changes[0].Warning != "it has "+fiveThere+": a later sync removes it" {
		t.Errorf("sync did %+v", got)
	}
	p.copies(t, "b", 0)
	if got := p.syncs(t, wanted); !cmp.Equal(actions(got), []string{"b removed"}) {
		t.Errorf("sync did %v", actions(got))
	}
}

// A list that leaves nobody to take new meetings says so; a pool that nobody took any in before has nothing to lose.
func TestClient_SyncServers_Strands(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 2)
	p.add(t, "a", servers[0])
	p.add(t, "b", servers[1])
	off := listed("a", servers[0])
	off.Enabled = false
	for _, test := range []struct {
		mode string
		list []v1.SyncServer
		dry  string
	}{
		{"cordon", []v1.SyncServer{}, "no server would take new meetings"},
		{"force", []v1.SyncServer{}, "no server would take new meetings"},
		{"keep", []v1.SyncServer{}, ""},
		{"keep", []v1.SyncServer{off}, ""},
		{"cordon", []v1.SyncServer{off}, "no server would take new meetings"},
		{"cordon", []v1.SyncServer{listed("b", servers[1])}, ""},
		{"cordon", []v1.SyncServer{listed("c", servers[1])}, ""},
	} {
		got, err := p.Servers.Sync(t.Context(), v1.Sync{Mode: test.mode, DryRun: true, Servers: test.list}, ignore)
		if err != nil || got.Warning != test.dry {
			t.Errorf("%s %v: %+v, %v", test.mode, test.list, got, err)
		}
	}
	cordon := v1.Sync{Servers: []v1.SyncServer{off}}
	if got, err := p.Servers.Sync(t.Context(), cordon, ignore); err != nil || got.Warning != "no server takes new meetings any more" {
		t.Errorf("done: %+v, %v", got, err)
	}
	if got, err := p.Servers.Sync(t.Context(), cordon, ignore); err != nil || got.Warning != "" {
		t.Errorf("once more: %+v, %v", got, err)
	}
}

// A panic ends also what nobody claims there: a copy, with its breakout rooms, and not once more what is over.
func TestClient_PanicServer_Copies(t *testing.T) {
	p, s := alone(t, 2)
	for _, query := range []string{
		"name=copies&meetingID=copy&meta_bbbpool-tenant=other", "name=copies&meetingID=over",
		"name=copies&meetingID=room&isBreakout=true&parentMeetingID=copy&sequence=1",
	} {
		answer, err := p.poller.Client("a").Answer(t.Context(), "create", query)
		if err != nil || answer.Err != nil {
			t.Fatal(err, answer.Err)
		}
	}
	if err := errors.Join(s.AddPeople("copy", simulator.Crowd{Count: 3}), s.End("over")); err != nil {
		t.Fatal(err)
	}
	var last v1.Progress
	got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, func(p v1.Progress) { last = p })
	if err != nil || got.Ended != 3 || len(got.Failed) != 0 || last.Total != 3 && last.Total != 2 {
		t.Errorf("panicked %+v, %v; told %+v", got, err, last)
	}
	for _, m := range s.Meetings() {
		if !m.Ended {
			t.Errorf("%s goes on", m.MeetingID)
		}
	}
	if _, err := p.poller.Client("a").Answer(t.Context(), "create", "name=copies&meetingID=late"); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{SkipEndCalls: true}, ignore); err != nil || got.Ended != 0 {
		t.Errorf("uncalled: %+v, %v", got, err)
	}
	if m, ok := s.Meeting("late"); !ok || m.Ended {
		t.Errorf("ended although nobody was to be called: %+v", m)
	}
}

// A meeting that nobody claims and the server does not end is named, and so is what cannot be read.
func TestClient_PanicServer_CopiesFail(t *testing.T) {
	p, server := newTestPool(t), bbbWith(t, `<meetings>`+
		`<meeting><meetingID>stuck</meetingID><internalMeetingID>i1</internalMeetingID></meeting>`+
		`<meeting><meetingID>a,b</meetingID><internalMeetingID>i2</internalMeetingID></meeting>`+
		`<meeting><meetingID>nobody</meetingID></meeting></meetings>`)
	_, err := p.Servers.Add(t.Context(), v1.NewServer{URL: server, Secret: "s3cret", ID: "a", Enable: true, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Servers.Panic(t.Context(), "a", v1.Panic{}, ignore)
	want := []string{
		"2 meetings that cannot be read, or asked for, may go on",
		"stuck of tenant default: server a: notAllowed: not here",
	}
	if diff := cmp.Diff(want, got.Failed); err != nil || got.Ended != 0 || diff != "" {
		t.Errorf("panicked %+v, %v (-want +got):\n%s", got, err, diff)
	}
}

// bbbWith answers as a server with these meetings, which it does not end.
func bbbWith(t *testing.T, meetings string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := "<response><returncode>SUCCESS</returncode>" + meetings + "</response>"
		if strings.HasSuffix(r.URL.Path, "/end") {
			body = "<response><returncode>FAILED</returncode><messageKey>notAllowed</messageKey><message>not here</message></response>"
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// overNetwork is a client that does not reach the handler directly.
func overNetwork(t *testing.T, p *testPool) *v1.Client {
	t.Helper()
	server := httptest.NewServer(p.api.Handler())
	t.Cleanup(server.Close)
	return v1.NewClient(http.DefaultTransport, server.URL, "")
}

// A history tells how many sessions it has left out, for a replay would not read them.
func TestClient_History_LeftOut(t *testing.T) {
	p := newTestPool(t)
	p.remember(t, past("empty", 30, 0), past("endless", 20, 8*24*60), past("good", 40, 5))
	for _, client := range []*v1.Client{p.Client, overNetwork(t, p)} {
		var out strings.Builder
		left, err := client.History.Export(t.Context(), time.Time{}, time.Time{}, &out)
		if err != nil || left != 2 || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("left out %d of %q, %v", left, out.String(), err)
		}
	}
}
