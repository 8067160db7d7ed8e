package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// All that is wrong with a configuration is said at once.
func TestConfig_Validate(t *testing.T) {
	good := redis.Config{URL: "redis://x", Pool: 5, Namespace: "scalelite", Timeout: time.Second, MeetingTTL: time.Hour}
	want(t, "good", good.Validate(), nil)
	bad := redis.Config{URL: "x", Pool: -1, Namespace: "a b", Timeout: -1, MeetingTTL: 1}
	err := bad.Validate()
	for _, word := range []string{"URL", "pool", "namespace", "timeout", "meeting"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in %v", word, err)
		}
	}
	if _, err := redis.Open(t.Context(), bad); err == nil {
		t.Error("it is opened")
	}
}

// A namespace keeps pools apart, and there need not be one.
func TestConfig_Namespace(t *testing.T) {
	url := servers.Redis(t).URL()
	for _, namespace := range []string{"", "one", "two"} {
		db := open(t, redis.Config{URL: store.Secret(url), Namespace: namespace})
		if err := db.Leases().TakeLease(t.Context(), store.Lease{}, aLease); err != nil {
			t.Fatal(err)
		}
		want(t, "create", db.State().CreateServer(t.Context(), store.Server{ID: "bbb1"}), nil)
	}
	n, err := client(t, url).Exists(t.Context(), "servers", "one:servers", "two:servers", "bbbpool:lease", "two:bbbpool:lease").Result()
	want(t, "keys", err, nil)
	equal(t, "keys", n, 5)
}

// A socket is as good as a port.
func TestOpen_Socket(t *testing.T) {
	path := t.TempDir() + "/redis.sock"
	r := daemon.NewRedis(t, "--unixsocket", path)
	t.Cleanup(r.Remove)
	db := open(t, redis.Config{URL: store.Secret("unix://" + path + "?db=3")})
	_, err := db.Sequence(t.Context())
	want(t, "sequence", err, nil)
}

// What a newer version has written is refused, also where that comes later.
func TestOpen_Newer(t *testing.T) {
	p := newPool(t)
	p.do("SET", "bbbpool:schema", fmt.Sprint(redis.Schema+1))
	url := fmt.Sprintf("redis://%s/%d", servers.Redis(t).Addr, p.rake.Options().DB)
	_, err := redis.Open(t.Context(), redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace})
	want(t, "open", err, store.ErrNewerSchema)
	mine := aLease
	mine.Epoch++
	want(t, "lead", p.db.Leases().TakeLease(t.Context(), aLease, mine), store.ErrNewerSchema)
}

// Who gives up is no sign of a server that is away.
func TestMetrics_GivenUp(t *testing.T) {
	w := newWard(t)
	w.r.Pause()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := w.s.Servers(ctx); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrAway) {
		t.Errorf("got error %v", err)
	}
	w.r.Continue()
	var page strings.Builder
	w.db.WriteMetrics(&page)
	if !strings.Contains(page.String(), "bbbpool_redis_up 1\n") {
		t.Errorf("it is not up: %s", page.String())
	}
}

// How a server is set up is looked at.
func TestCheck(t *testing.T) {
	w := newWard(t, "--save", "3600 1")
	problems := func() string {
		t.Helper()
		list, err := w.db.Check(t.Context())
		w.must(err)
		return strings.Join(list, "; ")
	}
	equal(t, "one that is well", problems(), "")
	w.must(w.rake.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	w.must(w.rake.ConfigSet(t.Context(), "save", "").Err())
	w.must(w.rake.ReplicaOf(t.Context(), "127.0.0.1", fmt.Sprint(daemon.FreePort(t))).Err())
	for _, word := range []string{"maxmemory-policy noeviction", "appendonly yes", "replica"} {
		if !strings.Contains(problems(), word) {
			t.Errorf("%q is not in %s", word, problems())
		}
	}
}

// How calls go is measured.
func TestMetrics(t *testing.T) {
	p := newPool(t)
	var page strings.Builder
	p.db.WriteMetrics(&page)
	for _, f := range redis.Families {
		if !strings.Contains(page.String(), f.Name) {
			t.Errorf("%s is not measured", f.Name)
		}
	}
	if !strings.Contains(page.String(), "bbbpool_redis_up 1\n") {
		t.Errorf("it is not up: %s", page.String())
	}
}
