// Package chaos_test breaks a pool of three instances in every way that its parts can break, and judges what its clients saw.
// Its instances are processes, its databases are real, its servers simulated; between all of them is a network that can be cut.
package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/api/simulator"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		os.Exit(child(config))
	}
	os.Exit(m.Run())
}

// duration is how long the pool is broken: BBBPOOL_TEST_CHAOS_TIME, or a short while.
func duration(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("BBBPOOL_TEST_CHAOS_TIME")
	if text == "" {
		return 15 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever happens to instances, databases and networks, meetings stay where they are, nothing that was acknowledged is lost,
// no meeting is on two servers unreported, and whoever reaches a living instance with a way to the leader can create.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	w := newWorld(t, 3, 20)
	w.enlist()
	load := &load{world: w, history: newHistory()}
	ends := time.Now().Add(duration(t))
	var running sync.WaitGroup
	for i := range 6 {
		running.Go(func() { load.run(i, ends) })
	}
	faults := &faults{world: w, random: rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))}
	faults.run(ends)
	running.Wait()
	w.ready()
	load.verify()
	load.once()
	load.history.check(t)
	slices.Sort(faults.takeovers)
	if n := load.wrong.Load(); n > 0 {
		t.Errorf("%d creates have failed that may not", n)
	}
	t.Logf("%d creates, %d failed where they may; %d takeovers: %v", load.created.Load(), load.excused.Load(), len(faults.takeovers), faults.takeovers)
}

// enlist puts the simulated servers into the pool.
func (w *world) enlist() {
	w.t.Helper()
	for _, s := range w.servers {
		body := fmt.Sprintf(`{"url":%q,"secret":"secret-of-servers","enable":true}`, s.URL())
		w.administrate(http.MethodPost, "/api/v1/servers", body)
	}
}

// load is what front ends do.
type load struct {
	*world
	history *history
	created atomic.Int64
	excused atomic.Int64
	wrong   atomic.Int64
}

// run is one front end: it makes meetings, looks for them, lets people in, and ends some.
func (l *load) run(client int, ends time.Time) {
	random := rand.New(rand.NewPCG(2, uint64(client)))
	for round := 0; time.Now().Before(ends); round++ {
		// Two front ends share each meeting, so that there are repeats and races.
		meeting := fmt.Sprintf("room-%d-%d", client/2, round/2)
		for range 3 + random.IntN(5) {
			switch n := random.IntN(10); {
			case n < 4:
				l.create(client, meeting, random)
			case n < 7:
				l.look(client, meeting, random)
			case n < 9:
				l.join(meeting, random)
			default:
				l.look(client, meeting, random)
			}
			time.Sleep(time.Duration(20+random.IntN(80)) * time.Millisecond)
		}
		if random.IntN(3) == 0 {
			l.end(client, meeting, random)
		}
	}
}

func (l *load) create(client int, meeting string, random *rand.Rand) {
	called := l.history.now()
	params := url.Values{"meetingID": {meeting}, "name": {"Room"}, "moderatorPW": {"mp"}, "attendeePW": {"ap"}}
	in := input{opCreate, meeting}
	for range 20 {
		at := l.instances[random.IntN(len(l.instances))]
		began := time.Now()
		body, err := at.call("create", params, 30*time.Second)
		if err != nil {
			continue // it was dropped by one that died: the front end asks another
		}
		if internal := element(body, "internalMeetingID"); internal != "" {
			l.created.Add(1)
			l.history.add(client, in, called, output{internal: internal})
			return
		}
		if !l.mayFail(at, began) {
			l.complain("create %s at %s, %v after it began: %.300s", meeting, at.name, time.Since(began), body)
		} else {
			l.excused.Add(1)
		}
		time.Sleep(200 * time.Millisecond)
	}
	l.history.add(client, in, called, output{unknown: true})
}

// complain tells of the first of many.
func (l *load) complain(format string, args ...any) {
	if l.wrong.Add(1) <= 20 {
		l.t.Errorf(format, args...)
	}
}

func (l *load) look(client int, meeting string, random *rand.Rand) {
	called := l.history.now()
	at := l.instances[random.IntN(len(l.instances))]
	body, err := at.call("getMeetingInfo", url.Values{"meetingID": {meeting}}, 15*time.Second)
	out := output{internal: element(body, "internalMeetingID")}
	out.unknown = err != nil || out.internal == "" && !strings.Contains(body, "<messageKey>notFound")
	l.history.add(client, input{opLook, meeting}, called, out)
}

func (l *load) join(meeting string, random *rand.Rand) {
	at := l.instances[random.IntN(len(l.instances))]
	_, _ = at.call("join", url.Values{"meetingID": {meeting}, "fullName": {"Ada"}, "role": {"VIEWER"}}, 15*time.Second)
}

func (l *load) end(client int, meeting string, random *rand.Rand) {
	called := l.history.now()
	at := l.instances[random.IntN(len(l.instances))]
	body, err := at.call("end", url.Values{"meetingID": {meeting}, "password": {"mp"}}, 30*time.Second)
	switch {
	case err == nil && strings.Contains(body, "<returncode>SUCCESS"):
		l.history.add(client, input{opEnd, meeting}, called, output{})
	case err == nil && strings.Contains(body, "<messageKey>notFound"):
		l.history.add(client, input{opEnd, meeting}, called, output{})
	default:
		l.history.add(client, input{opEnd, meeting}, called, output{unknown: true})
	}
}

// mayFail tells whether a create may have failed at an instance: something was wrong with it, or with what it needs, while it
// was asked or a moment before.
func (l *load) mayFail(at *instance, began time.Time) bool {
	at.mu.Lock()
	defer at.mu.Unlock()
	return !at.sick.IsZero() && (at.healed.IsZero() || at.healed.After(began.Add(-6*time.Second)))
}

// verify looks for every meeting once more, when all is well again: what was lost shows in the history.
func (l *load) verify() {
	random := rand.New(rand.NewPCG(3, 3))
	for _, meeting := range l.history.meetings() {
		l.look(100, meeting, random)
	}
}

// once checks that no meeting goes on on two servers, once the pool has had the time to end what is too much.
func (l *load) once() {
	l.t.Helper()
	var twice []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		places := map[string][]string{}
		for _, s := range l.servers {
			for _, m := range s.Meetings() {
				places[m.MeetingID] = append(places[m.MeetingID], s.ID())
			}
		}
		twice = nil
		for id, on := range places {
			if len(on) > 1 {
				twice = append(twice, fmt.Sprint(id, on))
			}
		}
		if len(twice) == 0 {
			return
		}
	}
	l.t.Errorf("on two servers: %v", twice)
}

// faults break the world, one thing after the other, and mend it.
type faults struct {
	*world
	random    *rand.Rand
	takeovers []time.Duration
	flushed   int
}

func (f *faults) run(ends time.Time) {
	kinds := []func(in *instance, d time.Duration){
		f.kill, f.stop, f.drain, f.cutRedis, f.cutIndex, f.cutOff, f.cutServers, f.flush, f.restart,
	}
	f.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i := 0; time.Now().Before(ends); i++ {
		in := f.instances[f.random.IntN(len(f.instances))]
		if f.random.IntN(2) == 0 {
			if leader := f.leader(); leader != nil {
				in = leader
			}
		}
		kinds[i%len(kinds)](in, time.Duration(500+f.random.IntN(5000))*time.Millisecond)
		time.Sleep(time.Duration(500+f.random.IntN(3000)) * time.Millisecond)
	}
}

// sick marks an instance for as long as a fault lasts.
func (f *faults) sick(in *instance, during func()) {
	in.mu.Lock()
	in.sick, in.healed = time.Now(), time.Time{}
	in.mu.Unlock()
	during()
	in.mu.Lock()
	in.healed = time.Now()
	in.mu.Unlock()
}

func (f *faults) everybody(during func()) {
	inner := during
	for _, in := range f.instances {
		next := inner
		inner = func() { f.sick(in, next) }
	}
	inner()
}

// kill ends an instance at once, and starts it again. If it led, what is measured is how long nobody could create.
func (f *faults) kill(in *instance, d time.Duration) {
	f.t.Logf("kill %s for %v", in.name, d)
	led := f.leader() == in
	f.sick(in, func() {
		in.kill()
		if led {
			f.takeover(in)
		}
		time.Sleep(d)
		in.start(f.t)
		time.Sleep(time.Second)
	})
}

func (f *faults) stop(in *instance, d time.Duration) {
	f.t.Logf("stop %s for %v", in.name, d)
	led := f.leader() == in
	f.sick(in, func() {
		in.signal(syscall.SIGSTOP)
		if led {
			f.takeover(in)
		}
		time.Sleep(d)
		in.signal(syscall.SIGCONT)
	})
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
			if body, err := in.call("create", params, 10*time.Second); err == nil && element(body, "internalMeetingID") != "" {
				f.takeovers = append(f.takeovers, time.Since(began).Round(time.Millisecond))
				return
			}
		}
	}
	f.t.Errorf("nobody has taken over within 30 s from %s", dead.name)
}

// drain ends an instance as an upgrade does, and starts it again: no request fails for that.
func (f *faults) drain(in *instance, _ time.Duration) {
	f.t.Logf("drain %s", in.name)
	f.sick(in, func() {
		in.signal(syscall.SIGTERM)
		<-in.done
		in.start(f.t)
		time.Sleep(time.Second)
	})
}

func (f *faults) cutRedis(in *instance, d time.Duration) {
	f.t.Logf("cut %s from Redis for %v", in.name, d)
	f.sick(in, func() { f.cut(in.toRedis.Stop, in.toRedis.Start, d) })
}

func (f *faults) cutIndex(in *instance, d time.Duration) {
	f.t.Logf("cut %s from PostgreSQL for %v", in.name, d)
	f.cut(in.toIndex.Stop, in.toIndex.Start, d) // creates go on
}

func (f *faults) cutOff(in *instance, d time.Duration) {
	f.t.Logf("cut others from %s for %v", in.name, d)
	during := f.sick
	if f.leader() == in {
		during = func(_ *instance, do func()) { f.everybody(do) }
	}
	during(in, func() { f.cut(in.toUs.Stop, in.toUs.Start, d) })
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
	f.t.Logf("cut %s from servers for %v", in.name, d)
	for range 3 {
		in.say("cut %s", hostOf(f.servers[f.random.IntN(len(f.servers))]))
	}
	time.Sleep(d)
	in.say("heal")
}

// flush takes away everything that Redis has, twice at most.
func (f *faults) flush(*instance, time.Duration) {
	if f.flushed++; f.flushed > 2 {
		return
	}
	f.t.Log("flush Redis")
	f.everybody(func() {
		c := redis.NewClient(&redis.Options{Addr: f.redis.Addr})
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
	c := redis.NewClient(&redis.Options{Addr: f.redis.Addr})
	defer func() { _ = c.Close() }()
	if err := c.Save(f.t.Context()).Err(); err != nil {
		f.t.Error(err)
		return
	}
	time.Sleep(5 * time.Second)
	f.everybody(func() {
		f.redis.Kill()
		f.redis.Start(f.t)
		time.Sleep(time.Second)
	})
}

// leader is the instance that decides, as it says itself; nil where none does.
func (w *world) leader() *instance {
	for _, in := range w.instances {
		if _, body, err := in.get("/metrics", time.Second); err == nil && strings.Contains(body, "\nbbbpool_instance_leading 1") {
			return in
		}
	}
	return nil
}

// element is the content of the first element by a name.
func element(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+">")
	inner, _, _ := strings.Cut(rest, "</"+name+">")
	return inner
}

func hostOf(s *simulator.Server) string {
	u, err := url.Parse(s.URL())
	if err != nil {
		return ""
	}
	return u.Host
}
