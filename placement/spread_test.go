package placement_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// createAll creates n meetings at once and returns how many each server got.
func (p *pool) createAll(n int) map[string]int {
	p.t.Helper()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			c, err := p.Begin(p.t.Context(), key(fmt.Sprintf("m%03d", i)))
			if err != nil {
				p.t.Error(err)
				return
			}
			defer c.End()
			if _, err := c.Place(p.t.Context(), fifteen, nil); err != nil {
				p.t.Error(err)
			}
		})
	}
	group.Wait()
	on := map[string]int{}
	for _, m := range p.Meetings() {
		on[m.Server]++
	}
	return on
}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("bbb%02d", i))
	}
	return list
}

// Of 200 creates at once over 22 idle equal servers each gets 9 or 10: nobody is decided on without the others.
func TestSpread_Equal(t *testing.T) {
	p := newPool(t, names(22)...)
	on := p.createAll(200)
	for _, server := range names(22) {
		if n := on[server]; n != 9 && n != 10 {
			t.Errorf("%s got %d meetings, want 9 or 10", server, n)
		}
	}
	p.check()
}

// A server with twice the weight gets twice the meetings.
func TestSpread_Weighted(t *testing.T) {
	p := newPool(t)
	want := map[string]int{}
	for i, server := range names(9) {
		weight := []float64{0.5, 1, 2}[i%3]
		p.SetServer(placement.Server{ID: server, Weight: weight, Standing: placement.Open})
		want[server] = int(weight * 16)
	}
	equal(t, "meetings", p.createAll(16*21/2), want)
	p.check()
}

// A weight that cannot work is 1.
func TestSpread_Weights(t *testing.T) {
	p := newPool(t, "ok")
	zero := 0.0
	for i, weight := range []float64{0, -1, zero / zero, 1 / zero} {
		p.SetServer(placement.Server{ID: fmt.Sprint("odd", i), Weight: weight, Standing: placement.Open})
	}
	for server, n := range p.createAll(20) {
		equal(t, "meetings on "+server, n, 4)
	}
}

// A server takes new meetings only up to its capacity while others have room.
func TestSpread_Capacity(t *testing.T) {
	p := newPool(t, "large")
	p.SetServer(placement.Server{ID: "small", Weight: 1, Capacity: 40, Standing: placement.Open})
	equal(t, "meetings", p.createAll(20), map[string]int{"large": 18, "small": 2})
}

// Cordoned servers get nothing, doubtful ones only when nobody else is left, those that are gone never.
func TestSpread_Standing(t *testing.T) {
	p := newPool(t)
	p.stand(placement.Gone, "gone")
	p.stand(placement.Held, "held")
	_, err := p.begin("m").Place(t.Context(), fifteen, nil)
	wantErr(t, "none usable", err, placement.ErrNoServer)
	p.stand(placement.Doubtful, "doubtful")
	equal(t, "with a doubtful one", p.create("a").Server, "doubtful")
	p.stand(placement.Open, "open")
	equal(t, "with an open one", p.createAll(10)["open"], 10)
}

// What is expected of a meeting fades over 20 minutes, and a hint that makes no sense spoils no sum.
func TestExpected(t *testing.T) {
	p := newPool(t, "a")
	for i, odd := range []int{-5, math.MinInt, math.MaxInt} {
		c := p.begin(fmt.Sprint("odd", i))
		_, err := c.Place(t.Context(), placement.Wish{Hint: odd}, nil)
		p.must(err)
		p.must(c.GiveUp(t.Context()))
		c.End()
	}
	p.create("m")
	for _, want := range []float64{15, 11.25, 7.5, 3.75, 0, 0} {
		equal(t, "expected", p.ServerLoad("a").Expected, want)
		p.clock.add(5 * time.Minute)
	}
	p.check()
}

// Joins count at once; a poll corrects them, but not those that were sent after it began.
func TestJoined(t *testing.T) {
	p := newPool(t, "a")
	m := p.create("m")
	people := func() int { return p.ServerLoad("a").People }
	p.Joined(key("nobody's"), 0)
	p.Joined(m.MeetingKey, 0)
	p.Joined(m.MeetingKey, 0)
	equal(t, "two joins", people(), 2)

	p.BeginPoll("a")
	p.Joined(m.MeetingKey, 0)
	equal(t, "another one while the poll is under way", people(), 3)
	p.BeginPoll("a") // the poll failed, and this is the next
	p.Joined(m.MeetingKey, 0)
	equal(t, "and one while the next is under way", people(), 4)
	p.clock.add(time.Second)
	_, err := p.Reconcile(t.Context(), placement.Poll{
		Server: "a", Began: p.clock.now(), Meetings: []placement.Sighting{sees(m, 1)},
	})
	p.must(err)
	equal(t, "the poll saw one, and one was sent since", people(), 2)
	p.poll("a", sees(m, 7))
	equal(t, "the next poll saw everybody", people(), 7)
	p.poll("a", sees(m, -3))
	equal(t, "nonsense", people(), 0)
	infos := p.Meetings()
	equal(t, "what is known", infos, []placement.Info{{Claim: m, People: 0, Peak: 7, Joins: 4, Remaining: 14.7375}})
	p.check()
}

// A server that is not in the pool carries nothing, and meetings are listed by tenant and ID.
func TestMeetings(t *testing.T) {
	p := newPool(t, "a")
	equal(t, "load of nobody", p.ServerLoad("b"), placement.Load{Server: "b"})
	for _, id := range []string{"z", "b", "a"} {
		p.create(id)
	}
	var ids []string
	for _, m := range p.Meetings() {
		ids = append(ids, m.MeetingID)
	}
	equal(t, "sorted", slices.IsSorted(ids), true)
}

// What is on a slow server counts double: it gets half of what it would.
func TestSlow(t *testing.T) {
	p := newPool(t, "a", "b")
	p.SetServer(placement.Server{ID: "b", Weight: 1, Standing: placement.Open, Slow: true})
	on := map[string]int{}
	for i := range 30 {
		on[p.create(fmt.Sprint(i)).Server]++
	}
	equal(t, "meetings", on, map[string]int{"a": 20, "b": 10})
}
