package poller_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
)

func losing(after time.Duration) poller.Config {
	c := config()
	c.LostAfter = after
	return c
}

// How long a server is waited for is any time, or for ever.
func TestConfig_LostAfter(t *testing.T) {
	for after, good := range map[time.Duration]bool{
		0: true, time.Second: true, 10 * time.Minute: true, 720 * time.Hour: true,
		-time.Second: false, time.Millisecond: false, 721 * time.Hour: false,
	} {
		if err := losing(after).Validate(); (err == nil) != good {
			t.Errorf("--lost-after %s: %v", after, err)
		}
	}
}

// A server that is away for longer than anybody waits for it loses its meetings; one that is away for less does not, nor one
// that fails now and then, nor any while our own network is to blame, or where a server is waited for for ever.
func TestRun_Lost(t *testing.T) {
	none, class := map[string]string{}, map[string]string{"class": "a"}
	for name, c := range map[string]struct {
		after time.Duration
		while func(r *rig)
		want  map[string]string
	}{
		"longer":   {5 * time.Minute, func(r *rig) { r.net["a"].set(down); r.pass(7 * time.Minute) }, none},
		"less":     {5 * time.Minute, func(r *rig) { r.net["a"].set(down); r.pass(5 * time.Minute) }, class},
		"for ever": {0, func(r *rig) { r.net["a"].set(down); r.pass(time.Hour) }, class},
		"twice, for less": {5 * time.Minute, func(r *rig) {
			for range 2 {
				r.net["a"].set(down)
				r.pass(4 * time.Minute)
				r.net["a"].set(behaviour{})
				r.pass(time.Minute)
			}
		}, class},
		"all at once": {5 * time.Minute, func(r *rig) {
			for _, f := range r.net {
				f.set(down)
			}
			r.pass(time.Hour)
		}, class},
		"all others just before, then all are back": {5 * time.Minute, func(r *rig) {
			r.net["a"].set(down)
			r.pass(4 * time.Minute)
			r.net["b"].set(down)
			r.net["c"].set(down)
			r.pass(30 * time.Minute)
			for _, f := range r.net {
				f.set(behaviour{})
			}
			r.pass(time.Minute)
		}, class},
		"others for a while": {5 * time.Minute, func(r *rig) {
			r.net["a"].set(down)
			r.pass(4 * time.Minute)
			r.net["b"].set(down)
			r.net["c"].set(down)
			r.pass(10 * time.Minute)
			r.net["b"].set(behaviour{})
			r.net["c"].set(behaviour{})
			r.pass(3 * time.Minute)
		}, none},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, losing(c.after), []string{"a", "b", "c"}, func(_ *testing.T, r *rig) {
				r.place("class", "a", "i-1")
				r.net["a"].show(room("class", "i-1", 3))
				r.pass(20 * time.Second)
				c.while(r)
				r.claims("afterwards", c.want)
				lost := len(c.want) == 0
				if n := r.happened("a", "lost"); n != 0 != lost {
					r.t.Errorf("%d events", n)
				}
				r.net["a"].set(behaviour{})
				r.pass(2 * time.Minute)
				r.claims("when it is back", class)
			})
		})
	}
}

// again is a rig with the same servers and store, as after a restart.
func (r *rig) again(c poller.Config) *rig {
	next := &rig{t: r.t, net: r.net, store: r.store, logs: &logs{}, config: c, start: time.Now()}
	c.Transport = transport{next.net, next}
	ids := slices.Sorted(maps.Keys(r.net))
	var err error
	next.ledger, err = placement.OpenLedger(context.Background(), placement.Parts{
		State: r.store, Remember: r.store.Remember, Now: time.Now, Servers: ids,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	next.Poller = poller.New(c, next.ledger, zerolog.New(next.logs), time.Now)
	for _, id := range ids {
		next.SetServer(record(id))
	}
	return next
}

// After a restart the time begins anew, and ends.
func TestRun_LostAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, losing(5*time.Minute), time.Now, "a", "b")
		r.place("class", "a", "i-1")
		r.net["a"].set(down)
		there := map[string]string{"class": "a"}
		for _, c := range []struct {
			passes time.Duration
			want   map[string]string
		}{{4 * time.Minute, there}, {4 * time.Minute, there}, {7 * time.Minute, map[string]string{}}} {
			ctx, cancel := context.WithCancel(t.Context())
			next := r.again(losing(5 * time.Minute))
			over := make(chan error)
			go func() { over <- next.Run(ctx) }()
			next.pass(c.passes)
			next.claims(fmt.Sprint("after ", c.passes), c.want)
			cancel()
			if err := <-over; err != nil {
				t.Error(err)
			}
		}
	})
}

// Whoever leads next goes on counting where the one before was.
func TestRun_LostAfterTakeover(t *testing.T) {
	c := losing(5 * time.Minute)
	synctest.Test(t, func(t *testing.T) {
		i := &instances{t: t, a: newRig(t, c, time.Now, "a", "b"), b: newRig(t, c, time.Now, "a", "b")}
		maps.Copy(i.b.net, i.a.net)
		stop := i.lead(i.a, i.b)
		i.a.pass(time.Second)
		i.b.place("class", "a", "i-1") // whose ledger hears of nobody
		i.a.net["a"].set(down)
		i.a.pass(4 * time.Minute)
		stop()
		i.b.claims("when one leads", map[string]string{"class": "a"})
		stop = i.lead(i.b, i.a)
		i.b.pass(3 * time.Minute)
		i.b.claims("when another leads", map[string]string{})
		stop()
	})
}

// Who says that something has changed at a server has it polled at once, and however often that is said, not much more often.
func TestLook(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		a := r.net["a"]
		r.pass(3 * time.Second)
		polls := func() int { return len(a.times(r.start, "getMeetings")) }
		before := polls()
		r.Look("a")
		r.pass(100 * time.Millisecond)
		if n := polls() - before; n != 1 {
			t.Errorf("%d polls at once", n)
		}
		for range 1000 {
			r.Look("a")
			r.Look("nobody")
		}
		r.pass(100 * time.Millisecond)
		if n := polls() - before; n != 1 {
			t.Errorf("%d polls of many who ask", n)
		}
		r.pass(4 * time.Second)
		if n := polls() - before; n != 2 {
			t.Errorf("%d polls in the end", n)
		}
		a.set(behaviour{delay: 3 * time.Second}, "getMeetings")
		r.Look("a")
		r.pass(time.Second)
		r.Look("a") // while that poll is on its way
		before = polls()
		a.set(behaviour{})
		a.show([]bbb.Meeting{room("class", "i", 1)}...)
		r.pass(5 * time.Second)
		if n := polls() - before; n != 1 || r.claimed("class") != "a" {
			t.Errorf("%d polls after the one that was on its way, claimed on %q", n, r.claimed("class"))
		}
	})
}
