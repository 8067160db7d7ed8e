package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// mirrored is a Redis that can be mirrored.
type mirrored struct {
	store.State
	*redis.DB
}

// Close closes it.
func (r mirrored) Close() error { return r.DB.Close() }

// dial opens a Redis, and leads.
func dial(t testing.TB, url string, timeout time.Duration) mirrored {
	t.Helper()
	db, err := redis.Open(context.Background(), redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace, Timeout: timeout})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	r := mirrored{db.State(), db}
	r.lead(t)
	return r
}

// lead takes the lease, whoever has it.
func (r mirrored) lead(t testing.TB) {
	t.Helper()
	was, err := r.Leases().Lease(context.Background())
	must(t, err)
	must(t, r.Leases().TakeLease(context.Background(), was, store.Lease{Holder: "test", Epoch: was.Epoch + uint64(time.Now().UnixMilli())}))
}

// The contract holds over Redis, too.
func TestContract_Redis(t *testing.T) {
	r := servers.Redis(t)
	storetest.RunState(t, func(t *testing.T) store.State {
		m, err := mirror.Open(t.Context(), config(dial(t, r.URL(), 0), mirror.Config{Dir: t.TempDir(), Alone: true}))
		must(t, err)
		return m.State()
	})
}

// client is another who knows the same database.
func client(t testing.TB, url string) *goredis.Client {
	t.Helper()
	o, err := goredis.ParseURL(url)
	must(t, err)
	c := goredis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// writer creates and deletes claims until it is stopped, and knows what was acknowledged.
type writer struct {
	s    store.State
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	has     map[string]bool // whether a claim stands; what is not known is not in it
	refused int
}

func write(s store.State, writers int) *writer {
	w := &writer{s: s, stop: make(chan struct{}), has: map[string]bool{}}
	for i := range writers {
		w.done.Go(func() { w.run(i) })
	}
	return w
}

func (w *writer) run(who int) {
	for n := 0; ; n++ {
		select {
		case <-w.stop:
			return
		default:
		}
		c := claim(fmt.Sprint("by", who, "-", n), "bbb1")
		made, err := w.s.CreateClaim(context.Background(), c)
		w.note(c.MeetingID, true, err)
		if err == nil && n%3 == 0 {
			w.note(c.MeetingID, false, w.s.DeleteClaim(context.Background(), made))
		}
	}
}

func (w *writer) note(id string, stands bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.refused++
		delete(w.has, id)
		return
	}
	w.has[id] = stands
}

// check tells whether everything that was acknowledged is there, and nothing that was deleted.
func (w *writer) check(t testing.TB, from string, s store.State) {
	t.Helper()
	claims, err := s.Claims(context.Background())
	must(t, err)
	there := map[string]bool{}
	for _, c := range claims {
		there[c.MeetingID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, stands := range w.has {
		if there[id] != stands {
			t.Errorf("%s: %s is there: %v; acknowledged: %v", from, id, there[id], stands)
		}
	}
	if len(w.has) < 20 {
		t.Errorf("%s: only %d claims were written, %d refused", from, len(w.has), w.refused)
	}
}

// A Redis that is emptied twice in the midst of writes, and a third time while it is being healed, loses nothing.
func TestRedis_Flushed(t *testing.T) {
	url := servers.Redis(t).URL()
	r := dial(t, url, 0)
	m, s := open(t, r, t.TempDir(), func(c *mirror.Config) { c.Now, c.Interval = nil, 20*time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	must(t, s.CreateServer(ctx, store.Server{ID: "bbb1", Secret: "x", Weight: 1, State: store.Enabled}))
	w := write(s, 4)
	other := client(t, url)
	for range 6 {
		w.await(t, 40)
		must(t, other.FlushDB(ctx).Err())
		r.lead(t) // as the leader does: it holds a lease that has vanished
	}
	w.await(t, 40)
	close(w.stop)
	w.done.Wait()
	must(t, retry(m))
	w.check(t, "mirror", s)
	w.check(t, "redis", r.State)
	if list, err := r.Servers(ctx); err != nil || len(list) != 1 {
		t.Errorf("servers: %v, %v", list, err)
	}
	cancel()
	must(t, <-done)
}

// await waits until so many more writes were acknowledged.
func (w *writer) await(t testing.TB, more int) {
	t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.has)
	}
	want := count() + more
	for deadline := time.Now().Add(30 * time.Second); count() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d writes in 30 seconds, %d refused", count(), w.refused)
		}
	}
}

// retry looks until the store can be put right: its client may believe for a second that it is away still.
func retry(m *mirror.Mirror) (err error) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if err = m.Refresh(context.Background()); err == nil {
			return nil
		}
	}
	return err
}

// A Redis that is killed and comes back with what it had seconds ago loses nothing: neither what was written since, nor what
// an instance that is alone has written meanwhile.
func TestRedis_Restarted(t *testing.T) {
	server := daemon.NewRedis(t, "--save", "", "--appendonly", "no", "--dbfilename", "old.rdb")
	defer server.Remove()
	url := server.URL()
	r := dial(t, url, 300*time.Millisecond)
	m, s := open(t, r, t.TempDir(), func(c *mirror.Config) { c.Now, c.Interval = nil, 20*time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	w := write(s, 4)
	w.await(t, 50)
	must(t, client(t, url).Save(ctx).Err()) // what it will come back with
	w.await(t, 50)
	server.Kill()
	w.await(t, 50)
	if _, _, away := m.Away(); !away {
		t.Error("it is not away")
	}
	server.Start(t)
	w.await(t, 50)
	close(w.stop)
	w.done.Wait()
	must(t, retry(m))
	w.check(t, "mirror", s)
	w.check(t, "redis", r.State)
	cancel()
	must(t, <-done)
}

// One that is alone is started while Redis is not there, goes on from its copy, and writes what has waited once it is back.
func TestRedis_StartedWithout(t *testing.T) {
	server := daemon.NewRedis(t, "--save", "", "--appendonly", "yes")
	defer server.Remove()
	url := server.URL()
	dir := t.TempDir()
	m, s := open(t, dial(t, url, 300*time.Millisecond), dir)
	must(t, s.CreateServer(t.Context(), store.Server{ID: "bbb1", Secret: "x", Weight: 1, State: store.Enabled}))
	must(t, m.Close())
	server.Kill()
	c := redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace, Timeout: 300 * time.Millisecond}
	if _, err := redis.Open(t.Context(), c); !errors.Is(err, store.ErrAway) {
		t.Errorf("opened: %v", err)
	}
	c.MayBeAway = true
	db, err := redis.Open(t.Context(), c)
	must(t, err)
	r := mirrored{db.State(), db}
	m, s = open(t, r, dir)
	defer closing(t, m)
	made, err := s.CreateClaim(t.Context(), claim("room", "bbb1"))
	must(t, err)
	_, err = s.UpdateClaim(t.Context(), made.MeetingKey, func(c *store.Claim) error { c.InternalID = "x"; return nil })
	must(t, err)
	want := rowsOf(t, s)
	server.Start(t)
	if err := m.Refresh(t.Context()); !errors.Is(err, store.ErrFenced) {
		t.Errorf("written without the lease: %v", err)
	}
	r.lead(t)
	must(t, retry(m))
	same(t, "mirror", rowsOf(t, s), want)
	same(t, "redis", rowsOf(t, r.State), want)
}

// Of several instances nothing is written while Redis hangs, and nothing hangs with it.
func TestRedis_Hangs(t *testing.T) {
	server := daemon.NewRedis(t)
	defer server.Remove()
	r := dial(t, server.URL(), 100*time.Millisecond)
	m, s := open(t, r, "", several)
	m.Attach(leading(t.Context()))
	must(t, m.Refresh(t.Context()))
	must(t, s.CreateServer(t.Context(), store.Server{ID: "bbb1", Secret: "x", Weight: 1, State: store.Enabled}))
	server.Pause()
	for range 20 { // they fail at once but for the first
		if err := s.DeleteServer(t.Context(), "bbb1"); !errors.Is(err, store.ErrAway) {
			t.Fatalf("deleted: %v", err)
		}
	}
	if list, err := s.Servers(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("servers: %v, %v", list, err)
	}
	server.Continue()
	must(t, retry(m))
	same(t, "mirror", rowsOf(t, s), rowsOf(t, r.State))
}

// An edit by one of Scalelite's tasks is taken over by the leader, and then by its followers.
func TestRedis_Edited(t *testing.T) {
	url := servers.Redis(t).URL()
	r := dial(t, url, 0)
	m, s := open(t, r, "")
	must(t, s.CreateServer(t.Context(), store.Server{
		ID: "bbb1", URL: "https://bbb1.example.org/bigbluebutton/api", Secret: "x", Weight: 1, State: store.Enabled,
	}))
	must(t, m.Refresh(t.Context()))
	db, err := redis.Open(t.Context(), redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace})
	must(t, err)
	follower, fs := open(t, mirrored{db.State(), db}, "", several)
	defer closing(t, follower)
	must(t, client(t, url).HSet(t.Context(), "scalelite:server:bbb1", "load_multiplier", "4.0").Err())
	for _, m := range []*mirror.Mirror{m, follower} {
		must(t, m.Refresh(t.Context()))
	}
	for who, s := range map[string]store.State{"leader": s, "follower": fs} {
		if got, err := s.Server(t.Context(), "bbb1"); err != nil || got.Weight != 0.25 {
			t.Errorf("%s: weight %v, %v", who, got.Weight, err)
		}
	}
}

// The leader dies in the midst of writes as Redis is emptied. The next knows what the leader has told its followers of, has
// the rest from its own copy, and puts all of it back.
func TestRedis_LeaderDiesOfIt(t *testing.T) {
	url := servers.Redis(t).URL()
	a := dial(t, url, 0)
	m, s := open(t, a, "")
	db, err := redis.Open(t.Context(), redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace})
	must(t, err)
	b := mirrored{db.State(), db}
	next, ns := open(t, b, "", several)
	defer closing(t, next)
	must(t, s.CreateServer(t.Context(), store.Server{ID: "bbb1", Secret: "x", Weight: 1, State: store.Enabled}))
	must(t, next.Refresh(t.Context()))
	w := write(s, 2)
	w.await(t, 50)
	close(w.stop)
	w.done.Wait()
	told, err := s.Claims(t.Context())
	must(t, err)
	must(t, client(t, url).FlushDB(t.Context()).Err())
	must(t, m.Close())
	if err := next.Refresh(t.Context()); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a follower puts back: %v", err)
	}
	b.lead(t)
	next.Attach(mirror.Hooks{
		Leading: leading(t.Context()).Leading,
		Known: func() (list []store.Row) {
			for _, c := range told {
				list = append(list, known(t, c)...)
			}
			return list
		},
	})
	must(t, next.Refresh(t.Context()))
	w.check(t, "mirror", ns)
	w.check(t, "redis", b.State)
	if list, err := b.Servers(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("servers: %v, %v", list, err)
	}
}

// What was restored stands, however new the copy is that an instance has from before, and whatever waited there: in another Redis
// and in the same one. Nothing is healed over it; and a Redis that has lost that it was restored is told again.
func TestRedis_Restored(t *testing.T) {
	for name, other := range map[string]bool{"the same": false, "another": true} {
		t.Run(name, func(t *testing.T) {
			url, dir, ctx := servers.Redis(t).URL(), t.TempDir(), t.Context()
			m, s := open(t, dial(t, url, 0), dir)
			_, err := s.CreateClaim(ctx, claim("of yesterday", "bbb1"))
			must(t, err)
			backup := rowsOf(t, s)
			_, err = s.CreateClaim(ctx, claim("of today", "bbb1"))
			must(t, err)
			must(t, s.CreateServer(ctx, store.Server{ID: "bbb1", URL: "https://bbb1/"}))
			must(t, m.Close())

			if other {
				url = servers.Redis(t).URL()
			}
			mover := dial(t, url, 0)
			must(t, mover.Wipe(ctx))
			must(t, mover.Load(ctx, backup))
			must(t, mover.SettleNow(ctx))

			m, s = open(t, dial(t, url, 0), dir)
			same(t, "read", rowsOf(t, s), backup)
			same(t, "kept", rowsOf(t, mover.State), backup)
			if healed := m.Healed(); healed.Records() != 0 {
				t.Errorf("healed %+v", healed)
			}
			must(t, m.Close())
			m, s = open(t, dial(t, url, 0), dir)
			defer closing(t, m)
			home, err := mover.Home(ctx)
			must(t, err)
			lease := client(t, url).HGetAll(ctx, "scalelite:bbbpool:lease").Val()
			must(t, client(t, url).FlushDB(ctx).Err())
			must(t, client(t, url).HSet(ctx, "scalelite:bbbpool:lease", lease).Err())
			must(t, m.Refresh(ctx))
			same(t, "healed", rowsOf(t, s), backup)
			if now, err := mover.Home(ctx); err != nil || now != home {
				t.Errorf("the home was %d and is %d, %v", home, now, err)
			}
		})
	}
}
