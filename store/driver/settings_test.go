package driver_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// Nothing that is said of an address has the password in it, however it is written.
func TestPlace(t *testing.T) {
	for address, want := range map[store.Secret]string{
		"redis://:p4ss@redis.example.org:6379/3":                  "redis://redis.example.org:6379/3",
		"rediss://user:p4ss@redis":                                "rediss://redis",
		"unix://:p4ss@/run/redis.sock?db=0&password=p4ss":         "unix:///run/redis.sock",
		"redis+sentinel://:p4ss@a:1,b:2/main/0?sentinel=p4ss":     "redis+sentinel://a:1,b:2/main/0",
		"postgresql://u:p4ss/?@x@db.example.org/pool?pool=5":      "postgresql://db.example.org/pool",
		"postgres://u@db/scalelite?password=p4ss&sslmode=disable": "postgres://db/scalelite",
	} {
		if got := driver.Place(address); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What cannot be meant is refused before anything is opened, and the error has no password in it.
func TestOpen_Settings(t *testing.T) {
	for name, s := range map[string]driver.Settings{
		"swapped":    {RedisURL: "postgres://u:p4ss@db/x"},
		"swapped 2":  {DatabaseURL: "redis://:p4ss@db/0"},
		"no scheme":  {RedisURL: "p4ss@db"},
		"no URL":     {RedisURL: "redis://:p4ss@%zz/0"},
		"no server":  {RedisURL: "redis://:p4ss@127.0.0.1:1/0"},
		"no server2": {DatabaseURL: "postgres://u:p4ss@127.0.0.1:1/x"},
	} {
		stores, err := driver.Open(driver.Config{Data: t.TempDir(), Settings: s})
		if err == nil || strings.Contains(err.Error(), "p4ss") || !strings.Contains(err.Error(), "_URL") {
			_ = stores.Close()
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each group is where its own address says, and what shares the State can be known.
func TestOpen_Mixed(t *testing.T) {
	url := servers.Redis(t).URL()
	dir := t.TempDir()
	stores, err := driver.Open(driver.Config{Data: dir, Settings: driver.Settings{RedisURL: store.Secret(url), RedisNamespace: "ns"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	if stores.Leases == nil || stores.Instances == nil || stores.Redis == nil || stores.StateAt != url {
		t.Errorf("%+v", stores)
	}
	if stores.IndexAt != filepath.Join(dir, "bbbpool.db") {
		t.Errorf("the index is at %s", stores.IndexAt)
	}
	if list := stores.Check(t.Context()); len(list) == 0 {
		t.Error("nothing is said of a Redis that keeps nothing on its disk")
	}
	if _, err := driver.Open(driver.Config{Data: dir}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
}

// A pool that has run in its data directory does not begin anew because the environment brings an address along.
func TestOpen_Beside(t *testing.T) {
	dir := t.TempDir()
	stores, err := driver.Open(driver.Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stores.State.CreateServer(t.Context(), store.Server{ID: "bbb1"}), stores.Close()); err != nil {
		t.Fatal(err)
	}
	with := driver.Config{Data: dir, Settings: driver.Settings{RedisURL: store.Secret(servers.Redis(t).URL())}}
	if _, err := driver.Open(with); err == nil || !strings.Contains(err.Error(), "bbbpool migrate") {
		t.Errorf("begun anew: %v", err)
	}
	with.Mover = true
	if stores, err = driver.Open(with); err != nil {
		t.Fatal(err)
	}
	if err := stores.Close(); err != nil {
		t.Error(err)
	}
}

// A PostgreSQL says how it is set up, and what of its address means nothing here; a plan changes nothing in it.
func TestCheck_Postgres(t *testing.T) {
	c := driver.Config{Data: t.TempDir(), Settings: driver.Settings{
		DatabaseURL: store.Secret(servers.Postgres(t).URL(t) + "?encoding=unicode&pool=3"), PreparedStatement: "true",
	}}
	stores, err := driver.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	list := stores.Check(t.Context())
	if err := stores.Close(); err != nil {
		t.Error(err)
	}
	noted := false
	for _, f := range list {
		noted = noted || !f.Wrong && strings.Contains(f.Text, "encoding is ignored")
		if f.Wrong {
			t.Errorf("wrong: %s", f.Text)
		}
	}
	if !noted {
		t.Errorf("found %+v", list)
	}
	plan, err := driver.Plan(c)
	if err != nil || len(plan) != 2 || !strings.Contains(plan[1], "as it is to be") {
		t.Errorf("planned %q, %v", plan, err)
	}
}

// What Scalelite reads of a meeting lasts for as long as Scalelite was told.
func TestOpen_MeetingTTL(t *testing.T) {
	url := servers.Redis(t).URL()
	stores, err := driver.Open(driver.Config{Data: t.TempDir(), Settings: driver.Settings{
		RedisURL: store.Secret(url), RedisNamespace: "scalelite", MeetingTTL: time.Hour,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	ctx := t.Context()
	if err := stores.Leases.TakeLease(ctx, store.Lease{}, store.Lease{Holder: "x", Epoch: 1, Beat: 1}); err != nil {
		t.Fatal(err)
	}
	key := store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "room"}
	if _, err := stores.State.CreateClaim(ctx, store.Claim{MeetingKey: key, Server: "bbb1"}); err != nil {
		t.Fatal(err)
	}
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(o)
	defer func() { _ = client.Close() }()
	if ttl := client.TTL(ctx, "scalelite:meeting:room").Val(); ttl <= 59*time.Minute || ttl > time.Hour {
		t.Errorf("it lasts %s", ttl)
	}
}
