package instances_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// book is a part of the pool that the leader writes and all know.
type book struct {
	mu    sync.Mutex
	lines []string
	tell  map[int]func([]byte)
	next  int
}

func (b *book) Tell(send func([]byte)) func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	all, _ := json.Marshal(b.lines) //nolint:errchkjson // lines
	send(all)
	if b.tell == nil {
		b.tell = map[int]func([]byte){}
	}
	id := b.next
	b.next++
	b.tell[id] = send
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.tell, id)
	}
}

func (b *book) Hear(frame []byte, first bool) error {
	var lines []string
	if err := json.Unmarshal(frame, &lines); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if first {
		b.lines = nil
	}
	b.lines = append(b.lines, lines...)
	return nil
}

func (b *book) Take(frame []byte) error {
	b.write("reported " + string(frame))
	return nil
}

// write adds a line at the leader.
func (b *book) write(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
	frame, _ := json.Marshal([]string{line}) //nolint:errchkjson // a line
	for _, send := range b.tell {
		send(frame)
	}
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, " ")
}

// process is an instance with a pool that has one part.
type process struct {
	*instances.Instance

	book   *book
	report func([]byte)
	db     *redis.DB
	stop   func() // as when it is told to end
}

const leaseTime = 600 * time.Millisecond

// start starts an instance on a Redis, once it is prepared.
func start(t *testing.T, url store.Secret, prepare ...func(*process)) *process {
	t.Helper()
	return startAt(t, url, "", prepare...)
}

// startAt is start of one that tells others that address.
func startAt(t *testing.T, url store.Secret, address string, prepare ...func(*process)) *process {
	t.Helper()
	db, err := redis.Open(t.Context(), redis.Config{URL: url, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{db: db, book: &book{}}
	if p.Instance, err = instances.Open(t.Context(), instances.Parts{
		Config: instances.Config{Listen: "127.0.0.1:0", Address: address, Lease: leaseTime}, Data: t.TempDir(), Version: "test", Schema: 6,
		Leases: db.Leases(), Instances: db.Instances(), Keys: db, Log: zerolog.Nop(),
	}); err != nil {
		t.Fatal(err)
	}
	p.News("book", p.book)
	p.Reports("book", p.book)
	p.report = p.Report("book")
	p.Lead(func(ctx context.Context, _ uint64, ready func()) error {
		ready()
		<-ctx.Done()
		return nil
	})
	p.Serve(p.Counted(http.HandlerFunc(p.serve)), func(context.Context) []string { return []string{"none of " + p.ID()} })
	for _, do := range prepare {
		do(p)
	}
	p.run(t)
	return p
}

// run runs it in the order in which a pool does.
func (p *process) run(t *testing.T) {
	list := []instances.Runner{p.Run, p.Keeper(), p.Handover()}
	stops := make([]func(), len(list))
	for n, runner := range list {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := runner.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		stops[n] = func() { cancel(); <-done }
	}
	p.stop = sync.OnceFunc(func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
		_ = p.db.Close()
	})
	t.Cleanup(p.stop)
}

// serve is what front ends talk to: a write is decided, everything else answered by whoever knows it.
func (p *process) serve(w http.ResponseWriter, r *http.Request) {
	line := r.URL.Query().Get("line")
	if !p.Leading() {
		body, _ := io.ReadAll(r.Body)
		if !p.HandOn(w, r, body) {
			http.Error(w, "no leader", http.StatusServiceUnavailable)
		}
		return
	}
	p.book.write(line)
	_, _ = fmt.Fprint(w, p.ID())
}

// write has an instance write a line, whoever decides it, and returns who has.
func (p *process) write(t *testing.T, line string) string {
	t.Helper()
	w := httptest.NewRecorder()
	p.serve(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/bigbluebutton/api/create?line="+line, nil))
	if w.Code != http.StatusOK {
		t.Errorf("write %s: %d %s", line, w.Code, w.Body)
	}
	return w.Body.String()
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for ; !so(); time.Sleep(2 * time.Millisecond) {
		if t.Context().Err() != nil {
			t.Fatal(what)
		}
	}
}

// all waits until an instance knows exactly what was written.
func (p *process) all(t *testing.T, want string) {
	t.Helper()
	eventually(t, "it knows "+p.book.String(), func() bool { return p.book.String() == want && p.Fresh() })
}

// of returns the one of several that has an ID, and those that have not.
func of(id string, all ...*process) (it *process, others []*process) {
	for _, p := range all {
		if p.ID() == id {
			it = p
		} else {
			others = append(others, p)
		}
	}
	return it, others
}

// Three instances are one pool: whoever is asked, one decides and all know. When the leader hands on the lead, or loses what it
// needs, another one goes on with all that was known, and what is asked meanwhile waits.
func TestInstances(t *testing.T) {
	url := store.Secret(servers.Redis(t).URL())
	a, b, c := start(t, url), start(t, url), start(t, url)
	leader := a.write(t, "1")
	first, rest := of(leader, a, b, c)
	if b.write(t, "2") != leader || c.write(t, "3") != leader {
		t.Error("two have decided")
	}
	for _, p := range rest {
		p.all(t, "1 2 3")
	}
	rest[0].report([]byte("4"))
	rest[1].all(t, "1 2 3 reported 4")

	list, err := rest[0].List(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, one := range list {
		leads, self := one.ID == leader, one.ID == rest[0].ID()
		if leads != (one.State == v1.Leading) || self != one.Self || leads == (one.LagMS != nil) || one.Problems[0] != "none of "+one.ID {
			t.Errorf("%+v", one)
		}
	}
	if !a.Knows(t.Context(), 6) || a.Knows(t.Context(), 7) {
		t.Error("it does not know which schema all know")
	}
	raised := make(chan int, 2)
	for _, schema := range []int{7, 6} { // the one that not all know is not raised, though it was to be first
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_ = a.Raising(schema, func(context.Context) error { raised <- schema; cancel(); return nil }).Run(ctx)
		cancel()
	}
	if schema := <-raised; schema != 6 || len(raised) != 0 {
		t.Errorf("schema %d is raised, and not all know it", schema)
	}

	if err := rest[0].StepDown(t.Context(), leader); err != nil {
		t.Fatal(err)
	}
	second := first.write(t, "5")
	if second == leader {
		t.Error("it leads again")
	}
	if err := rest[0].StepDown(t.Context(), "nobody"); err == nil {
		t.Error("nobody has stepped down")
	}
	lead, others := of(second, a, b, c)
	for _, p := range others {
		p.all(t, "1 2 3 reported 4 5")
	}

	_ = lead.db.Close() // it cannot renew any more, nor say that it goes
	eventually(t, "it leads without a lease", func() bool { return !lead.Leading() })
	third := others[0].write(t, "6")
	if third == second {
		t.Error("it still decides")
	}
	for _, p := range others {
		p.all(t, "1 2 3 reported 4 5 6")
	}
	lead.stop()

	last, others := of(third, others...)
	last.stop()
	if others[0].write(t, "7") != others[0].ID() {
		t.Error("somebody else decides")
	}
	if err := others[0].StepDown(t.Context(), others[0].ID()); err == nil {
		t.Error("the last one has stepped down")
	}
}

// One alone that ends in order leaves a lease that the next one has at once.
func TestInstances_Alone(t *testing.T) {
	url := store.Secret(servers.Redis(t).URL())
	a := start(t, url)
	a.write(t, "1")
	eventually(t, "it does not lead for a lease time", func() bool {
		_, cancel, ok := a.May(t.Context())
		cancel()
		return ok
	})
	a.stop()
	began := time.Now()
	b := start(t, url)
	if _, cancel, ok := b.May(t.Context()); ok {
		t.Error("it may end something at once")
		cancel()
	}
	b.write(t, "2")
	if took := time.Since(began); took > leaseTime/2 {
		t.Logf("it took %s", took)
	}
	if p := b.Problems(t.Context()); len(p) > 0 {
		t.Errorf("%+v", p)
	}
}
