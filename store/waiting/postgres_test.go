package waiting_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
	"github.com/bbbpool/bbbpool/store/waiting"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// A PostgreSQL is killed, hangs and is stopped while meetings end, and what waits is written by one who dies, and by the next:
// every session is there, and everything that was used was counted once.
func TestPostgres_OnceAndNotTwice(t *testing.T) {
	server := daemon.NewPostgres(t)
	defer server.Remove()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: store.Secret(server.URL(t)), Timeout: 300 * time.Millisecond})
	must(t, err)
	defer func() { must(t, db.Close()) }()
	state, err := bolt.Open(t.TempDir())
	must(t, err)
	defer func() { must(t, state.Close()) }()
	config := waiting.Config{
		Index: db.Index(), Journal: state.State(), Pause: 20 * time.Millisecond, Settle: 200 * time.Millisecond,
	}
	x := waiting.New(t.Context(), config)
	stop := start(t, x)
	w := &meetings{x: x.Index(), stop: make(chan struct{})}
	for i := range 3 {
		w.done.Go(func() { w.run(i) })
	}
	w.await(t, 30)
	for range 2 {
		server.Pause()
		w.await(t, 30)
		server.Continue()
		w.await(t, 30)
		server.Kill()
		w.await(t, 30)
		server.Start(t)
		w.await(t, 30)
		stop() // and the next goes on with what waits
		x = waiting.New(t.Context(), config)
		stop = start(t, x)
		w.use(x.Index())
	}
	close(w.stop)
	w.done.Wait()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		list, err := state.State().Waiting(t.Context(), 1)
		must(t, err)
		if len(list) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it waits still: %+v", x.Problems(t.Context()))
		}
	}
	stop()
	w.check(t, x.Index())
}

// start runs an index, and returns what stops it.
func start(t testing.TB, x *waiting.Index) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	return func() {
		cancel()
		must(t, <-done)
	}
}

// meetings end, and are to be noted, as usage is.
type meetings struct {
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	x        store.Index
	sessions map[string]bool
	joins    int
	failed   error
}

func (w *meetings) use(x store.Index) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.x = x
}

func (w *meetings) run(who int) {
	for n := 0; ; n++ {
		select {
		case <-w.stop:
			return
		default:
		}
		w.mu.Lock()
		x := w.x
		w.mu.Unlock()
		s := session(fmt.Sprint("by", who, "-", n))
		w.note(s.ID, 1, x.AddSession(context.Background(), s, along(used(1))))
		w.note("", 2, x.AddUsage(context.Background(), used(2)))
	}
}

func (w *meetings) note(id string, joins int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sessions == nil {
		w.sessions = map[string]bool{}
	}
	if err != nil {
		w.failed = err
		return
	}
	if w.joins += joins; id != "" {
		w.sessions[id] = true
	}
}

// await waits until so many more meetings have ended.
func (w *meetings) await(t testing.TB, more int) {
	t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.sessions)
	}
	want := count() + more
	for deadline := time.Now().Add(30 * time.Second); count() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d meetings in 30 seconds, %v", count(), w.failed)
		}
	}
}

func (w *meetings) check(t testing.TB, x store.Index) {
	t.Helper()
	if w.failed != nil {
		t.Errorf("something was not acknowledged: %v", w.failed)
	}
	list, err := x.SessionsSince(t.Context(), time.Time{}, "", 100_000)
	must(t, err)
	for _, s := range list {
		delete(w.sessions, s.ID)
	}
	if len(w.sessions) > 0 {
		t.Errorf("%d of %d sessions are lost", len(w.sessions), len(list))
	}
	days, err := x.Usage(t.Context(), store.UsageFilter{})
	must(t, err)
	if len(days) != 1 || days[0].Joins != w.joins {
		t.Errorf("counted %+v, and %d joins were told", days, w.joins)
	}
}
