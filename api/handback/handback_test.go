package handback_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/handback"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

// pool is servers that are as they are said to be, and what was written of them.
type pool struct {
	mu      sync.Mutex
	servers []poller.Status
	written []redis.Observation
	away    bool
}

func (p *pool) Servers() []poller.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]poller.Status(nil), p.servers...)
}

func (p *pool) Observed(_ context.Context, list []redis.Observation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return errors.New("away")
	}
	p.written = append(p.written, list...)
	return nil
}

func (p *pool) fail(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = is
}

// set changes the only server.
func (p *pool) set(health poller.Health, state store.ServerState, meetings int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers = []poller.Status{{
		Server: store.Server{ID: "bbb1", State: state, Weight: 2}, Health: health, Meetings: meetings, Users: 20, Videos: 3,
		Largest: 12, Load: placement.Load{People: 20, Expected: 5}, LastPoll: time.Unix(1, 0),
	}}
}

// unseen makes it one that nobody has reached since this process began.
func (p *pool) unseen(health poller.Health) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers = []poller.Status{{Server: store.Server{ID: "bbb1", State: store.Enabled, Weight: 2}, Health: health}}
}

// A server is written when it comes, goes, or gets another state, and when all is over; and never because people come and go.
func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		w := &handback.Writer{Pool: p, Store: p}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		seen := func(online bool, load float64, meetings int) redis.Observation {
			return redis.Observation{
				Server: "bbb1", Online: online, Load: load, Meetings: meetings, Users: 20, LargestMeeting: 12, Videos: 3,
			}
		}
		step := func(what string, want ...redis.Observation) {
			t.Helper()
			time.Sleep(5300 * time.Millisecond) // off the beat: nothing is due at the same moment
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if diff := cmp.Diff(want, p.written); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			p.written = nil
		}
		p.set(poller.Unknown, store.Enabled, 0)
		step("before anybody has looked")
		p.unseen(poller.Suspect)
		step("one that was never reached, of which nobody knows what it has")
		p.set(poller.Online, store.Enabled, 1)
		step("online", seen(true, 12.5, 1))
		p.set(poller.Suspect, store.Enabled, 2)
		step("one that failed just now")
		p.set(poller.Online, store.Cordoned, 2)
		step("cordoned", seen(true, 12.5, 2))
		p.fail(true)
		p.set(poller.Offline, store.Cordoned, 2)
		step("while the store is away")
		p.fail(false)
		step("afterwards", seen(false, -1, 2))
		p.set(poller.Online, store.Disabled, 3)
		step("disabled", seen(true, -1, 3))
		p.set(poller.Online, store.Disabled, 4)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		step("at the end", seen(true, -1, 4))
	})
}

// What Scalelite has seen of a server stays as long as nobody here has seen it: a pool that stops again knows no better. That it
// is gone is known.
func TestWriter_Unseen(t *testing.T) {
	for health, want := range map[poller.Health][]redis.Observation{
		poller.Unknown: nil, poller.Suspect: nil, poller.Offline: {{Server: "bbb1", Load: -1}},
	} {
		p := &pool{}
		p.unseen(health)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := (&handback.Writer{Pool: p, Store: p}).Run(ctx); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, p.written); diff != "" {
			t.Errorf("%s (-want +got):\n%s", health, diff)
		}
	}
}
