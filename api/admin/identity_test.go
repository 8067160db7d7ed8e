package admin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// alias is another name of a simulated server.
func alias(s *simulator.Server) string { return strings.Replace(s.URL(), "127.0.0.1", "localhost", 1) }

// alike are simulated servers with one secret, as those have it whose operators set it up so.
func alike(t *testing.T, n int) []*simulator.Server {
	t.Helper()
	sim, err := simulator.New(simulator.Config{Servers: n, Secret: "shared-secret"})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	return sim.Servers()
}

// A server is in the pool once, whatever names it has; servers that only look alike are each taken for themselves.
func TestClient_AddServer_Twin(t *testing.T) {
	p := newTestPool(t)
	servers := alike(t, 2)
	p.add(t, "a", servers[0])
	p.add(t, "b", servers[1])
	wanted := v1.NewServer{ID: "twin", URL: alias(servers[0]), Secret: "shared-secret"}
	_, err := p.Servers.Add(t.Context(), wanted)
	refused(t, err, http.StatusConflict, "is the same server as a, under another name")
	other := alias(servers[0])
	_, err = p.Servers.Change(t.Context(), "b", v1.Change{URL: &other})
	refused(t, err, http.StatusConflict, "is the same server as a, under another name")
	same := alias(servers[1])
	if got, err := p.Servers.Change(t.Context(), "b", v1.Change{URL: &same}); err != nil || got.URL != same || strings.Contains(got.Warning, "same") {
		t.Errorf("another name for itself: %+v, %v", got, err)
	}
	wanted.Force = true
	got, err := p.Servers.Add(t.Context(), wanted)
	if err != nil || got.Warning != "it is the same server as a, under another name: its people count twice" {
		t.Errorf("forced: %+v, %v", got, err)
	}
	for _, s := range servers {
		for _, m := range s.Meetings() {
			if !m.Ended {
				t.Errorf("meeting %s is left on %s", m.MeetingID, s.ID())
			}
		}
	}
}

// Where that cannot be tried, it is a matter of doubt, and of nobody's refusal.
func TestClient_AddServer_Doubt(t *testing.T) {
	p := newTestPool(t)
	servers := alike(t, 2)
	p.add(t, "a", servers[0])
	if err := servers[1].Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Servers.Add(t.Context(), v1.NewServer{ID: "b", URL: servers[1].URL(), Secret: "shared-secret", Force: true})
	if err != nil || !strings.HasSuffix(got.Warning, "; it may be the same server as a: it has the same secret, at the same address") {
		t.Errorf("added %+v, %v", got, err)
	}
}

// Of two names that come with one list only one is taken.
func TestClient_Sync_Twin(t *testing.T) {
	p := newTestPool(t)
	server := alike(t, 1)[0]
	list := []v1.SyncServer{
		{ID: "one", URL: server.URL(), Secret: "shared-secret", Enabled: true}, {ID: "two", URL: alias(server), Secret: "shared-secret", Enabled: true},
	}
	for _, actions := range [][]string{{"created", "failed"}, {"failed"}} {
		done, err := p.Servers.Sync(t.Context(), v1.Sync{Servers: list}, ignore)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, change := range done.Changes {
			got = append(got, change.Action)
			if change.Action == "failed" && !strings.Contains(change.Error, "is the same server as ") {
				t.Errorf("failed for %s", change.Error)
			}
		}
		if slices.Sort(got); !slices.Equal(got, actions) {
			t.Errorf("%v, want %v: %+v", got, actions, done.Changes)
		}
	}
}

// A pool is no server: itself it does not take whatever somebody insists on, and another one only then.
func TestClient_AddServer_Pool(t *testing.T) {
	p := newTestPool(t)
	pool := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		what := "<version>2.0</version><bbbpool>true</bbbpool>"
		if strings.HasSuffix(r.URL.Path, "getMeetings") {
			what = "<meetings/>"
		}
		_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode>"+what+"</response>")
	}))
	defer pool.Close()
	wanted := v1.NewServer{ID: "x", URL: pool.URL, Secret: "front-end"}
	_, err := p.Servers.Add(t.Context(), wanted)
	refused(t, err, http.StatusUnprocessableEntity, "pool: a bbbpool answers at")
	p.api.Tenants.Environment = []store.Secret{"front-end"}
	for _, wanted.Force = range []bool{false, true} {
		_, err = p.Servers.Add(t.Context(), wanted)
		refused(t, err, http.StatusConflict, "is this pool, by its secret")
	}
	done, err := p.Servers.Sync(t.Context(), v1.Sync{
		Servers: []v1.SyncServer{{ID: "x", URL: pool.URL, Secret: "front-end"}},
	}, ignore)
	if err != nil || len(done.Changes) != 1 || done.Changes[0].Action != "failed" {
		t.Errorf("synced %+v, %v", done, err)
	}
	p.add(t, "a", simulate(t, 1)[0])
	secret := v1.Secret("front-end")
	_, err = p.Servers.Change(t.Context(), "a", v1.Change{URL: &pool.URL, Secret: &secret, Force: true})
	refused(t, err, http.StatusConflict, "is this pool, by its secret")
	p.api.Tenants.Environment = nil
	if got, err := p.Servers.Add(t.Context(), wanted); err != nil || !strings.HasPrefix(got.Warning, "pool: ") {
		t.Errorf("forced: %+v, %v", got, err)
	}
	if list, err := p.Servers.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("servers %s, %v", fmt.Sprint(list), err)
	}
}
