package assembly_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// outage is a pool of one instance that is started while its databases are away.
type outage struct {
	testing.TB

	redis    *daemon.Redis
	postgres *daemon.Postgres
	sim      *simulator.Simulator
	o        assembly.Options
	pool     *assembly.Pool
	stop     func() error
}

// newOutage starts a pool, with a Redis of its own and perhaps a PostgreSQL, and simulated servers.
func newOutage(t testing.TB, postgres bool, redis ...string) *outage {
	t.Helper()
	a := &outage{TB: t, redis: daemon.NewRedis(t, redis...), postgres: servers.Postgres(t), o: options(t)}
	t.Cleanup(a.redis.Remove)
	if postgres {
		a.postgres = daemon.NewPostgres(t)
		t.Cleanup(a.postgres.Remove)
	}
	a.o.Settings.Stores.RedisURL, a.o.Settings.Stores.DatabaseURL = store.Secret(a.redis.URL()), store.Secret(a.postgres.URL(t))
	a.o.Settings.Instances.Listen, a.o.Settings.Instances.Lease = "127.0.0.1:0", 500*time.Millisecond
	a.o.Settings.Poller.Interval = 200 * time.Millisecond
	var err error
	if a.sim, err = simulator.New(simulator.Config{Servers: 2}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	a.start()
	ready(t, a.pool)
	for _, s := range a.sim.Servers() {
		one := v1.NewServer{ID: s.ID(), URL: s.URL(), Secret: v1.Secret(s.Secret()), Enable: true, Force: true}
		if _, err := a.client().Servers.Add(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (a *outage) client() *v1.Client {
	return v1.NewClient(v1.HandlerTransport(a.pool.Administration()), "http://pool", "")
}

func (a *outage) start() {
	a.Helper()
	a.pool = open(a, a.o)
	a.stop = run(a, a.pool)
}

// end ends the pool, once it knows that it is alone, and has looked at what it has written.
func (a *outage) end() {
	a.Helper()
	a.await("nobody else is there", func() bool { return a.pool.Instance.Alone() })
	a.looked()
	if err := a.stop(); err != nil {
		a.Fatal(err)
	}
}

// looked waits until the mirror has looked at what the pool has written.
func (a *outage) looked() {
	a.Helper()
	a.await("the mirror has looked", func() bool {
		n, err := a.pool.Stores.Sequence(a.Context())
		return err == nil && n > 1<<40
	})
}

// await waits until something is so.
func (a *outage) await(what string, is func() bool) {
	a.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.Fatalf("it is not so that %s: %v", what, a.pool.Problems.List(a.Context()))
		}
	}
}

// succeeds makes a call that is answered with SUCCESS.
func (a *outage) succeeds(name, query string) string {
	a.Helper()
	answer := call(a, a.pool, secret, name, query)
	if !strings.Contains(answer, "<returncode>SUCCESS</returncode>") {
		a.Errorf("%s %s: %s", name, query, answer)
	}
	return answer
}

// joins has somebody let into a meeting.
func (a *outage) joins(meeting string) {
	a.Helper()
	answer := a.succeeds("join", "meetingID="+meeting+"&fullName=Ada&password=mp&redirect=false")
	if element(answer, "meeting_id") == "" {
		a.Errorf("join of %s: %s", meeting, answer)
	}
}

// isReady tells whether the pool says that it is ready, with whatever it says beside that.
func (a *outage) isReady() bool {
	status, _ := get(a, a.pool.Addr(), "/readyz")
	return status == http.StatusOK
}

// said tells whether a problem of a store is among those of the pool, and beside its readiness.
func (a *outage) said(name string) bool {
	_, body := get(a, a.pool.Addr(), "/readyz")
	return strings.Contains(body, name)
}

// copies is on how many servers a meeting is.
func (a *outage) copies(meeting string) (n int) {
	for _, s := range a.sim.Servers() {
		for _, m := range s.Meetings() {
			if m.MeetingID == meeting {
				n++
			}
		}
	}
	return n
}

// An instance starts while Redis is away, or PostgreSQL as well: the meetings of before are known, it creates new ones, and says
// what it lacks. Once the databases are there again they have all of it, and nothing was placed twice.
func TestOpen_Away(t *testing.T) {
	kept := []string{"--appendonly", "yes", "--appendfsync", "always"}
	for _, c := range []struct {
		name            string
		redis, postgres bool
		args            []string
	}{
		{"Redis, which comes back empty", true, false, nil}, {"both", true, true, kept},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newOutage(t, c.postgres, c.args...)
			made := a.succeeds("create", "meetingID=before&name=Before&moderatorPW=mp")
			a.succeeds("create", "meetingID=over&name=Over&moderatorPW=mp")
			token, _, err := a.pool.Tokens.Add(t.Context(), access.New{Name: "night", Scopes: []string{"read"}})
			if err != nil {
				t.Fatal(err)
			}
			a.end()
			if c.redis {
				a.redis.Kill()
			}
			if c.postgres {
				a.postgres.Kill()
			}
			a.start()
			a.await("it is ready", a.isReady)
			if info := a.succeeds("getMeetingInfo", "meetingID=before"); element(info, "internalMeetingID") != element(made, "internalMeetingID") {
				t.Errorf("another meeting: %s\n%s", info, made)
			}
			a.joins("before")
			a.succeeds("create", "meetingID=meanwhile&name=Meanwhile&moderatorPW=mp")
			a.joins("meanwhile")
			a.succeeds("end", "meetingID=over&password=mp")
			a.succeeds("getMeetings", "")
			if c.redis && !a.said("(REDIS_URL) does not answer") || c.postgres && !a.said("(DATABASE_URL) does not answer") {
				t.Error("readiness does not say what is away")
			}
			a.owes(c.redis)
			if _, _, ok := a.pool.Tokens.Find(token.Reveal()); ok == c.postgres {
				t.Errorf("a token that is kept in the index is good: %v", ok)
			}
			if answer := call(t, a.pool, secret, "getRecordings", ""); strings.Contains(answer, "FAILED") != c.postgres {
				t.Errorf("recordings: %s", answer)
			}

			if c.redis {
				a.redis.Start(t)
			}
			if c.postgres {
				a.postgres.Start(t)
			}
			a.catchesUp(token.Reveal())
			a.end()
			a.start() // from what the databases have
			a.await("it is ready", a.isReady)
			for _, meeting := range []string{"before", "meanwhile"} {
				a.joins(meeting)
				if n := a.copies(meeting); n != 1 {
					t.Errorf("%s is on %d servers", meeting, n)
				}
			}
		})
	}
}

// owes checks what the metrics say of whether Redis has the lease.
func (a *outage) owes(want bool) {
	a.Helper()
	line := "\nbbbpool_instance_lease_owed 0\n"
	if want {
		line = "\nbbbpool_instance_lease_owed 1\n"
	}
	if _, page := get(a, a.pool.Addr(), "/metrics"); !strings.Contains(page, line) {
		a.Errorf("the metrics do not say that it owes the lease: %v", want)
	}
}

// catchesUp waits until the databases have all that there is, and nothing is missing any more.
func (a *outage) catchesUp(token string) {
	a.Helper()
	a.await("Redis has the lease", func() bool { return !a.pool.Instance.Owes() })
	a.owes(false)
	a.await("nothing is away", func() bool { return !a.said("does not answer") })
	a.await("Redis has the meetings", func() bool {
		list, err := a.pool.Stores.Redis.State().Claims(a.Context())
		return err == nil && len(list) == 2
	})
	a.await("the history has the session", func() bool {
		list, err := a.pool.Stores.Index.SessionsSince(a.Context(), time.Time{}, "", 10)
		return err == nil && len(list) == 1
	})
	a.await("the token is good", func() bool { _, _, ok := a.pool.Tokens.Find(token); return ok })
	a.succeeds("getRecordings", "")
	ready(a, a.pool)
}

// One of several instances that is started while Redis is away lets people into the meetings there are, tells what it has last
// heard, and decides nothing until there is a leader again.
func TestOpen_AwaySeveral(t *testing.T) {
	t.Parallel()
	a := newOutage(t, false, "--appendonly", "yes", "--appendfsync", "always")
	a.succeeds("create", "meetingID=before&name=Before&moderatorPW=mp")
	first := a.pool
	a.o.Data = options(t).Data
	a.start()
	a.await("it knows the meeting", a.isReady)
	a.await("both know each other", func() bool { return !a.pool.Instance.Alone() && !first.Instance.Alone() })
	a.await("the mirror has looked", func() bool { return a.pool.Instance.Fresh() })
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	a.redis.Kill()
	a.start()
	a.await("it says what is missing", func() bool { return a.pool.Instance.Missing() != "" })
	a.await("it lets people in", func() bool {
		return strings.Contains(call(t, a.pool, secret, "join", "meetingID=before&fullName=Ada&password=mp&redirect=false"), "meeting_id")
	})
	why, client := "", a.client()
	client.Heard = func(said string) { why = said }
	st, err := client.Pool.Status(t.Context())
	if err != nil || !strings.Contains(why, "(REDIS_URL) does not answer") || st.Meetings != 1 || st.Servers.Total != 2 || st.Leader != "" {
		t.Errorf("status: %+v, %v; marked %q", st, err, why)
	}
	if a.isReady() || a.pool.Instance.Owes() {
		t.Error("it is ready, or leads")
	}
	a.redis.Start(t)
	a.await("it is ready", a.isReady)
	a.succeeds("create", "meetingID=after&name=After&moderatorPW=mp")
	for _, meeting := range []string{"before", "after"} {
		if n := a.copies(meeting); n != 1 {
			t.Errorf("%s is on %d servers", meeting, n)
		}
	}
}

// One that was alone leads without Redis, while another one is started that reaches it: when the first reaches it, too, it follows,
// and the meeting that it has made is known.
func TestOpen_AwayOther(t *testing.T) {
	t.Parallel()
	a := newOutage(t, false)
	a.succeeds("create", "meetingID=before&name=Before&moderatorPW=mp")
	a.end()
	direct, way := a.o.Settings.Stores.RedisURL, free(t)
	a.o.Settings.Stores.RedisURL = store.Secret(strings.Replace(direct.Reveal(), a.redis.Addr, way, 1))
	a.start()
	first := a.pool
	a.await("it leads", first.Instance.Leading)
	a.await("it is ready", a.isReady)
	a.succeeds("create", "meetingID=meanwhile&name=Meanwhile&moderatorPW=mp")

	a.o.Settings.Stores.RedisURL, a.o.Data = direct, options(t).Data
	a.start()
	a.await("the other one leads", a.pool.Instance.Leading)
	a.await("it is ready", a.isReady)
	a.joins("before")
	listener, err := net.Listen("tcp", way)
	if err != nil {
		t.Fatal(err)
	}
	there := &line{Listener: listener, to: a.redis.Addr}
	go there.serve()
	t.Cleanup(there.sever)
	a.await("the first one follows", func() bool { return !first.Instance.Leading() && first.Instance.Fresh() })
	if !a.pool.Instance.Leading() {
		t.Error("the other one leads no more")
	}
	for _, p := range []*assembly.Pool{first, a.pool} {
		a.pool = p
		a.await("the meeting is known", func() bool {
			return strings.Contains(call(t, p, secret, "getMeetingInfo", "meetingID=meanwhile"), "SUCCESS")
		})
		a.joins("before")
		a.joins("meanwhile")
		ready(t, p)
	}
	if n := a.copies("meanwhile"); n != 1 {
		t.Errorf("it is on %d servers", n)
	}
}

// The first start of all does not need PostgreSQL: what is history by the time that it is there is written then, in tables that are
// made for it.
func TestOpen_AwayIndexAtFirst(t *testing.T) {
	t.Parallel()
	o, way := options(t), free(t)
	o.Settings.Stores.DatabaseURL = store.Secret(strings.Replace(servers.Postgres(t).URL(t), servers.Postgres(t).Addr, way, 1))
	sim, err := simulator.New(simulator.Config{Servers: 1})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	enlist(t, o.Data, sim.Servers(), nil)
	a := &outage{TB: t, sim: sim, o: o}
	a.start()
	a.await("it is ready", a.isReady)
	a.succeeds("create", "meetingID=room&name=Room&moderatorPW=mp")
	a.joins("room")
	a.succeeds("end", "meetingID=room&password=mp")
	if answer := call(t, a.pool, secret, "getRecordings", ""); !strings.Contains(answer, "FAILED") || !a.said("(DATABASE_URL) does not answer") {
		t.Errorf("recordings: %s", answer)
	}
	listener, err := net.Listen("tcp", way)
	if err != nil {
		t.Fatal(err)
	}
	there := &line{Listener: listener, to: servers.Postgres(t).Addr}
	go there.serve()
	t.Cleanup(there.sever)
	var list []store.Session
	a.await("the history has the session", func() bool {
		list, err = a.pool.Stores.Index.SessionsSince(t.Context(), time.Time{}, "", 10)
		return err == nil && len(list) == 1
	})
	a.succeeds("getRecordings", "")
	name := list[0].Meeting
	if again := a.pool.Ledger.Hash(store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "room"}); again != name {
		t.Errorf("the room is called %s in the history, and %s from now on", name, again)
	}
	ready(t, a.pool)
}

// The first start finds no copy of what is in Redis: it waits for it for a while, and ends with what to do.
func TestOpen_AwayAtFirst(t *testing.T) {
	o := options(t)
	o.Settings.Stores.RedisURL, o.Patience = store.Secret("redis://"+free(t)+"/0"), time.Millisecond
	o.Settings.Instances.Listen = "127.0.0.1:0"
	p, err := assembly.Open(t.Context(), o)
	if err == nil {
		_ = p.Close()
	}
	if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "no copy") || !strings.Contains(err.Error(), "start bbbpool again") {
		t.Errorf("%v", err)
	}
}
