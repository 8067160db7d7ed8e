package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// short is a deadline that sick servers miss soon, and well ones do not.
const short = 500 * time.Millisecond

// ward is a server of one's own, that may be made sick, and a database in it that leads.
type ward struct {
	*pool
	r *daemon.Redis
}

func newWard(t *testing.T, args ...string) *ward {
	t.Helper()
	r := daemon.NewRedis(t, args...)
	t.Cleanup(r.Remove)
	url := "redis://" + r.Addr
	db := open(t, redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace, Timeout: short})
	if err := db.Leases().TakeLease(t.Context(), store.Lease{}, aLease); err != nil {
		t.Fatal(err)
	}
	w := &ward{&pool{t, db, db.State(), client(t, url)}, r}
	w.furnish()
	return w
}

// furnish puts something in that all calls find.
func (w *ward) furnish() {
	w.Helper()
	ctx := w.Context()
	w.must(w.s.CreateServer(ctx, store.Server{ID: "bbb1", URL: "https://bbb1", Secret: "s", State: store.Enabled, Weight: 1}))
	_, err := w.s.CreateTenant(ctx, store.Tenant{ID: "a", Name: "a"})
	w.must(err)
	w.claim(room("a"))
	w.must(w.s.AddEndings(ctx, ending("room")))
}

// reads are calls that change nothing, and writes those that do.
func reads(s store.State, db *redis.DB) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"servers":   func(ctx context.Context) error { _, err := s.Servers(ctx); return err },
		"server":    func(ctx context.Context) error { _, err := s.Server(ctx, "bbb1"); return err },
		"tenants":   func(ctx context.Context) error { _, err := s.Tenants(ctx); return err },
		"tenant":    func(ctx context.Context) error { _, err := s.Tenant(ctx, "a"); return err },
		"claims":    func(ctx context.Context) error { _, err := s.Claims(ctx); return err },
		"endings":   func(ctx context.Context) error { _, err := s.Endings(ctx); return err },
		"uses":      func(ctx context.Context) error { _, err := s.Uses(ctx); return err },
		"waiting":   func(ctx context.Context) error { _, err := s.Waiting(ctx, 1); return err },
		"dump":      func(ctx context.Context) error { return s.Dump(ctx, func(store.Row) error { return nil }) },
		"lease":     func(ctx context.Context) error { _, err := db.Leases().Lease(ctx); return err },
		"instances": func(ctx context.Context) error { _, err := db.Instances().Instances(ctx); return err },
		"sequence":  func(ctx context.Context) error { _, err := db.Sequence(ctx); return err },
	}
}

func writes(s store.State, db *redis.DB) map[string]func(context.Context) error {
	calls := fencedCalls(s)
	calls["spend"] = func(ctx context.Context) error { return s.SpendToken(ctx, "x", monday, monday.Add(time.Hour)) }
	calls["note"] = func(ctx context.Context) error {
		return s.NoteUses(ctx, map[store.Credential]time.Time{{Kind: "secret"}: monday})
	}
	calls["wait"] = func(ctx context.Context) error { return s.AddWaiting(ctx, store.Wait{ID: "x"}) }
	calls["renew"] = func(ctx context.Context) error { _, err := db.Leases().RenewLease(ctx, aLease); return err }
	calls["observed"] = func(ctx context.Context) error {
		return db.Observed(ctx, []redis.Observation{{Server: "bbb1", Online: true}})
	}
	calls["announce"] = func(ctx context.Context) error {
		return db.Instances().Announce(ctx, store.Instance{ID: "x"}, time.Minute)
	}
	return calls
}

// What a server cannot do now it says, and does not do by half; and when it is well again, all goes on.
func TestFaults_Refused(t *testing.T) {
	set := func(name, value string) func(w *ward) {
		return func(w *ward) { w.must(w.rake.ConfigSet(w.Context(), name, value).Err()) }
	}
	for name, c := range map[string]struct {
		fall, mend func(w *ward)
		says       string
		reads      bool // they fail, too
	}{
		"OOM": {set("maxmemory", "1"), set("maxmemory", "0"), "OOM", false},
		"READONLY": {
			func(w *ward) {
				w.must(w.rake.ReplicaOf(w.Context(), "127.0.0.1", fmt.Sprint(daemon.FreePort(w))).Err())
			},
			func(w *ward) { w.must(w.rake.ReplicaOf(w.Context(), "NO", "ONE").Err()) }, "READONLY", false,
		},
		"MASTERDOWN": {func(w *ward) {
			w.must(w.rake.ConfigSet(w.Context(), "replica-serve-stale-data", "no").Err())
			w.must(w.rake.ReplicaOf(w.Context(), "127.0.0.1", fmt.Sprint(daemon.FreePort(w))).Err())
		}, func(w *ward) { w.must(w.rake.ReplicaOf(w.Context(), "NO", "ONE").Err()) }, "MASTERDOWN", true},
		"MISCONF": {(*ward).failToSave, (*ward).save, "MISCONF", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t, "--save", "3600 1")
			before := w.everything()
			c.fall(w)
			refused(t, writes(w.s, w.db), c.says)
			if c.reads {
				refused(t, reads(w.s, w.db), c.says)
			}
			c.mend(w)
			equal(t, "changed", changed(before, w.everything()), nil)
			w.well()
		})
	}
}

func refused(t *testing.T, calls map[string]func(context.Context) error, says string) {
	t.Helper()
	for name, call := range calls {
		err := call(t.Context())
		if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got error %v, want one that says %s", name, err, says)
		}
	}
}

// well checks that all is there, and can be changed.
func (w *ward) well() {
	w.Helper()
	w.must(everyCall(w.Context(), reads(w.s, w.db)))
	equal(w, "claims", w.claims(), []store.Claim{room("a")})
	other := room("b")
	w.claim(other)
	w.must(w.s.DeleteClaim(w.Context(), other))
}

func everyCall(ctx context.Context, calls map[string]func(context.Context) error) (err error) {
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		if e := calls[name](ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
	}
	return err
}

// failToSave puts something in the way of the file that the server saves to.
func (w *ward) failToSave() {
	w.Helper()
	w.must(os.Mkdir(filepath.Join(w.r.Dir(), "dump.rdb"), 0o700))
	w.must(w.rake.BgSave(w.Context()).Err())
	w.await("rdb_last_bgsave_status:err")
}

func (w *ward) save() {
	w.Helper()
	w.must(os.Remove(filepath.Join(w.r.Dir(), "dump.rdb")))
	w.must(w.rake.Save(w.Context()).Err())
	w.await("rdb_last_bgsave_status:ok")
}

// await asks until the server says something of itself.
func (w *ward) await(says string) {
	w.Helper()
	for w.Context().Err() == nil {
		info, err := w.rake.Info(w.Context(), "persistence").Result()
		w.must(err)
		if strings.Contains(info, says) {
			return
		}
		breathe()
	}
}

// A server that hangs, or is gone, does not let anybody hang with it.
func TestFaults_Away(t *testing.T) {
	w := newWard(t, "--save", "3600 1")
	all := writes(w.s, w.db)
	maps.Copy(all, reads(w.s, w.db))
	w.r.Pause()
	var wg sync.WaitGroup
	for name, call := range all {
		wg.Go(func() { want(t, name, call(t.Context()), store.ErrAway) })
	}
	wg.Wait()
	w.r.Continue()
	w.back()
}

// back waits until the server has been found again, which the client does in the background.
func (w *ward) back() {
	w.Helper()
	for {
		_, err := w.db.Sequence(w.Context())
		if err == nil {
			return
		}
		want(w, "while it is away", err, store.ErrAway)
		breathe()
	}
}

// After a crash all goes on without anybody's help, but for what was lost: that is noticed.
func TestFaults_Crash(t *testing.T) {
	w := newWard(t, "--save", "3600 1")
	w.must(w.rake.Save(t.Context()).Err())
	lost := room("lost")
	w.claim(lost)
	w.r.Kill()
	refused(t, writes(w.s, w.db), "")
	refused(t, reads(w.s, w.db), "")
	equal(t, "losses", w.db.Losses(), 0)
	w.r.Start(t)
	w.back()
	equal(t, "losses", w.db.Losses(), 1)
	w.well()
	w.r.Stop() // which saves
	w.r.Start(t)
	w.back()
	w.well()
	equal(t, "losses", w.db.Losses(), 1)
}

// While a server reads what it has saved it says so.
func TestFaults_Loading(t *testing.T) {
	const keys = "100"
	w := newWard(t, "--save", "3600 1", "--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024")
	w.must(w.rake.Eval(t.Context(), "for i = 1, "+keys+" do redis.call('SET', 'key' .. i, string.rep('x', 2048)) end return 1", nil).Err())
	w.must(w.rake.ConfigSet(t.Context(), "rdbcompression", "no").Err())
	w.must(w.rake.Save(t.Context()).Err())
	w.r.Kill()
	started := make(chan struct{})
	go func() {
		defer close(started)
		w.r.Start(t)
	}()
	said := false
	for {
		_, err := w.s.Server(t.Context(), "bbb1")
		if err == nil {
			break
		}
		want(t, "read", err, store.ErrAway)
		said = said || strings.Contains(err.Error(), "LOADING")
		breathe()
	}
	<-started
	if !said {
		t.Error("it never said that it was loading")
	}
	w.well()
}

// What somebody has put under our keys is an error that names the key, and stays as it is.
func TestFaults_WrongType(t *testing.T) {
	for _, key := range []string{
		"servers", "server:bbb1", "server_enabled", "server_load", "cordoned_server_load", "bbbpool:servers", "bbbpool:sequence",
	} {
		t.Run(key, func(t *testing.T) {
			p := newPool(t)
			p.do("LPUSH", key, "x")
			err := p.s.CreateServer(t.Context(), store.Server{ID: "bbb1", State: store.Enabled})
			if err == nil || !strings.Contains(err.Error(), "type") || errors.Is(err, store.ErrAway) {
				t.Errorf("got error %v", err)
			}
			equal(t, "keys", len(p.everythingBut(key)), 2) // the lease, and the schema
			p.do("DEL", key)
			p.must(p.s.CreateServer(t.Context(), store.Server{ID: "bbb1"}))
		})
	}
}

// everythingBut is all keys but one, of whatever type that is.
func (p *pool) everythingBut(key string) []string {
	p.Helper()
	keys, err := p.rake.Keys(p.Context(), "*").Result()
	p.must(err)
	return slices.DeleteFunc(keys, func(k string) bool { return k == "scalelite:"+key })
}

// proxy stands between, and cuts connections: those that ask, or those that are answered.
type proxy struct {
	net.Listener
	to       string
	ask, say atomic.Bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{Listener: l, to: to}
	go p.serve()
	return p
}

func (p *proxy) serve() {
	for {
		front, err := p.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = front.Close()
			continue
		}
		go pass(back, front, &p.ask)
		go pass(front, back, &p.say)
	}
}

// pass hands on, unless it is to cut: then both ends are closed.
func pass(to, from net.Conn, cut *atomic.Bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if cut.Load() {
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil && !errors.Is(err, io.ErrShortBuffer) {
			return
		}
	}
}

// A connection that is cut leaves a write done or not, and never by half. Nothing is repeated by itself.
func TestFaults_Cut(t *testing.T) {
	for name, c := range map[string]struct {
		cut  func(p *proxy) *atomic.Bool
		done bool
	}{
		"while it asks":        {func(p *proxy) *atomic.Bool { return &p.ask }, false},
		"while it is answered": {func(p *proxy) *atomic.Bool { return &p.say }, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t)
			cutter := newProxy(t, servers.Redis(t).Addr)
			url := fmt.Sprintf("redis://%s/%d", cutter.Addr(), p.rake.Options().DB)
			db := open(t, redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace, Timeout: short})
			mine := aLease
			mine.Epoch++
			p.must(db.Leases().TakeLease(t.Context(), aLease, mine))
			c.cut(cutter).Store(true)
			_, err := db.State().CreateClaim(t.Context(), room("a"))
			want(t, "create", err, store.ErrAway)
			c.cut(cutter).Store(false)
			if c.done {
				equal(t, "done", p.claims(), []store.Claim{room("a")})
				equal(t, "whole", len(p.hash("meeting:room")), 4)
			} else {
				equal(t, "not done", changed(nil, p.everything()), nil)
			}
			_, err = db.State().UpdateClaim(t.Context(), room("a").MeetingKey, func(*store.Claim) error { return nil })
			if c.done {
				want(t, "update", err, nil)
			} else {
				want(t, "update", err, store.ErrNotFound)
			}
		})
	}
}

// A server that takes no more connections is away, and whoever opens it learns that.
func TestFaults_Open(t *testing.T) {
	w := newWard(t)
	w.must(w.rake.ConfigSet(t.Context(), "maxclients", "2").Err())
	_, err := redis.Open(t.Context(), redis.Config{URL: store.Secret("redis://" + w.r.Addr), Timeout: short})
	want(t, "full", err, store.ErrAway)
	w.must(w.rake.ConfigSet(t.Context(), "maxclients", "100").Err())
	w.must(w.rake.ConfigSet(t.Context(), "requirepass", "pa55word").Err())
	for _, url := range []string{"redis://" + w.r.Addr, "redis://:wr0ng@" + w.r.Addr} {
		_, err = redis.Open(t.Context(), redis.Config{URL: store.Secret(url), Timeout: short})
		want(t, "without the password", err, store.ErrAway)
		if strings.Contains(fmt.Sprint(err), "wr0ng") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	_ = open(t, redis.Config{URL: store.Secret("redis://:pa55word@" + w.r.Addr), Timeout: short})
	_, err = redis.Open(t.Context(), redis.Config{URL: store.Secret(fmt.Sprintf("redis://127.0.0.1:%d", daemon.FreePort(t)))})
	want(t, "nobody there", err, store.ErrAway)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = redis.Open(stopped, redis.Config{URL: store.Secret("redis://" + w.r.Addr)})
	want(t, "given up", err, context.Canceled)
}
