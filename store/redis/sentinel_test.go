package redis_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

// started is a server of one's own, until the test ends.
func started(t *testing.T, args ...string) *daemon.Redis {
	t.Helper()
	r := daemon.NewRedis(t, args...)
	t.Cleanup(r.Remove)
	return r
}

// sentinelOf watches a master, and knows its replica.
func sentinelOf(t *testing.T, master *daemon.Redis) *daemon.Redis {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Addr)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor main %s %s 1\nsentinel down-after-milliseconds main 300\n"+
		"sentinel failover-timeout main 500\n", host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := started(t, conf, "--sentinel")
	c := client(t, "redis://"+s.Addr)
	for t.Context().Err() == nil {
		list, err := c.Do(t.Context(), "SENTINEL", "REPLICAS", "main").Slice()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && strings.Contains(fmt.Sprint(list...), "master-link-status:ok") {
			break
		}
		breathe()
	}
	return s
}

// After a failover, which loses the last writes, the store finds the new master by itself, and that something is lost.
func TestFaults_Failover(t *testing.T) {
	quick := []string{"--repl-diskless-sync-delay", "0"}
	master := started(t, quick...)
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := started(t, append(quick, "--replicaof", host, port)...)
	second := client(t, "redis://"+replica.Addr)
	for t.Context().Err() == nil {
		if info, _ := second.Info(t.Context(), "replication").Result(); strings.Contains(info, "master_link_status:up") {
			break
		}
		breathe()
	}
	sentinel := sentinelOf(t, master)
	db := open(t, redis.Config{URL: store.Secret("redis+sentinel://" + sentinel.Addr + "/main"), Timeout: short})
	s := db.State()
	want(t, "take", db.Leases().TakeLease(t.Context(), store.Lease{}, aLease), nil)
	kept, lost := room("kept"), room("lost")
	_, err := s.CreateClaim(t.Context(), kept)
	want(t, "create", err, nil)
	first := client(t, "redis://"+master.Addr)
	want(t, "replicated", first.Do(t.Context(), "WAIT", "1", "0").Err(), nil)
	want(t, "save", second.Save(t.Context()).Err(), nil)
	replica.Kill()
	_, err = s.CreateClaim(t.Context(), lost)
	want(t, "create", err, nil)
	master.Kill()
	replica.Start(t)
	for t.Context().Err() == nil { // until the sentinel has made it the master, and the client has heard of that
		err = s.SpendToken(t.Context(), fmt.Sprint(time.Now().UnixNano()), monday, monday.Add(time.Hour))
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrAway) {
			t.Fatal(err)
		}
		breathe()
	}
	_, err = db.Sequence(t.Context())
	want(t, "sequence", err, nil)
	equal(t, "losses", db.Losses(), 1)
	list, err := s.Claims(t.Context())
	want(t, "claims", err, nil)
	equal(t, "claims", list, []store.Claim{kept})
	_, err = s.CreateClaim(t.Context(), lost)
	want(t, "create anew", err, nil)
}

// Sentinels that hang, with the master that they know, let nobody hang, however many ask.
func TestFaults_Sentinel(t *testing.T) {
	master := started(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	want(t, "write", os.WriteFile(conf, fmt.Appendf(nil, "sentinel monitor main %s %s 1\n", host, port), 0o600), nil)
	sentinel := started(t, conf, "--sentinel")
	db := open(t, redis.Config{URL: store.Secret("redis+sentinel://" + sentinel.Addr + "/main"), Timeout: short})
	master.Pause()
	sentinel.Pause()
	kit.Race(kit.Racers, func(int) {
		_, err := db.Sequence(t.Context())
		want(t, "while all hang", err, store.ErrAway)
	})
	master.Continue()
	sentinel.Continue()
	for {
		_, err := db.Sequence(t.Context())
		if err == nil {
			break
		}
		want(t, "afterwards", err, store.ErrAway)
		breathe()
	}
}
