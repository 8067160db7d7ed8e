package gateway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// 100 front ends create the same meeting in the same instant: the first create makes it, all others are told of that
// one, and nothing else was made anywhere. TestCreate_SameInstant looks at the answers one by one.
func TestCreate_ParallelOnesMakeOne(t *testing.T) {
	p := start(t, settings{servers: 5, poll: time.Hour})
	var wg sync.WaitGroup
	var mu sync.Mutex
	made, told := 0, map[string]bool{}
	for range 100 {
		wg.Go(func() {
			a, err := p.try("create", createQuery("same"))
			if err != nil || a.Returncode != "SUCCESS" {
				t.Errorf("create: %v %s", err, a.body)
			}
			mu.Lock()
			defer mu.Unlock()
			told[fmt.Sprint(a.InternalID, a.CreateTime)] = true
			if a.Key != "duplicateWarning" {
				made++
			}
		})
	}
	wg.Wait()
	if made != 1 || len(told) != 1 {
		t.Errorf("%d creates made a meeting, and front ends were told of %v; want one", made, told)
	}
	for _, s := range p.sims {
		if n := len(s.Meetings()); n > 0 && s.ID() != p.server("same") || n > 1 {
			t.Errorf("%s has %d meetings", s.ID(), n)
		}
		if n := s.Calls("create"); n > 0 && s.ID() != p.server("same") {
			t.Errorf("%s saw %d creates", s.ID(), n)
		}
	}
}

// Servers come and go while front ends create and join: a join goes where the meeting is claimed, and whenever a
// meeting has people on two servers there is a problem about it. Nobody is thrown out of a meeting by us.
func TestChaos(t *testing.T) {
	t.Parallel()
	const rooms = 8
	var log syncBuffer
	p := start(t, settings{servers: 4, log: &log, change: swift(2, 1)})
	ctx, stop := context.WithTimeout(t.Context(), 6*time.Second)
	defer stop()
	var wg sync.WaitGroup
	for i := range rooms {
		wg.Go(func() { p.attend(ctx, fmt.Sprintf("room-%d", i)) })
	}
	wg.Go(func() { p.shake(ctx, rand.New(rand.NewPCG(23, 1))) })
	copies := map[string]map[string]bool{} // of rooms that had people on two servers at some time
	wg.Go(func() {
		for ctx.Err() == nil {
			p.watchSplits(rooms, copies)
			pause(ctx, 2*time.Millisecond)
		}
	})
	wg.Wait()
	p.quiet()
	p.watchSplits(rooms, copies)
	splits := splitsOf(t, &log)
	unnamed := 0
	for id, list := range copies {
		silent, unsummed := 0, 0
		for c := range list {
			server, internal, _ := strings.Cut(c, " ")
			if !p.goesOn(server, internal) {
				t.Errorf("%s had people on %s and was ended", id, server)
			}
			if splits.named[c] {
				continue
			}
			silent++
			if splits.summed[server] == 0 {
				unsummed++
			}
		}
		if unsummed > 1 { // the claimed one needs none
			t.Errorf("%s has people on several servers, %v, and the problems are %+v", id, list, splits)
		}
		unnamed += max(0, silent-1)
	}
	if unnamed > splits.total() {
		t.Errorf("%d copies with people have no problem of their own, and the problems are %+v", unnamed, splits)
	}
	t.Logf("%d rooms had people on two servers at some time, problems: %+v", len(copies), splits)
	for i := range rooms {
		p.create(fmt.Sprintf("room-%d", i))
	}
	p.consistent()
}

// splits are the problems of meetings on two servers: each of the first in a poll has one of its own, further ones are counted.
type splits struct {
	named  map[string]bool // by server and internal ID
	summed map[string]int  // by server
}

func splitsOf(t *testing.T, log *syncBuffer) splits {
	t.Helper()
	a := splits{named: map[string]bool{}, summed: map[string]int{}}
	for _, l := range lines(t, log, "meeting is on two servers") {
		a.named[l.Server+" "+l.InternalMeetingID] = true
	}
	for _, l := range lines(t, log, "more meetings are on two servers") {
		a.summed[l.Server] += l.Meetings
	}
	return a
}

// total is how many meetings were counted without a name.
func (a splits) total() (n int) {
	for _, meetings := range a.summed {
		n += meetings
	}
	return n
}

// attend creates a room and joins it, again and again, as front ends do. A join must go where the room is claimed.
func (p *pool) attend(ctx context.Context, id string) {
	for ctx.Err() == nil {
		if a, err := p.try("create", createQuery(id)); err != nil || a.Returncode != "SUCCESS" {
			pause(ctx, 20*time.Millisecond)
			continue
		}
		claimed := p.server(id)
		resp, err := p.client.Get(p.url("join", "meetingID="+id+"&fullName=Ada&role=VIEWER"))
		if err != nil {
			p.tb.Error(err)
			return
		}
		_ = resp.Body.Close()
		to, err := resp.Location()
		if err != nil || claimed == "" || claimed != p.server(id) {
			continue // it has moved meanwhile
		}
		s := p.sim(claimed)
		if want := s.URL() + "/join"; to.Scheme+"://"+to.Host+to.Path != want && p.health(claimed) != "offline" {
			p.tb.Errorf("the join of %s goes to %s, it is claimed on %s", id, to.Host, want)
		}
		_ = s.AddPeople(id, simulator.Crowd{Count: 1}) // the meeting may be over by now
		pause(ctx, 10*time.Millisecond)
	}
}

// shake makes servers fail for a while, one or two at a time.
func (p *pool) shake(ctx context.Context, draw *rand.Rand) {
	kinds := []simulator.Kind{simulator.Refuse, simulator.Hang, simulator.ServerError}
	for ctx.Err() == nil {
		s := p.sims[draw.IntN(len(p.sims))]
		if err := s.Fault(simulator.Fault{Kind: kinds[draw.IntN(len(kinds))]}); err != nil {
			p.tb.Error(err)
		}
		pause(ctx, time.Duration(50+draw.IntN(900))*time.Millisecond)
		if err := s.Heal(); err != nil {
			p.tb.Error(err)
		}
		pause(ctx, time.Duration(draw.IntN(200))*time.Millisecond)
	}
}

// watchSplits notes the copies of rooms that have people on more than one server.
func (p *pool) watchSplits(rooms int, copies map[string]map[string]bool) {
	for i := range rooms {
		id := fmt.Sprintf("room-%d", i)
		var on []string
		for _, s := range p.sims {
			if m, ok := s.Meeting(id); ok && !m.Ended && m.People > 0 {
				on = append(on, s.ID()+" "+m.InternalID)
			}
		}
		for _, c := range on {
			if len(on) > 1 && copies[id] == nil {
				copies[id] = map[string]bool{}
			}
			if len(on) > 1 {
				copies[id][c] = true
			}
		}
	}
}

// goesOn tells whether a meeting has people in it still.
func (p *pool) goesOn(server, internal string) bool {
	m, ok := p.sim(server).Meeting(internal)
	return ok && !m.Ended && m.People > 0
}

// pause waits, but no longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
