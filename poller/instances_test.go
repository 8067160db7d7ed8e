package poller_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// instances are two pollers over the same servers, of which one leads at a time.
type instances struct {
	t    *testing.T
	a, b *rig
}

// together runs a test with two instances in time of their own, the first of which leads.
func together(t *testing.T, ids []string, test func(t *testing.T, i *instances)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		i := &instances{t: t, a: newRig(t, config(), time.Now, ids...), b: newRig(t, config(), time.Now, ids...)}
		maps.Copy(i.b.net, i.a.net)
		stop := i.lead(i.a, i.b)
		i.a.pass(time.Second)
		test(t, i)
		stop()
	})
}

// lead has one instance lead and the other follow, until stop.
func (i *instances) lead(leader, follower *rig) (stop func()) {
	ctx, cancel := context.WithCancel(i.t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		if err := leader.Run(ctx); err != nil {
			i.t.Errorf("run: %v", err)
		}
	})
	news, reports := newPipe(), newPipe()
	first := true
	over.Go(func() {
		news.carry(func(frame []byte) error { defer func() { first = false }(); return follower.Hear(frame, first) }, i.t)
	})
	over.Go(func() { reports.carry(leader.Take, i.t) })
	leader.Reports, follower.Reports = nil, reports.put
	deaf := leader.Tell(news.put)
	return sync.OnceFunc(func() {
		deaf()
		news.end()
		reports.end()
		cancel()
		over.Wait()
	})
}

// pipe carries frames to another instance, however many there are.
type pipe struct {
	mu     sync.Mutex
	frames [][]byte
	more   chan struct{}
	ended  chan struct{}
}

func newPipe() *pipe { return &pipe{more: make(chan struct{}, 1), ended: make(chan struct{})} }

func (p *pipe) put(frame []byte) {
	p.mu.Lock()
	p.frames = append(p.frames, frame)
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *pipe) end() { close(p.ended) }

func (p *pipe) carry(take func([]byte) error, t *testing.T) {
	for {
		select {
		case <-p.ended:
			return
		case <-p.more:
		}
		p.mu.Lock()
		list := p.frames
		p.frames = nil
		p.mu.Unlock()
		for _, frame := range list {
			if err := take(frame); err != nil {
				t.Errorf("%s: %v", frame, err)
			}
		}
	}
}

// agree checks that both instances say the same of all servers.
func (i *instances) agree(when string) {
	i.t.Helper()
	same := cmp.Options{
		cmpopts.EquateApproxTime(time.Millisecond), cmpopts.IgnoreFields(poller.Status{}, "Load", "Server"), cmpopts.EquateEmpty(),
	}
	if diff := cmp.Diff(i.a.Servers(), i.b.Servers(), same); diff != "" {
		i.t.Errorf("%s the follower sees servers otherwise: (-leader +follower)\n%s", when, diff)
	}
	if diff := cmp.Diff(i.a.Meetings(store.DefaultTenant), i.b.Meetings(store.DefaultTenant), same); diff != "" {
		i.t.Errorf("%s the follower sees other meetings: (-leader +follower)\n%s", when, diff)
	}
	for _, s := range i.a.Servers() {
		if diff := cmp.Diff(i.a.Events(s.ID), i.b.Events(s.ID), same); diff != "" {
			i.t.Errorf("%s the follower knows of other events of %s: (-leader +follower)\n%s", when, s.ID, diff)
		}
	}
	if a, b := i.a.network, i.b.network; !slices.Equal(a(), b()) {
		i.t.Errorf("%s our own side is %q and %q", when, a(), b())
	}
	if a, b := i.a.ready(), i.b.ready(); a != b {
		i.t.Errorf("%s they are ready: %q and %q", when, a, b)
	}
}

// A follower polls nobody and knows all the same what the leader knows, through all that may happen to servers.
func TestFollower_Agrees(t *testing.T) {
	together(t, []string{"bbb1", "bbb2", "bbb3"}, func(t *testing.T, i *instances) {
		i.agree("at the start")
		skew := 20 * time.Second
		i.a.net["bbb1"].change(func(f *fake) { f.skew, f.expires = &skew, time.Now().Add(24*time.Hour) })
		i.a.net["bbb1"].show(room("r1", "i1", 3), room("r2", "i2", 0))
		i.a.net["bbb2"].set(behaviour{delay: 6 * time.Second}, "getMeetings")
		i.b.place("r1", "bbb1", "i1") // the ledger hears of claims in its own way
		i.b.place("r2", "bbb1", "i2")
		i.a.pass(60 * time.Second)
		i.agree("with meetings, a wrong clock and a slow server")
		made := room("r3", "i3", 0)
		made.Raw = []byte("<meeting><meetingID>r3</meetingID></meeting>")
		i.a.Created("bbb3", made)
		i.a.pass(time.Millisecond)
		i.agree("with a meeting that no poll has seen")
		i.a.net["bbb1"].set(down)
		i.a.pass(5 * time.Second)
		i.agree("with a server that fails")
		i.a.net["bbb2"].set(down)
		i.a.pass(60 * time.Second)
		i.agree("with most of the pool away")
		i.a.net["bbb2"].set(behaviour{})
		i.a.pass(90 * time.Second)
		i.agree("with one offline")
		i.a.net["bbb1"].set(behaviour{})
		i.a.pass(60 * time.Second)
		i.agree("when all are back")
		if n := i.a.health("bbb1"); n != poller.Online {
			t.Errorf("bbb1 is %s", n)
		}
	})
}

// A server that is new, changed, or gone is so at both.
func TestFollower_Records(t *testing.T) {
	together(t, []string{"bbb1", "bbb2"}, func(t *testing.T, i *instances) {
		i.a.net["new"] = &fake{is: map[string]behaviour{}}
		i.a.net["new"].show(room("r1", "i1", 1))
		i.b.net["new"] = i.a.net["new"]
		i.a.SetServer(record("new"))
		i.a.pass(2 * time.Second)
		i.b.SetServer(record("new"))
		i.a.pass(time.Millisecond)
		i.agree("with a new server")
		i.b.expect("new", poller.Online)
		moved := record("bbb1")
		moved.URL = "http://bbb2/bigbluebutton/api"
		i.a.SetServer(moved)
		i.a.pass(2 * time.Second)
		i.b.SetServer(moved)
		i.b.expect("bbb1", poller.Online)
		if got := i.b.Client("bbb1").URL("join", ""); !strings.HasPrefix(got, moved.URL) {
			t.Errorf("joins go to %s", got)
		}
		off := record("bbb2")
		off.State = store.Disabled
		for _, r := range []*rig{i.b, i.a} {
			r.SetServer(off)
			if err := r.RemoveServer(t.Context(), "new"); err != nil {
				t.Error(err)
			}
		}
		i.a.pass(time.Second)
		i.agree("with one disabled and one gone")
	})
}

// A follower's view is as new as the leader's would be: who asks for it has the leader ask the servers, and asks none himself.
func TestFollower_Refresh(t *testing.T) {
	together(t, []string{"bbb1", "bbb2"}, func(t *testing.T, i *instances) {
		i.a.pass(3 * time.Second)
		i.a.net["bbb1"].show(room("r1", "i1", 1))
		i.a.net["bbb2"].set(behaviour{delay: time.Hour}, "getMeetings")
		for _, f := range i.a.net {
			f.forget()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		i.b.Refresh(ctx)
		if got := i.b.internals(); !slices.Equal(got, []string{"i1"}) {
			t.Errorf("the follower lists %v", got)
		}
		if n := len(i.a.net["bbb1"].times(i.a.start, "getMeetings")); n != 1 {
			t.Errorf("the server was asked %d times", n)
		}
		i.a.net["bbb2"].set(behaviour{})
	})
}

// What fails at a follower is suspect there at once, and the leader looks. It does not take a server from all others that one
// instance alone cannot reach, however often that says so.
func TestFollower_Report(t *testing.T) {
	together(t, []string{"bbb1", "bbb2", "bbb3"}, func(t *testing.T, i *instances) {
		fails := &bbb.CallError{Call: "getMeetingInfo", Reason: bbb.Timeout, Err: errDown}
		report := func(id string) { i.b.Report(id, i.b.Client(id), fails) }
		i.a.net["bbb1"].set(down)
		report("bbb1")
		i.b.expect("bbb1", poller.Suspect)
		i.a.pass(time.Millisecond)
		i.a.expect("bbb1", poller.Suspect)
		i.a.pass(time.Second)
		if !i.a.Failing("bbb1") || !i.b.Failing("bbb1") {
			t.Error("the server fails, and is not failing")
		}
		away := 0
		for range 200 {
			report("bbb2")
			i.a.pass(100 * time.Millisecond)
			if i.a.health("bbb2") != poller.Online {
				away++
			}
		}
		if away > 10 {
			t.Errorf("a server that is well was not online at %d of 200 reports of one instance", away)
		}
		if n := len(i.a.net["bbb2"].times(i.a.start, "getMeetings")); n > 60 {
			t.Errorf("it was asked %d times in 20 s", n)
		}
		i.agree("after all that")
	})
}

// What a follower has heard is what it goes on with when it leads: no server is unknown, none blips, what fails goes on
// failing for as long as it did, and not all are asked at once. What the leader had not kept the next one keeps.
func TestTakeover(t *testing.T) {
	ids := make([]string, 100)
	for n := range ids {
		ids[n] = fmt.Sprintf("bbb%d", n)
	}
	synctest.Test(t, func(t *testing.T) {
		i := &instances{t: t, a: newRig(t, config(), time.Now, ids...), b: newRig(t, config(), time.Now, ids...)}
		maps.Copy(i.b.net, i.a.net)
		own := &journal{kept: map[string][]store.Event{}}
		i.b.Journal = own
		i.a.net["bbb1"].show(room("r1", "i1", 3))
		stop := i.lead(i.a, i.b)
		i.a.pass(15 * time.Second)
		i.a.net["bbb0"].set(down)
		i.a.pass(45 * time.Second)
		i.b.expect("bbb0", poller.Offline)
		i.a.net["bbb2"].set(down)
		for i.a.health("bbb2") != poller.Suspect {
			i.a.pass(100 * time.Millisecond)
		}
		failing, _ := i.a.Server("bbb2")
		if own.writes > 0 {
			t.Errorf("the follower has kept events %d times", own.writes)
		}
		stop()
		i.a.pass(3 * time.Second) // until somebody has noticed
		for _, f := range i.a.net {
			f.forget()
		}
		began := time.Now()
		stop = i.lead(i.b, i.a)
		for range 20 {
			i.b.pass(500 * time.Millisecond)
			for _, s := range i.b.Servers() {
				if want := s.ID != "bbb0" && s.ID != "bbb2"; (s.Health == poller.Online) != want || s.Health == poller.Unknown {
					t.Fatalf("%s after the take-over %s is %s", time.Since(began), s.ID, s.Health)
				}
			}
		}
		if s, _ := i.b.Server("bbb2"); s.Failing.Sub(failing.Failing).Abs() > time.Millisecond {
			t.Errorf("it fails since %s, and did since %s", s.Failing, failing.Failing)
		}
		i.b.expect("bbb0", poller.Offline)
		most := map[int]int{}
		for _, f := range i.a.net {
			for _, at := range f.times(began, "getMeetings") {
				most[int(at/(100*time.Millisecond))]++
			}
		}
		for at, n := range most {
			if n > 40 {
				t.Errorf("%d servers were asked within 0.1 s, %d00 ms after the take-over", n, at)
			}
		}
		i.agree("after the take-over")
		own.change(func(j *journal) {
			if len(j.kept["bbb0"]) == 0 || len(j.kept["bbb2"]) == 0 {
				t.Errorf("kept: %v", j.kept)
			}
		})
		stop()
	})
}

// An instance ends nothing while it may not, and does so at the next poll when it may.
func TestMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(), time.Now, "bbb1", "bbb2")
		var mu sync.Mutex
		may := false
		r.May = func(ctx context.Context) (context.Context, context.CancelFunc, bool) {
			mu.Lock()
			defer mu.Unlock()
			ctx, cancel := context.WithCancel(ctx)
			return ctx, cancel, may
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		r.pass(time.Second)
		r.place("r1", "bbb1", "i1")
		r.net["bbb1"].show(room("r1", "i1", 1))
		r.net["bbb2"].show(room("r1", "i2", 0))
		r.pass(30 * time.Second)
		if ends := r.net["bbb2"].times(r.start, "end"); len(ends) > 0 {
			t.Errorf("ended at %v", ends)
		}
		mu.Lock()
		may = true
		mu.Unlock()
		r.pass(15 * time.Second)
		if ends := r.net["bbb2"].times(r.start, "end"); len(ends) != 1 {
			t.Errorf("ended at %v", ends)
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}
