package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// faults break the world, one thing after the other, and mend it.
type faults struct {
	*world
	history *history
	random  *rand.Rand
	seed    atomic.Uint64

	mu        sync.Mutex
	takeovers []time.Duration
	flushed   int
	late      []time.Duration // answers of Redis that came so late that it counts as gone
}

// draw is a random source of one fault's own: two may be at work.
func (f *faults) draw() *rand.Rand { return rand.New(rand.NewPCG(3, f.seed.Add(1))) }

// run breaks one thing after the other; every fourth time two at once, at two instances.
func (f *faults) run(ends time.Time) {
	kinds := []func(in *instance, d time.Duration){
		f.kill, f.stop, f.drain, f.cutRedis, f.cutIndex, f.cutOff, f.cutServers, f.flush, f.restart, f.restartIndex, f.failServers,
	}
	f.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i := 0; time.Now().Before(ends); i++ {
		at := f.random.IntN(len(f.instances))
		if f.random.IntN(2) == 0 {
			at = max(0, slices.Index(f.Instances, f.Leader()))
		}
		var both sync.WaitGroup
		d := func() time.Duration { return time.Duration(500+f.random.IntN(5000)) * time.Millisecond }
		one, other, second := d(), d(), f.random.IntN(4) == 0
		if second {
			both.Go(func() { kinds[(i+1)%len(kinds)](f.instances[(at+1)%len(f.instances)], other) })
		}
		kinds[i%len(kinds)](f.instances[at], one)
		if both.Wait(); second {
			i++
		}
		time.Sleep(time.Duration(500+f.random.IntN(3000)) * time.Millisecond)
	}
}

// redisLives is how soon Redis answers as long as it lives. Instances give it two seconds, and have to renew a lease of little more.
const redisLives = time.Second

// feel asks Redis all the time whether it lives. Where nothing was done to it, and it still does not answer in time, everybody is as
// ill as if it was: that is so where the machine has something else to do.
func (f *faults) feel(ends time.Time) {
	c := redis.NewClient(&redis.Options{Addr: f.Redis.Addr, ReadTimeout: time.Minute, MaxRetries: -1})
	defer func() { _ = c.Close() }()
	for ; time.Now().Before(ends); time.Sleep(100 * time.Millisecond) {
		began, end := time.Now(), make(chan struct{})
		late := time.AfterFunc(redisLives, func() { f.everybody(func() { <-end }) })
		err := c.Ping(f.t.Context()).Err()
		close(end)
		if !late.Stop() && err == nil {
			f.late = append(f.late, time.Since(began).Round(time.Millisecond))
		}
	}
}

// sick marks an instance for as long as a fault lasts.
func (f *faults) sick(in *instance, during func()) {
	in.ail(1)
	during()
	in.ail(-1)
}

func (f *faults) everybody(during func()) {
	for _, in := range f.instances {
		in.ail(1)
	}
	during()
	for _, in := range f.instances {
		in.ail(-1)
	}
}

// kill ends an instance at once, and starts it again. If it led, what is measured is how long nobody could create.
func (f *faults) kill(in *instance, d time.Duration) {
	f.t.Logf("kill %s for %v", in.Name, d)
	led := f.Leader() == in.Instance
	f.sick(in, func() {
		in.Kill()
		if led {
			f.takeover(in)
		}
		time.Sleep(d)
		f.restore(in)
	})
}

func (f *faults) stop(in *instance, d time.Duration) {
	f.t.Logf("stop %s for %v", in.Name, d)
	led := f.Leader() == in.Instance
	f.sick(in, func() {
		in.Signal(syscall.SIGSTOP)
		if led {
			f.takeover(in)
		}
		time.Sleep(d)
		in.Signal(syscall.SIGCONT)
	})
}

// restore starts an instance again.
func (f *faults) restore(in *instance) {
	in.Restore(f.t, func() any { return instanceConfig{in.Config, secret} })
}

// takeover measures how long it takes until a meeting can be made again.
func (f *faults) takeover(dead *instance) {
	began := time.Now()
	for i := 0; time.Since(began) < 30*time.Second; i++ {
		for _, in := range f.instances {
			if in == dead {
				continue
			}
			params := url.Values{"meetingID": {fmt.Sprint("probe-", began.UnixNano())}, "name": {"Probe"}}
			if body, err := in.call("create", params, 10*time.Second); err == nil && children.Element(body, "internalMeetingID") != "" {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.takeovers = append(f.takeovers, time.Since(began).Round(time.Millisecond))
				return
			}
		}
	}
	f.t.Errorf("nobody has taken over within 30 s from %s", dead.Name)
}

// drain ends an instance as an upgrade does, and starts it again: no request fails for that.
func (f *faults) drain(in *instance, _ time.Duration) {
	f.t.Logf("drain %s", in.Name)
	f.sick(in, func() {
		in.Signal(syscall.SIGTERM)
		<-in.Done()
		f.restore(in)
	})
}

func (f *faults) cutRedis(in *instance, d time.Duration) {
	f.t.Logf("cut %s from Redis for %v", in.Name, d)
	f.sick(in, func() { f.cut(in.ToRedis.Stop, in.ToRedis.Start, d) })
}

func (f *faults) cutIndex(in *instance, d time.Duration) {
	f.t.Logf("cut %s from PostgreSQL for %v", in.Name, d)
	f.cut(in.ToIndex.Stop, in.ToIndex.Start, d) // creates go on
}

func (f *faults) cutOff(in *instance, d time.Duration) {
	f.t.Logf("cut others from %s for %v", in.Name, d)
	f.everybody(func() { f.cut(in.ToUs.Stop, in.ToUs.Start, d) }) // it may lead, or come to
}

func (f *faults) cut(stop func(), start func() error, d time.Duration) {
	stop()
	time.Sleep(d)
	if err := start(); err != nil {
		f.t.Error(err)
	}
}

// cutServers cuts an instance from a few servers; those that are left take the meetings.
func (f *faults) cutServers(in *instance, d time.Duration) {
	f.t.Logf("cut %s from servers for %v", in.Name, d)
	defer f.history.darken(f.history.now())
	random := f.draw()
	for range 3 {
		in.Say("cut %s", hostOf(f.servers[random.IntN(len(f.servers))]))
	}
	time.Sleep(d)
	in.Say("heal")
}

// flush takes away everything that Redis has, twice at most.
func (f *faults) flush(*instance, time.Duration) {
	f.mu.Lock()
	f.flushed++
	enough := f.flushed > 2
	f.mu.Unlock()
	if enough {
		return
	}
	f.t.Log("flush Redis")
	f.everybody(func() {
		c := redis.NewClient(&redis.Options{Addr: f.Redis.Addr})
		defer func() { _ = c.Close() }()
		if err := c.FlushAll(f.t.Context()).Err(); err != nil {
			f.t.Error(err)
		}
		time.Sleep(time.Second)
	})
}

// restart starts Redis again with what it had five seconds ago.
func (f *faults) restart(*instance, time.Duration) {
	f.t.Log("restart Redis without the last 5 s")
	c := redis.NewClient(&redis.Options{Addr: f.Redis.Addr})
	defer func() { _ = c.Close() }()
	if err := c.Save(f.t.Context()).Err(); err != nil {
		f.t.Error(err)
		return
	}
	time.Sleep(5 * time.Second)
	f.everybody(func() {
		f.Redis.Kill()
		f.Redis.Start(f.t)
		time.Sleep(time.Second)
	})
}

// restartIndex ends PostgreSQL as a crash does, and starts it again. Meetings are made all the same.
func (f *faults) restartIndex(_ *instance, d time.Duration) {
	f.t.Logf("PostgreSQL is gone for %v", d)
	f.Postgres.Kill()
	time.Sleep(d)
	f.Postgres.Start(f.t)
}

// failServers has a few servers fail, each in its own way, those with people first. What is created on them meanwhile is
// created elsewhere.
func (f *faults) failServers(_ *instance, d time.Duration) {
	random := f.draw()
	ways := []simulator.Fault{{Kind: "refuse"}, {Kind: "black-hole"}, {Kind: "5xx", Status: 503}, {Kind: "truncated"}}
	f.t.Logf("servers fail for %v", d)
	defer f.history.darken(f.history.now())
	busy := slices.DeleteFunc(slices.Clone(f.servers), func(s *simulator.Server) bool { return !hasPeople(s) })
	for i := range 3 {
		s := f.servers[random.IntN(len(f.servers))]
		if i < len(busy) {
			s = busy[i]
		}
		if err := s.Fault(ways[random.IntN(len(ways))]); err != nil {
			f.t.Error(err)
		}
		defer func() {
			if err := s.Heal(); err != nil {
				f.t.Error(err)
			}
		}()
	}
	time.Sleep(d)
}

func hasPeople(s *simulator.Server) bool {
	return slices.ContainsFunc(s.Meetings(), func(m simulator.Meeting) bool { return m.People > 0 })
}
