package storm_test

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// several is a pool of three instances on a Redis and a PostgreSQL, at the address of a balancer.
type several struct {
	*world
	*children.Several

	restoring sync.WaitGroup

	mu        sync.Mutex
	processes []time.Time // when each was killed; zero for never
	down      map[*children.Instance]bool
	runs      map[*children.Instance]int // the process of each
	kills     int
	handed    int     // how often the lead was handed on
	cuts      []lapse // when Redis was cut

	read   sync.Once
	begun  []time.Time         // when somebody began to decide
	ceased map[int][]time.Time // when a process ceased to
	lost   []lapse             // when somebody had lost the lease
}

func newSeveral(t *testing.T) *several {
	t.Helper()
	w := newWorld(t, "several")
	s := &several{world: w, Several: children.NewSeveral(t, 3, childEnv, w.dir), down: map[*children.Instance]bool{}, runs: map[*children.Instance]int{}}
	s.pool = s
	s.base = "http://" + s.balance()
	first := s.Instances[0].Config
	s.enlist(driver.Config{Data: first.Data, Settings: driver.Settings{
		RedisURL: store.Secret(first.Redis), RedisPool: 5, RedisNamespace: "scalelite", MeetingTTL: time.Hour,
		DatabaseURL: store.Secret(first.Postgres), PreparedStatement: "true",
	}})
	for _, in := range s.Instances {
		in.Start(t, s.settings(in))
	}
	t.Cleanup(func() { s.Stop(t) })
	s.Ready(t)
	return s
}

// settings are those of an instance's next process.
func (s *several) settings(in *children.Instance) childConfig {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[in] = len(s.processes)
	s.processes = append(s.processes, time.Time{})
	return childConfig{Config: in.Config, Spool: s.spool, URL: s.base, Epoch: s.runs[in]}
}

// balance has whoever connects to an address talk to one instance after the other, but to none that is dead.
func (s *several) balance() string {
	s.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for next := 0; ; next++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.connect(conn, next)
		}
	}()
	return l.Addr().String()
}

// connect connects somebody with the first instance that lives.
func (s *several) connect(conn net.Conn, first int) {
	defer func() { _ = conn.Close() }()
	for i := range s.Instances {
		at := s.Instances[(first+i)%len(s.Instances)].Config.Listen
		to, err := (&net.Dialer{Timeout: time.Second}).Dial("tcp", at)
		if err != nil {
			continue
		}
		defer func() { _ = to.Close() }()
		go func() {
			_, _ = io.Copy(to, conn)
			_ = to.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(conn, to)
		return
	}
}

// admin is for [pool].
func (s *several) admin() *v1.Client {
	s.t.Helper()
	c, err := v1.NewSocketClient(s.Instances[rand.IntN(len(s.Instances))].Config.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// calm is for [pool].
func (s *several) calm() {
	s.t.Helper()
	s.restoring.Wait()
	s.Ready(s.t)
}

// pick is an instance that lives: the leader as often as another one; nil where there is none.
func (s *several) pick() *children.Instance {
	leader := s.Leader()
	s.mu.Lock()
	defer s.mu.Unlock()
	alive := slices.DeleteFunc(slices.Clone(s.Instances), func(in *children.Instance) bool { return s.down[in] })
	switch {
	case len(alive) == 0:
		return nil
	case slices.Contains(alive, leader) && rand.IntN(2) == 0:
		return leader
	}
	return alive[rand.IntN(len(alive))]
}

// kill ends an instance at once, and starts it again after a while, and others meanwhile.
func (s *several) kill(in *children.Instance) {
	if in.Ended() {
		s.t.Errorf("%s has ended by itself", in.Name)
	}
	s.mu.Lock()
	s.down[in] = true
	s.processes[s.runs[in]] = time.Now()
	s.mu.Unlock()
	in.Kill()
	s.restore(in)
}

// restore starts an instance again.
func (s *several) restore(in *children.Instance) {
	s.restoring.Go(func() {
		time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
		in.Restore(s.t, func() any { return s.settings(in) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.down[in] = false
	})
}

// handOn has the leader leave the lead to another one: because an operator says so, or as it is ended for an upgrade.
func (s *several) handOn() {
	in := s.Leader()
	s.mu.Lock()
	if in == nil || s.down[in] {
		s.mu.Unlock()
		return
	}
	s.handed++
	upgrade := rand.IntN(2) == 0
	s.down[in] = upgrade
	s.mu.Unlock()
	if upgrade {
		in.Signal(syscall.SIGTERM)
		<-in.Done()
		s.restore(in)
		return
	}
	c, err := v1.NewSocketClient(in.Config.Data)
	if err != nil {
		s.t.Error(err)
		return
	}
	list, _ := c.Instances.List(s.t.Context()) // who has no leader any more has nothing to hand on
	for _, one := range list {
		if one.Self {
			_ = c.Instances.StepDown(s.t.Context(), one.ID)
		}
	}
}

// cutRedis cuts an instance, or all of them, from Redis for a while, which may be longer than a lease.
func (s *several) cutRedis() {
	list := s.Instances
	if rand.IntN(2) == 0 {
		if in := s.pick(); in != nil {
			list = []*children.Instance{in}
		}
	}
	from := time.Now()
	for _, in := range list {
		in.ToRedis.Stop()
	}
	time.Sleep(time.Duration(rand.IntN(2500)) * time.Millisecond)
	for _, in := range list {
		if err := in.ToRedis.Start(); err != nil {
			s.t.Error(err)
		}
	}
	s.cuts = append(s.cuts, lapse{from, time.Now()})
}

// away is for [pool]. Connections are there again a moment after they can be; and an instance that has lost the lease, as on a
// machine that has much to do, writes nothing of what it is at.
func (s *several) away(from, to time.Time) bool {
	s.read.Do(s.readLogs)
	return slices.ContainsFunc(slices.Concat(s.cuts, s.lost), func(l lapse) bool {
		return l.from.Before(to) && l.to.Add(unheard).After(from)
	})
}

// What an instance says when it begins to decide, and when it ceases to.
const (
	leads = "this instance has the lease: it leads"
	loses = "this instance has lost the lease, and follows"
	steps = "this instance steps down"
)

// lapses is for [pool]: when a process was killed, and when it has ceased to decide until another one, or itself, did again.
func (s *several) lapses(process int) (list []lapse) {
	s.read.Do(s.readLogs)
	if killed := s.killed(process); !killed.IsZero() {
		list = append(list, lapse{killed, killed})
	}
	for _, from := range s.ceased[process] {
		list = append(list, s.vacant(from))
	}
	return list
}

// vacant is the time from an instant until somebody decided again.
func (s *several) vacant(from time.Time) lapse {
	if i, _ := slices.BinarySearchFunc(s.begun, from, time.Time.Compare); i < len(s.begun) {
		return lapse{from, s.begun[i]}
	}
	return lapse{from, from.Add(leaseTime)}
}

// readLogs finds out when who decided.
func (s *several) readLogs() {
	var lost []time.Time
	s.ceased = map[int][]time.Time{}
	for _, in := range s.Instances {
		for lines := bufio.NewScanner(strings.NewReader(in.Log(s.t))); lines.Scan(); {
			var line struct {
				Time    time.Time
				Process int
				Message string
			}
			if json.Unmarshal(lines.Bytes(), &line) != nil {
				continue // what is no line of a log
			}
			switch line.Message {
			case leads:
				s.begun = append(s.begun, line.Time)
			case loses:
				lost = append(lost, line.Time)
				s.ceased[line.Process] = append(s.ceased[line.Process], line.Time)
			case steps:
				s.ceased[line.Process] = append(s.ceased[line.Process], line.Time)
			}
		}
	}
	slices.SortFunc(s.begun, time.Time.Compare)
	for _, from := range lost {
		s.lost = append(s.lost, s.vacant(from))
	}
}

// killed is when a process was; zero for never.
func (s *several) killed(process int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if process < 0 || process >= len(s.processes) {
		return time.Time{}
	}
	return s.processes[process]
}

// trouble kills somebody, has the lead handed on or cuts Redis, until so many were killed. Where that is not asked for it does no
// more than fits into a few seconds.
func (s *several) trouble(f *fronts, kills int) {
	kill := func() {
		if in := s.pick(); in != nil {
			s.kill(in)
			s.kills++
		}
	}
	if kills == 0 {
		for _, do := range []func(){kill, s.handOn, kill} {
			time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
			s.busy(f)
			do()
		}
		return
	}
	for s.kills < kills {
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		s.busy(f)
		switch n := rand.IntN(10); {
		case n < 2:
			s.handOn()
		case n < 4:
			s.cutRedis()
		default:
			kill()
		}
	}
}

// Several instances promise the same, whichever of them are killed, cut from Redis, or hand on the lead, while servers call at
// the address of all. Order is that in which rows were made, as far as each was there when the next was sent: what an instance
// has just written may come behind what another one has written after it. And what was taken, or was not wanted any more, may be
// sent again by who takes over where whoever heard that was killed, or lost the lead, before it could write it down.
func TestStorm_Several(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	n := kills(t, 0, 0)
	s.storm(func(f *fronts) { s.trouble(f, n) })
	s.read.Do(s.readLogs)
	t.Logf("%d kills, %d processes; the lead was handed on %d times, and changed hands %d times; Redis was cut %d times",
		s.kills, len(s.processes), s.handed, len(s.begun), len(s.cuts))
}
