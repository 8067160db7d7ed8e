package assembly_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// line is a connection to a database that can be cut.
type line struct {
	net.Listener

	to    string
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// newLine makes one to an address.
func newLine(t testing.TB, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	one := &line{Listener: l, to: to}
	go one.serve()
	t.Cleanup(one.sever)
	return one
}

func (l *line) serve() {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", l.to)
		if err != nil || !l.add(from, to) {
			_ = from.Close()
			continue
		}
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
	}
}

func (l *line) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conns...)
	return !l.cut
}

// sever cuts it, for good.
func (l *line) sever() {
	_ = l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// through returns an address of a database that leads through a line.
func (l *line) through(t testing.TB, address string) store.Secret {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	return store.Secret(u.String())
}

// cluster is a pool of several instances over simulated servers.
type cluster struct {
	t      testing.TB
	pools  []*member
	sim    *simulator.Simulator
	stores driver.Settings // as a machine has them that has no instance

	dial func(ctx context.Context, network, addr string) (net.Conn, error) // by which the next one reaches others; nil for as usual
}

// member is one of them.
type member struct {
	*assembly.Pool

	redis, postgres *line
	stop            func() error
}

// several starts a pool of some instances, with settings as a test wants them.
func several(t testing.TB, n int, changes ...func(*assembly.Settings)) *cluster {
	t.Helper()
	c := newCluster(t)
	for range n {
		m := c.open(changes...)
		m.stop = run(t, m.Pool)
	}
	c.addServers(n - 1)
	for _, m := range c.pools {
		ready(t, m.Pool)
	}
	return c
}

// newCluster is one without instances, and with simulated servers.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t}
	c.stores.RedisURL, c.stores.DatabaseURL = store.Secret(servers.Redis(t).URL()), store.Secret(servers.Postgres(t).URL(t))
	var err error
	if c.sim, err = simulator.New(simulator.Config{Servers: 2}); err != nil {
		t.Fatal(err)
	}
	c.sim.Start()
	t.Cleanup(c.sim.Close)
	return c
}

// open opens another instance, which does not run.
func (c *cluster) open(changes ...func(*assembly.Settings)) *member {
	t := c.t
	t.Helper()
	o := options(t)
	m := &member{redis: newLine(t, servers.Redis(t).Addr), postgres: newLine(t, servers.Postgres(t).Addr)}
	o.Settings.Stores.RedisURL = m.redis.through(t, c.stores.RedisURL.Reveal())
	o.Settings.Stores.DatabaseURL = m.postgres.through(t, c.stores.DatabaseURL.Reveal())
	o.Settings.Instances.Listen, o.Settings.Instances.Lease = "127.0.0.1:0", time.Second
	for _, change := range changes {
		change(&o.Settings)
	}
	o.Dial = c.dial
	m.Pool = open(t, o)
	c.pools = append(c.pools, m)
	return m
}

// addServers adds the simulated servers by way of an instance.
func (c *cluster) addServers(way int) {
	c.t.Helper()
	client := v1.NewClient(v1.HandlerTransport(c.pools[way].Administration()), "http://pool", "")
	for _, s := range c.sim.Servers() {
		if _, err := client.Servers.Add(c.t.Context(), v1.NewServer{ID: s.ID(), URL: s.URL(), Secret: v1.Secret(s.Secret()), Enable: true, Force: true}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// leader returns who leads, as soon as somebody does, and the others.
func (c *cluster) leader() (leader *member, followers []*member) {
	c.t.Helper()
	for leader == nil {
		followers = nil
		for _, m := range c.pools {
			if m.Instance.Leading() {
				leader = m
			} else {
				followers = append(followers, m)
			}
		}
		time.Sleep(time.Millisecond)
	}
	return leader, followers
}

// succeeds makes a call at an instance, which has to be answered with SUCCESS.
func (c *cluster) succeeds(m *member, name, query string) string {
	c.t.Helper()
	answer := call(c.t, m.Pool, secret, name, query)
	if !strings.Contains(answer, "<returncode>SUCCESS</returncode>") {
		c.t.Errorf("%s %s: %s", name, query, answer)
	}
	return answer
}

// Three instances are one pool: a meeting that was created at one is known at all, and when the leader hands on the lead, loses
// its database or ends, creates go on at the others.
func TestInstances(t *testing.T) {
	c := several(t, 3)
	leader, followers := c.leader()
	answer := c.succeeds(followers[0], "create", "meetingID=room-a&name=Room+A")
	again := c.succeeds(followers[1], "create", "meetingID=room-a&name=Room+A")
	if field := element(answer, "internalMeetingID"); field == "" || element(again, "internalMeetingID") != field {
		t.Errorf("one meeting is two: %s\n%s", answer, again)
	}
	for _, m := range c.pools {
		info := c.succeeds(m, "getMeetingInfo", "meetingID=room-a")
		if element(info, "internalMeetingID") != element(answer, "internalMeetingID") {
			t.Errorf("another meeting: %s", info)
		}
		c.succeeds(m, "getMeetings", "")
	}

	if err := followers[0].Instance.StepDown(t.Context(), leader.Instance.ID()); err != nil {
		t.Fatal(err)
	}
	second, _ := c.leader()
	if second == leader {
		t.Error("it leads on")
	}
	for n, m := range c.pools {
		c.succeeds(m, "create", fmt.Sprintf("meetingID=room-b%d&name=Room+B", n))
		c.succeeds(m, "getMeetingInfo", "meetingID=room-a")
	}

	second.redis.sever()
	began := time.Now()
	for n, m := range c.pools {
		if m != second {
			c.succeeds(m, "create", fmt.Sprintf("meetingID=room-c%d&name=Room+C", n))
			c.succeeds(m, "getMeetingInfo", "meetingID=room-b0")
		}
	}
	t.Logf("creates go on after %s", time.Since(began))
	for second.Instance.Leading() {
		time.Sleep(time.Millisecond)
	}
	third, _ := c.leader()
	var last *member
	for _, m := range c.pools {
		if m != second && m != third {
			last = m
		}
	}
	_ = second.stop()
	if err := third.stop(); err != nil {
		t.Error(err)
	}
	c.succeeds(last, "create", "meetingID=room-d&name=Room+D")
	c.succeeds(last, "getMeetingInfo", "meetingID=room-c0")
}

// Where only Redis is shared each instance would have recordings of its own: the second one is refused, and one that comes back
// after it was killed is not.
func TestInstances_NoDatabase(t *testing.T) {
	redis := store.Secret(servers.Redis(t).URL())
	set := func(data string, database store.Secret) assembly.Options {
		o := options(t)
		o.Data = cmp.Or(data, o.Data)
		o.Settings.Stores.RedisURL, o.Settings.Stores.DatabaseURL = redis, database
		o.Settings.Instances.Listen, o.Settings.Instances.Lease = "127.0.0.1:0", time.Second
		return o
	}
	one := set("", "")
	first := open(t, one)
	stop := run(t, first)
	ready(t, first)
	for _, database := range []store.Secret{"", store.Secret(servers.Postgres(t).URL(t))} {
		second, err := assembly.Open(t.Context(), set("", database))
		if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("the second one, with a database: %v: %v", database != "", err)
		}
		if err == nil {
			_ = second.Close()
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	// What it has announced is there still, as if it had been killed.
	self := store.Instance{ID: "killed", Address: "x:1", Index: "file 0123456789abcdef", Beat: 7}
	db, err := driver.Open(driver.Config{Data: one.Data, Settings: one.Settings.Stores})
	if err == nil {
		err = errors.Join(db.Instances.Announce(t.Context(), self, time.Second), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, one)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// PostgreSQL is needed neither to take the lead nor to have it.
func TestInstances_WithoutIndex(t *testing.T) {
	c := several(t, 2)
	leader, followers := c.leader()
	for _, m := range c.pools {
		m.postgres.sever()
	}
	if err := leader.Instance.StepDown(t.Context(), leader.Instance.ID()); err != nil {
		t.Fatal(err)
	}
	c.succeeds(followers[0], "create", "meetingID=room-a&name=Room+A")
	c.succeeds(leader, "getMeetingInfo", "meetingID=room-a")
	if next, _ := c.leader(); next != followers[0] {
		t.Error("it has not taken the lead")
	}
}

// One instance alone goes on without Redis: there is nobody who could take over.
func TestInstances_Alone(t *testing.T) {
	c := several(t, 1)
	alone, _ := c.leader()
	c.succeeds(alone, "create", "meetingID=room-a&name=Room+A")
	for !alone.Instance.Alone() {
		time.Sleep(time.Millisecond)
	}
	alone.redis.sever()
	until := alone.Instance.Until()
	for alone.Instance.Until().Equal(until) {
		time.Sleep(time.Millisecond)
	}
	c.succeeds(alone, "create", "meetingID=room-b&name=Room+B")
	c.succeeds(alone, "getMeetingInfo", "meetingID=room-a")
	if !alone.Instance.Leading() {
		t.Error("it does not lead any more")
	}
}

// An update: the lead goes from one to the next, each instance is stopped in its turn, and no call fails.
func TestInstances_Update(t *testing.T) {
	c := several(t, 3)
	last := c.pools[2]
	stopped := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range 3 {
		callers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stopped:
					return
				default:
				}
				id := fmt.Sprintf("room-%d-%d", caller, n)
				c.succeeds(last, "create", "meetingID="+id+"&name=Room")
				c.succeeds(last, "getMeetingInfo", "meetingID="+id)
				c.succeeds(last, "getMeetings", "")
			}
		})
	}
	for range 3 {
		leader, _ := c.leader()
		began := time.Now()
		if err := last.Instance.StepDown(t.Context(), leader.Instance.ID()); err != nil {
			t.Error(err)
		}
		t.Logf("another leads after %s", time.Since(began))
	}
	for _, m := range c.pools[:2] {
		if err := m.stop(); err != nil {
			t.Error(err)
		}
	}
	close(stopped)
	callers.Wait()
}
