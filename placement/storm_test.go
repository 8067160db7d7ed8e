package placement_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// world is what the servers really have: internal IDs by server and meeting.
type world struct {
	mu   sync.Mutex
	live map[string]map[store.MeetingKey]string
	made int
}

// create makes a meeting on a server, or repeats the one that is there.
func (w *world) create(server string, k store.MeetingKey) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live[server] == nil {
		w.live[server] = map[store.MeetingKey]string{}
	}
	if w.live[server][k] == "" {
		w.made++
		w.live[server][k] = fmt.Sprint("internal-", w.made)
	}
	return w.live[server][k]
}

func (w *world) end(server string, k store.MeetingKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.live[server], k)
}

func (w *world) seen(server string) (list []placement.Sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, id := range w.live[server] {
		list = append(list, placement.Sighting{Key: k, InternalID: id, CreateTime: 1, People: rand.IntN(30)})
	}
	return list
}

// storm is many things happening at once to a few meetings.
type storm struct {
	*pool
	world world
	rough bool // with failing servers and stores, too
}

func (s *storm) chance(n int) bool { return s.rough && rand.IntN(n) == 0 }

func (s *storm) key() store.MeetingKey { return key(string(rune('a' + rand.IntN(6)))) }

func (s *storm) server() string { return string(rune('A' + rand.IntN(3))) }

func (s *storm) create(ctx context.Context) {
	k := s.key()
	c, err := s.Begin(ctx, k)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer c.End()
	place, err := c.Place(ctx, fifteen, nil)
	if err == nil && s.chance(3) {
		place, err = c.Place(ctx, fifteen, []string{place.Claim.Server})
	}
	if err != nil || s.chance(5) {
		_ = c.GiveUp(ctx) // fails as the store does
		return
	}
	_ = c.Confirm(ctx, placement.Made{InternalID: s.world.create(place.Claim.Server, k), CreateTime: 1})
}

func (s *storm) join(ctx context.Context) {
	if found, err := s.Find(ctx, s.key(), time.Minute); err == nil {
		s.Joined(found.Claim.MeetingKey, 0)
	}
}

func (s *storm) end(ctx context.Context) {
	if found, err := s.Find(ctx, s.key(), time.Minute); err == nil {
		s.world.end(found.Claim.Server, found.Claim.MeetingKey)
		_, _ = s.Close(ctx, found.Claim, "ended")
	}
}

func (s *storm) pollOnce(ctx context.Context, server string) {
	s.BeginPoll(server)
	p := placement.Poll{Server: server, Began: time.Now(), Complete: !s.chance(5)}
	p.Meetings = s.world.seen(server)
	_, _ = s.Reconcile(ctx, p)
}

// ask ends a meeting as its front end does, wherever it is.
func (s *storm) ask(ctx context.Context) {
	k := s.key()
	e, err := s.BeginEnd(ctx, k)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer e.Release()
	for _, server := range []string{"A", "B", "C"} {
		s.world.end(server, k)
	}
	_ = e.Ended(ctx, nil) // fails as the store does
}

func (s *storm) trouble(ctx context.Context) {
	if s.chance(10) {
		_ = s.RemoveServer(ctx, s.server())
	}
	s.stand(placement.Standing(rand.IntN(int(placement.Open)+1)), s.server())
}

// run lets everything happen at once for a while.
func (s *storm) run(ctx context.Context, rounds int) {
	var group sync.WaitGroup
	repeat := func(rounds int, what func(context.Context)) {
		group.Go(func() {
			for range rounds {
				what(ctx)
			}
		})
	}
	for range 4 {
		repeat(rounds, s.create)
		repeat(rounds*4, s.join)
	}
	repeat(rounds, s.end)
	repeat(rounds, s.ask)
	for _, server := range []string{"A", "B", "C"} {
		repeat(rounds, func(ctx context.Context) { s.pollOnce(ctx, server) })
	}
	if s.rough {
		repeat(rounds, s.trouble)
	}
	group.Wait()
}

func newStorm(t *testing.T, rough bool) *storm {
	s := &storm{pool: newPool(t), rough: rough}
	s.world.live = map[string]map[store.MeetingKey]string{}
	parts := s.parts()
	parts.Now = time.Now
	ledger, err := placement.OpenLedger(t.Context(), parts)
	s.must(err)
	s.Ledger = ledger
	s.stand(placement.Open, "A", "B", "C")
	return s
}

// Whatever creates, joins, polls and ends do at the same time: a meeting that a create was told of and nobody ended has
// its claim, and the ledger agrees with the store and with itself.
func TestStorm(t *testing.T) {
	s := newStorm(t, false)
	s.run(t.Context(), 150)
	s.check()
	for server, meetings := range s.world.live {
		for k, id := range meetings {
			found, err := s.Peek(k)
			if err != nil || found.Claim.Server != server || found.Claim.InternalID != id {
				t.Errorf("%v lives on %s as %s and is found as %+v (%v)", k, server, id, found, err)
			}
		}
	}
}

// With servers that come and go and a store that fails, too, memory never says anything else than the store does.
func TestStorm_Rough(t *testing.T) {
	s := newStorm(t, true)
	s.store.set(func(string) error {
		if s.chance(10) {
			return errDisk
		}
		return nil
	})
	s.run(t.Context(), 150)
	s.must(s.Check())
	held := map[store.MeetingKey]string{}
	for _, m := range s.Meetings() {
		held[m.MeetingKey] = m.Server + m.Placed.UTC().String()
	}
	claims, err := s.store.Claims(t.Context())
	s.must(err)
	stored := map[store.MeetingKey]string{}
	for _, c := range claims {
		stored[c.MeetingKey] = c.Server + c.Placed.UTC().String()
	}
	equal(t, "claims", held, stored)
}
