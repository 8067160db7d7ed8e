package assembly_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/store"
)

// visit is the way in of a command on a machine without an instance.
func visit(t *testing.T, o assembly.Options) *v1.Client {
	t.Helper()
	h, done, err := assembly.Leader(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if h == nil {
		return nil
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return v1.NewClient(v1.HandlerTransport(h), "http://pool", "")
}

// A command on a machine without an instance has the leader do what it is to do, be that about instances themselves; where none
// runs there is nobody to ask.
func TestLeader(t *testing.T) {
	c := several(t, 2)
	leader, _ := c.leader()
	o := options(t)
	o.Settings.Stores.RedisURL, o.Settings.Stores.DatabaseURL = c.stores.RedisURL, c.stores.DatabaseURL
	client := visit(t, o)
	if client == nil {
		t.Fatal("nobody is there")
	}
	made, err := client.Tenants.Add(t.Context(), v1.NewTenant{ID: "physics", Name: "Physics"})
	if err != nil || made.ID != "physics" {
		t.Errorf("%+v, %v", made, err)
	}
	if _, err := leader.Stores.State.Tenant(t.Context(), "physics"); err != nil {
		t.Error(err)
	}
	list, err := client.Instances.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := client.Instances.StepDown(t.Context(), leader.Instance.ID()); err != nil {
		t.Error(err)
	}
	if next, _ := c.leader(); next == leader {
		t.Error("it leads on")
	}
	for _, m := range c.pools {
		if err := m.stop(); err != nil {
			t.Error(err)
		}
	}
	if visit(t, o) != nil {
		t.Error("somebody is there")
	}
	o.Settings.Stores.RedisURL = ""
	if visit(t, o) != nil {
		t.Error("somebody is there where nothing is shared")
	}
}

// While the database of recordings is away, readiness and status say so, and say all else.
func TestStatus_IndexAway(t *testing.T) {
	o := options(t)
	postgres := newLine(t, servers.Postgres(t).Addr)
	o.Settings.Stores.RedisURL = store.Secret(servers.Redis(t).URL())
	o.Settings.Stores.DatabaseURL = postgres.through(t, servers.Postgres(t).URL(t))
	o.Settings.Instances.Listen, o.Settings.Instances.Lease = "127.0.0.1:0", time.Second
	p := open(t, o)
	run(t, p)
	client := v1.NewClient(v1.HandlerTransport(p.Administration()), "http://pool", "")
	for leads := false; !leads; leads = p.Instance.Leading() {
		time.Sleep(time.Millisecond)
	}
	if st, err := client.Pool.Status(t.Context()); err != nil || st.Recordings == nil {
		t.Errorf("%+v, %v", st, err)
	}
	postgres.sever()
	const want = "does not answer"
	for {
		st, err := client.Pool.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.Join(st.Problems, "\n"), "(DATABASE_URL) "+want) && st.Recordings == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := client.Pool.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	resp, err := http.Get("http://" + p.Addr() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "note: ") || !strings.Contains(string(text), want) {
		t.Errorf("readyz: %d %s", resp.StatusCode, text)
	}
}
