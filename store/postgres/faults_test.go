package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// soon is a deadline of calls that a sick database makes wait for.
const soon = 300 * time.Millisecond

// sick is a database, with what can be done to it.
type sick struct {
	server *daemon.Postgres
	url    string
	name   string // of the database
	wire   *wire
	db     *postgres.DB
}

// admin runs statements in a session of somebody else, and alter in one that has another database.
func (s *sick) admin(t *testing.T, sql string) { run(t, s.url, sql) }

// alter changes a setting of the database, and cuts all its connections: the server those that it knows, the wire those that
// have begun under the old setting and are not known yet. The pool makes new ones whenever it likes.
func (s *sick) alter(t *testing.T, setting string) {
	run(t, strings.Replace(s.url, s.name, "postgres", 1), "ALTER DATABASE "+s.name+" "+setting+
		"; SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '"+s.name+"'")
	s.wire.cut()()
}

// crowd takes all connections that the server has. While it does nobody else gets one by the wire, and what was there may take
// a moment to end.
func (s *sick) crowd(t *testing.T) (leave func()) {
	defer s.wire.cut()()
	var held []*pgx.Conn
	for deadline := time.Now().Add(time.Minute); len(held) < places; {
		conn, err := pgx.Connect(t.Context(), s.url)
		var full *pgconn.PgError
		switch {
		case err == nil:
			held = append(held, conn)
		case !errors.As(err, &full) || full.Code != noneLeft || time.Now().After(deadline):
			t.Fatalf("%d of %d connections: %v", len(held), places, err)
		}
	}
	return func() {
		for _, conn := range held {
			_ = conn.Close(context.WithoutCancel(t.Context()))
		}
	}
}

// places is how many connections the server has, and noneLeft what it says when there is none left.
const (
	places   = 12
	noneLeft = "53300"
)

// wire is a way to a server that can be cut, and be as if cut in the middle: nothing comes through, and nobody is told.
type wire struct {
	net.Listener
	gate sync.RWMutex // held alone while it is frozen
	mu   sync.Mutex   // held while a connection is made
	ends []net.Conn   // of all that were made since the last cut
}

// wireTo leads to a server.
func wireTo(t *testing.T, addr string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			w.lead(from, addr)
		}
	}()
	return w
}

// lead makes a connection to the server for one to the wire.
func (w *wire) lead(from net.Conn, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	to, err := net.Dial("tcp", addr)
	if err != nil {
		_ = from.Close()
		return
	}
	w.ends = append(w.ends, from, to)
	go w.pass(from, to)
	go w.pass(to, from)
}

// cut ends all connections, and makes none until mend.
func (w *wire) cut() (mend func()) {
	w.mu.Lock()
	for _, end := range w.ends {
		_ = end.Close()
	}
	w.ends = nil
	return w.mu.Unlock
}

func (w *wire) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	for buffer := make([]byte, 4096); ; {
		n, err := from.Read(buffer)
		w.gate.RLock()
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		w.gate.RUnlock()
		if err != nil {
			return
		}
	}
}

// freeze lets nothing through until it thaws.
func (w *wire) freeze() (thaw func()) {
	w.gate.Lock()
	return w.gate.Unlock
}

// holding begins a transaction of somebody else that goes on until release.
func (s *sick) holding(t *testing.T, sql string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "BEGIN; "+sql); err != nil {
		t.Fatal(err)
	}
	return func() { _ = conn.Close(context.WithoutCancel(t.Context())) }
}

const cutAll = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`

// faults make a database sick, and heal it. Of those that are only there for writes, reads go on.
var faults = []struct {
	name  string
	harm  func(t *testing.T, s *sick) (heal func())
	reads bool
}{
	{"cut", func(t *testing.T, s *sick) func() {
		s.alter(t, "ALLOW_CONNECTIONS false")
		return func() { s.alter(t, "ALLOW_CONNECTIONS true") }
	}, false},
	{"stopped", func(t *testing.T, s *sick) func() { s.server.Stop(); return func() { s.server.Start(t) } }, false},
	{"killed", func(t *testing.T, s *sick) func() { s.server.Kill(); return func() { s.server.Start(t) } }, false},
	{"hangs, and was away", func(_ *testing.T, s *sick) func() {
		s.server.Pause()
		s.wire.cut()()
		return s.server.Continue
	}, false},
	{"hangs", func(_ *testing.T, s *sick) func() { return s.wire.freeze() }, false},
	{"locked", func(t *testing.T, s *sick) func() {
		return s.holding(t, "LOCK TABLE bbbpool.rows, public.recordings IN ACCESS EXCLUSIVE MODE")
	}, false},
	{"locked against writes", func(t *testing.T, s *sick) func() {
		return s.holding(t, "LOCK TABLE bbbpool.rows IN SHARE ROW EXCLUSIVE MODE")
	}, true},
	{"slow", func(t *testing.T, s *sick) func() {
		return s.trigger(t, "PERFORM pg_sleep(60)")
	}, true},
	{"disk full", func(t *testing.T, s *sick) func() {
		return s.trigger(t, "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'")
	}, true},
	{"read-only", func(t *testing.T, s *sick) func() {
		s.alter(t, "SET default_transaction_read_only = on")
		return func() { s.alter(t, "RESET default_transaction_read_only") }
	}, true},
	{"too many connections", func(t *testing.T, s *sick) func() { return s.crowd(t) }, false},
}

// trigger does something at each write of ours, as a sick disk would.
func (s *sick) trigger(t *testing.T, what string) (remove func()) {
	s.admin(t, fmt.Sprintf(`CREATE FUNCTION bbbpool.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s; RETURN NEW; END $$;
		CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON bbbpool.rows FOR EACH ROW EXECUTE FUNCTION bbbpool.fault()`, what))
	return func() { s.admin(t, "DROP FUNCTION bbbpool.fault() CASCADE") }
}

// Whatever the database has, each call ends with the word for it, leaves nothing half written, and the next one after it is
// well again succeeds, without anything being opened again.
func TestFaults(t *testing.T) {
	server := daemon.NewPostgres(t, fmt.Sprint("max_connections=", places), "superuser_reserved_connections=0")
	t.Cleanup(server.Remove)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			url := server.URL(t)
			s := &sick{server: server, url: url, name: path.Base(url), wire: wireTo(t, server.Addr)}
			through := strings.Replace(url, server.Addr, s.wire.Addr().String(), 1)
			healed(t, func() (err error) { // a busy machine may need longer than is soon
				s.db, err = postgres.Open(t.Context(), postgres.Config{URL: store.Secret(through + "?pool=4"), Timeout: soon})
				return err
			})
			t.Cleanup(func() { _ = s.db.Close() })
			i := s.db.Index()
			recording := store.Recording{RecordID: "r", Tenant: "t", Name: "old", State: store.Published, Meta: map[string]string{"a": "1"}}
			healed(t, func() error { return store.Ignore(i.CreateRecording(t.Context(), recording), store.ErrExists) })
			heal := f.harm(t, s)
			for range 2 {
				sickCalls(t, i, f.reads)
			}
			heal()
			well(t, i, recording)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sickCalls makes some of all kinds of calls at once, in vain; only reads may go on.
func sickCalls(t *testing.T, i store.Index, reads bool) {
	t.Helper()
	rename := func(r *store.Recording) error {
		r.Tenant, r.Name, r.State, r.Meta = "t", "new", store.Unpublished, map[string]string{"b": "2"}
		return nil
	}
	calls := map[string]func() error{
		"update": func() error {
			_, err := i.UpdateRecording(t.Context(), "t", "r", rename)
			return err
		},
		"commit": func() error {
			_, err := i.Commit(t.Context(), store.Job{ID: "j"}, []string{"r", "r2"}, rename)
			return err
		},
		"session": func() error {
			return i.AddSession(t.Context(), store.Session{ID: "s", Tenant: "t"}, store.Along{Used: []store.Usage{{Day: "2026-01-05", Tenant: "t", Joins: 1}}})
		},
		"audit": func() error { return i.AddAudit(t.Context(), store.Audit{ID: "a"}) },
		"read": func() error {
			_, _, err := i.Recordings(t.Context(), store.RecordingFilter{Tenant: "t"})
			return err
		},
	}
	var wg sync.WaitGroup
	for name, call := range calls {
		wg.Go(func() {
			if err := call(); !errors.Is(err, store.ErrAway) && (name != "read" || !reads || err != nil) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
}

// healed makes a call until the database is there again.
func healed(t *testing.T, call func() error) {
	t.Helper()
	err := store.ErrAway
	for tries := 0; errors.Is(err, store.ErrAway) && tries < 200; tries++ {
		err = call()
	}
	must(t, err)
}

// well waits until all is well, and looks for what should not have been written before.
func well(t *testing.T, i store.Index, recording store.Recording) {
	t.Helper()
	var all []store.Recording
	var total, jobs, used int
	healed(t, func() (err error) {
		all, total, err = i.Recordings(t.Context(), store.RecordingFilter{AllTenants: true})
		return err
	})
	if total != 1 || len(all) != 1 || !cmp.Equal(all[0], recording, cmpopts.EquateEmpty()) {
		t.Errorf("recordings: %d, %+v", total, all)
	}
	healed(t, func() error {
		list, err := i.Jobs(t.Context(), store.JobFilter{})
		days, err2 := i.Usage(t.Context(), store.UsageFilter{})
		_, err3 := i.Session(t.Context(), "s")
		jobs, used = len(list), len(days)
		return errors.Join(err, err2, store.Ignore(err3, store.ErrNotFound))
	})
	if jobs+used != 0 {
		t.Errorf("half written: %d jobs, %d days", jobs, used)
	}
	healed(t, func() error {
		_, err := i.UpdateRecording(t.Context(), "t", "r", func(r *store.Recording) error { r.Name = "well"; return nil })
		return err
	})
}

// A connection that is cut while a closure runs, and before the commit, leaves nothing behind.
func TestFaults_CutInTransaction(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	db := open(t, postgres.Config{URL: store.Secret(url)})
	i := db.Index()
	must(t, i.CreateRecording(t.Context(), store.Recording{RecordID: "r", Tenant: "t", Name: "old"}))
	_, err := i.Commit(t.Context(), store.Job{ID: "j"}, []string{"r"}, func(r *store.Recording) error {
		run(t, url, cutAll)
		r.Name = "new"
		return nil
	})
	if !errors.Is(err, store.ErrAway) {
		t.Errorf("commit: %v", err)
	}
	well(t, i, store.Recording{RecordID: "r", Tenant: "t", Name: "old"})
}
