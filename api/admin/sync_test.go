package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// listed is a server as a list would have it.
func listed(id string, s *simulator.Server) v1.SyncServer {
	return v1.SyncServer{ID: id, URL: s.URL(), Secret: v1.Secret(s.Secret()), Enabled: true, Weight: 1}
}

// actions is what a sync has done, in short.
func actions(s v1.Synced) (list []string) {
	for _, c := range s.Changes {
		list = append(list, strings.Join(append([]string{c.ID, c.Action}, c.Fields...), " "))
	}
	return list
}

// syncs syncs, twice in a row, and tells what the first of them did: the second must have nothing to do.
func (p *testPool) syncs(t *testing.T, s v1.Sync) v1.Synced {
	t.Helper()
	plan := s
	plan.DryRun = true
	planned, err := p.Servers.Sync(t.Context(), plan, ignore)
	if err != nil || !planned.DryRun {
		t.Fatal(planned, err)
	}
	got, err := p.Servers.Sync(t.Context(), s, ignore)
	if err != nil || got.DryRun {
		t.Fatal(got, err)
	}
	if diff := cmp.Diff(actions(planned), actions(got)); diff != "" {
		t.Errorf("sync (-planned +done):\n%s", diff)
	}
	if again, err := p.Servers.Sync(t.Context(), s, ignore); err != nil || len(again.Changes) != 0 || again.Changes == nil {
		t.Errorf("the second sync did %v, %v", actions(again), err)
	}
	return got
}

// A list makes the pool what it says, and says what it does; secrets are not shown.
func TestClient_SyncServers(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 4)
	p.add(t, "a", servers[0])
	p.add(t, "b", servers[1])
	p.add(t, "c", servers[2])
	wrong := v1.Secret("wrong-secret")
	if _, err := p.Servers.Change(t.Context(), "b", v1.Change{Secret: &wrong, Force: true}); err != nil {
		t.Fatal(err)
	}
	a, b, d, e := listed("a", servers[0]), listed("b", servers[1]), listed("d", servers[3]), listed("e", servers[3])
	a.Weight, a.Tag, a.Enabled = 2.5, "big", false
	e.URL, e.Enabled = "http://"+noHost, false
	got := p.syncs(t, v1.Sync{Servers: []v1.SyncServer{d, a, b, e}})
	want := []string{
		"a updated weight: 1 -> 2.5 tag: big state: enabled -> cordoned", "b updated secret: *** -> ***", "c removed",
		"d created url: " + servers[3].URL() + " state: enabled",
		"e created url: http://" + noHost + "/bigbluebutton/api state: disabled",
	}
	if diff := cmp.Diff(want, actions(got)); diff != "" {
		t.Errorf("sync (-want +got):\n%s", diff)
	}
	if warning := got.Changes[4].Warning; !strings.HasPrefix(warning, "dns: ") {
		t.Errorf("warning %q", warning)
	}
	p.state(t, "a", store.Cordoned)
	p.state(t, "d", store.Enabled)
	p.state(t, "e", store.Disabled)
	if s, err := p.Servers.Show(t.Context(), "d"); err != nil || s.Admitted == nil || s.Checksum == "" {
		t.Errorf("created %+v, %v", s, err)
	}
	a.Enabled = true
	got = p.syncs(t, v1.Sync{Servers: []v1.SyncServer{a, b, d, e}})
	if diff := cmp.Diff([]string{"a enabled state: cordoned -> enabled"}, actions(got)); diff != "" {
		t.Errorf("sync (-want +got):\n%s", diff)
	}
	for _, s := range servers {
		if strings.Contains(p.log.String(), string(s.Secret())) {
			t.Fatalf("logged a secret: %s", p.log)
		}
	}
}

// What becomes of servers that are not listed is for the mode to say, and for what is left there.
func TestClient_SyncServers_Absent(t *testing.T) {
	for _, test := range []struct {
		mode string
		want []string // of a, which has a meeting, b, which owes a recording, and c, which is idle
		left int
	}{
		{"keep", nil, 3},
		{"cordon", []string{"a cordoned", "b cordoned", "c removed"}, 2},
		{"", []string{"a cordoned", "b cordoned", "c removed"}, 2},
		{"force", []string{"a removed", "b removed", "c removed"}, 0},
	} {
		t.Run(test.mode, func(t *testing.T) {
			p, fake := withServers(t, 3)
			for _, id := range []string{"b", "c"} {
				if _, err := p.Servers.Cordon(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			p.create(t, class)
			for _, id := range []string{"b", "c"} {
				if _, err := p.Servers.Enable(t.Context(), id, true); err != nil {
					t.Fatal(err)
				}
			}
			fake.owe("b", store.OwedPublished, nil, "r1")
			got := p.syncs(t, v1.Sync{Mode: test.mode, Servers: []v1.SyncServer{}})
			if diff := cmp.Diff(test.want, actions(got)); diff != "" {
				t.Errorf("sync (-want +got):\n%s", diff)
			}
			if list, err := p.Servers.List(t.Context()); err != nil || len(list) != test.left {
				t.Errorf("left are %v, %v", list, err)
			}
			if claims := len(p.ledger.Meetings()); (claims == 0) != (test.mode == "force") {
				t.Errorf("%d claims are left", claims)
			}
		})
	}
}

// A server that gets another ID in the list gives its address up before it is taken again.
func TestClient_SyncServers_Renamed(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "old", s)
	got := p.syncs(t, v1.Sync{Servers: []v1.SyncServer{listed("new", s)}})
	want := []string{"new created url: " + s.URL() + " state: enabled", "old removed"}
	if diff := cmp.Diff(want, actions(got)); diff != "" {
		t.Errorf("sync (-want +got):\n%s", diff)
	}
}

// Servers that exchange their addresses, in a ring or a row, do so in one sync; a new one may take what is left.
func TestClient_SyncServers_Swapped(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 7)
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		p.add(t, id, servers[i])
	}
	wanted := []v1.SyncServer{
		listed("a", servers[1]), listed("b", servers[0]), listed("c", servers[3]), listed("d", servers[4]),
		listed("e", servers[5]), listed("f", servers[6]), listed("g", servers[2]),
	}
	got := p.syncs(t, v1.Sync{Servers: wanted})
	if len(got.Changes) != len(wanted) {
		t.Errorf("sync did %v", actions(got))
	}
	for i, c := range got.Changes {
		if c.Error != "" || c.Warning != "" {
			t.Errorf("change %+v", c)
		}
		s, err := p.Servers.Show(t.Context(), c.ID)
		if err != nil || s.URL != wanted[i].URL || s.Admitted == nil || s.State != "enabled" {
			t.Errorf("server %+v, %v", s, err)
		}
	}
	if answer, err := p.poller.Client("a").Answer(t.Context(), "getMeetings", ""); err != nil || answer.Err != nil {
		t.Errorf("called it: %v, %v", answer.Err, err)
	}
}

// An address that stays somebody's is taken by nobody, and who waits for that of one that wanted it does not move either;
// those beside them do.
func TestClient_SyncServers_Stuck(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 5)
	for i, id := range []string{"a", "b", "c", "d", "e"} {
		p.add(t, id, servers[i])
	}
	before, err := p.Servers.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted := []v1.SyncServer{ // e is not listed, and stays
		listed("a", servers[1]), listed("b", servers[4]), listed("c", servers[3]), listed("d", servers[2]),
	}
	told := 0
	got, err := p.Servers.Sync(t.Context(), v1.Sync{Mode: "keep", Servers: wanted}, func(p v1.Progress) { told = p.Done })
	if err != nil || len(got.Changes) != 4 || told == 0 {
		t.Fatal(got, err)
	}
	for i, taker := range map[int]string{0: "b", 1: "e", 2: "", 3: ""} {
		c := got.Changes[i]
		s, err := p.Servers.Show(t.Context(), c.ID)
		if err != nil || (s.URL == before[i].URL) != (taker != "") {
			t.Errorf("server %+v, %v", s, err)
		}
		if (c.Action == "failed") != (taker != "") || taker != "" && !strings.HasSuffix(c.Error, "in the pool already, as server "+taker) {
			t.Errorf("change %+v, want it to name %q", c, taker)
		}
	}
}

// A server that somebody else changes meanwhile does not move, and nobody moves to its address.
func TestClient_SyncServers_SwapOvertaken(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 2)
	p.add(t, "a", servers[0])
	p.add(t, "b", servers[1])
	p.see(hooked{p.poller, func() {
		_, err := p.stores.State.UpdateServer(t.Context(), "b", func(s *store.Server) error {
			s.State = store.Disabled
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}})
	got, err := p.Servers.Sync(t.Context(), v1.Sync{Servers: []v1.SyncServer{listed("a", servers[1]), listed("b", servers[0])}}, ignore)
	if err != nil || len(got.Changes) != 2 || !strings.HasSuffix(got.Changes[0].Error, "as server b") ||
		got.Changes[1].Error != "server b was changed meanwhile: sync again" {
		t.Errorf("sync did %+v, %v", got, err)
	}
	if s, err := p.Servers.Show(t.Context(), "a"); err != nil || s.URL != servers[0].URL() {
		t.Errorf("server %+v, %v", s, err)
	}
}

// A server that moves to another machine, and does not pass there, is not taken for one that has.
func TestClient_SyncServers_Admitted(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 2)
	p.add(t, "a", servers[0])
	if err := servers[1].Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	got := p.syncs(t, v1.Sync{Servers: []v1.SyncServer{listed("a", servers[1])}})
	if len(got.Changes) != 1 || !strings.Contains(got.Changes[0].Warning, "status 500") {
		t.Errorf("sync did %+v", got)
	}
	if s, err := p.Servers.Show(t.Context(), "a"); err != nil || s.Admitted != nil || s.State != "enabled" {
		t.Errorf("server %+v, %v", s, err)
	}
}

// Weights that are one but for the arithmetic of inverses are no difference.
func TestClient_SyncServers_Weight(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "a", s)
	for weight, changes := range map[float64]int{1 + 1e-12: 0, 1 - 1e-12: 0, 1.001: 1} {
		entry := listed("a", s)
		entry.Weight = weight
		got, err := p.Servers.Sync(t.Context(), v1.Sync{DryRun: true, Servers: []v1.SyncServer{entry}}, ignore)
		if err != nil || len(got.Changes) != changes {
			t.Errorf("%v: %v, %v", weight, actions(got), err)
		}
	}
}

// One server that cannot be changed stops no other; one that is not well is enabled as the list wants it, with a warning.
func TestClient_SyncServers_Failure(t *testing.T) {
	p, servers := newTestPool(t), simulate(t, 2)
	p.add(t, "old", servers[0])
	p.create(t, class)
	if err := servers[1].Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Servers.Sync(t.Context(), v1.Sync{Servers: []v1.SyncServer{
		listed("new", servers[0]), listed("sick", servers[1]),
	}}, ignore)
	if err != nil || len(got.Changes) != 3 {
		t.Fatal(got, err)
	}
	byID := map[string]v1.SyncChange{}
	for _, c := range got.Changes {
		byID[c.ID] = c
	}
	if c := byID["new"]; c.Action != "failed" || !strings.Contains(c.Error, "in the pool already, as server old") {
		t.Errorf("taken address: %+v", c)
	}
	if c := byID["old"]; c.Action != "cordoned" || !strings.Contains(c.Warning, "has 1 meeting") {
		t.Errorf("with a meeting: %+v", c)
	}
	if c := byID["sick"]; c.Action != "created" || !strings.Contains(c.Warning, "status 500") {
		t.Errorf("sick: %+v", c)
	}
	p.state(t, "sick", store.Enabled)
}

// A list with a fault anywhere changes nothing, and every fault is named with its server and field.
func TestClient_SyncServers_Invalid(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	p.add(t, "a", s)
	spoilt := func(id string, spoil func(*v1.SyncServer)) v1.SyncServer {
		entry := listed(id, s)
		entry.URL = "https://" + id + ".example"
		spoil(&entry)
		return entry
	}
	nothing := func(*v1.SyncServer) {}
	_, err := p.Servers.Sync(t.Context(), v1.Sync{Mode: "force", Servers: []v1.SyncServer{
		spoilt("good", nothing),
		spoilt("b", func(s *v1.SyncServer) { s.Secret = "" }),
		spoilt("c", func(s *v1.SyncServer) { s.Weight = -1 }),
		spoilt("d", func(s *v1.SyncServer) { s.Tag = "a;b" }),
		spoilt("e", func(s *v1.SyncServer) { s.URL = "ftp://e" }),
		spoilt("Capital", nothing),
		spoilt("good", func(s *v1.SyncServer) { s.URL = "https://other.example" }),
		spoilt("f", func(s *v1.SyncServer) { s.URL = "https://GOOD.example/" }),
	}}, ignore)
	refused(t, err, http.StatusBadRequest, `"b": secret:`, `"c": weight:`, `"d": tag:`, `"e": url:`, `"Capital": id:`,
		`"good": id: it is in the list twice`, `"f": url: server good has the same`)
	_, err = p.Servers.Sync(t.Context(), v1.Sync{Mode: "maybe"}, ignore)
	refused(t, err, http.StatusBadRequest, "mode:")
	status, body := p.request(t, "POST", "/servers/sync", `{"mode":"force"}`)
	if status != http.StatusBadRequest || !strings.Contains(body, "servers: missing") {
		t.Errorf("no list: %d %s", status, body)
	}
	if list, err := p.Servers.List(t.Context()); err != nil || len(list) != 1 || list[0].State != "enabled" {
		t.Errorf("changed nevertheless: %+v, %v", list, err)
	}
}
