package placement_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// tenant is what a tenant has by a model that counts again whenever it is asked.
type tenant struct {
	*pool
	draw *rand.Rand
	live map[string]began
	over []time.Time // when meetings were begun that are over
	ids  []string    // of the servers

	blind bool // no poll has seen the servers yet
}

// began is when a meeting began, and whether a server has answered its create. One that none has was none, once it is gone.
type began struct {
	at       time.Time
	answered bool
}

// has is the tally.
func (m *tenant) has() placement.Tally {
	now := m.clock.now().Unix()
	within := func(at time.Time) bool { return now-at.Unix() <= 3600 }
	tally := placement.Tally{Meetings: len(m.live)}
	for _, b := range m.live {
		if within(b.at) {
			tally.LastHour++
		}
	}
	for _, at := range m.over {
		if within(at) {
			tally.LastHour++
		}
	}
	return tally
}

// refuses is what a create has to fail with; nil if it may go on.
func (m *tenant) refuses(id string, l store.Limits) error {
	has := m.has()
	switch _, known := m.live[id]; {
	case known:
	case l.Meetings > 0 && has.Meetings >= l.Meetings:
		return placement.ErrMeetings
	case l.PerHour > 0 && has.LastHour >= l.PerHour:
		return placement.ErrPerHour
	}
	return nil
}

// create creates a meeting, which may be given up, or be left alone as by a crash; one that is known may move.
func (m *tenant) create(id string) {
	m.t.Helper()
	var avoid []string
	before, known := m.live[id]
	if known && m.draw.IntN(2) == 0 {
		found, err := m.Peek(key(id))
		m.must(err)
		avoid = []string{found.Claim.Server}
	}
	w := placement.Wish{Limits: store.Limits{Meetings: m.draw.IntN(8), PerHour: m.draw.IntN(20)}}
	want, fails := m.refuses(id, w.Limits), m.draw.IntN(8) == 0
	if fails {
		m.store.fail("CreateClaim", "UpdateClaim")
	}
	c := m.begin(id)
	defer c.End()
	place, err := c.Place(m.t.Context(), w, avoid)
	m.store.fail()
	if fails && want == nil && !place.Known {
		want = errDisk
	}
	if wantErr(m.t, "create", err, want); err != nil {
		return
	}
	if !before.answered && !place.Known { // what nobody has answered was nothing
		before.at = place.Claim.Placed
	}
	internal := place.Claim.InternalID
	if internal == "" {
		m.made++
		internal = fmt.Sprint(id, "@", m.made)
	}
	switch what := m.draw.IntN(6); {
	case what == 0 && !known:
		m.must(c.GiveUp(m.t.Context()))
		return
	case what == 1 && !known: // nobody hears of the answer
	default:
		before.answered = true
		m.must(c.Confirm(m.t.Context(), placement.Made{InternalID: internal, CreateTime: m.clock.now().UnixMilli()}))
	}
	m.live[id] = before
}

// gone takes a meeting out of the model.
func (m *tenant) gone(id string) {
	if b := m.live[id]; b.answered {
		m.over = append(m.over, b.at)
	}
	delete(m.live, id)
}

// pollAll shows what servers have, until what they have not is gone.
func (m *tenant) pollAll() {
	for range 3 {
		m.clock.add(time.Second)
		for _, server := range m.ids {
			var seen []placement.Sighting
			for _, info := range m.Meetings() {
				if info.Server == server && info.InternalID != "" {
					seen = append(seen, sees(info.Claim, 0))
				}
			}
			m.poll(server, seen...)
		}
	}
	for id, b := range m.live {
		if !b.answered {
			m.gone(id)
		}
	}
}

func (m *tenant) step() {
	ids := slices.Sorted(maps.Keys(m.live))
	m.clock.add(time.Second) // no two meetings begin at once
	if m.blind {
		m.blind = false
		m.pollAll()
		return
	}
	switch m.draw.IntN(8) {
	case 0:
		m.clock.add(time.Duration(m.draw.IntN(900)) * time.Second)
	case 1:
		m.pollAll()
	case 2:
		if len(ids) > 0 {
			id := ids[m.draw.IntN(len(ids))]
			m.finish(id)
			m.gone(id)
		}
	case 3:
		m.reopen(m.ids...)
		m.blind = true
	default:
		m.create(fmt.Sprint("m", m.draw.IntN(12)))
	}
}

// finish ends a meeting, by its server or by somebody who may.
func (m *tenant) finish(id string) {
	if m.draw.IntN(2) == 0 {
		m.pool.over(key(id))
		return
	}
	m.endAll(key(id))
}

// Whatever becomes of creates, over restarts, moves, ends and failures of the store: what a tenant is said to have is what it
// has, and a create is refused if, and only if, that is as much as it may have.
func TestLimits_Model(t *testing.T) {
	for seed := range uint64(4) {
		m := &tenant{
			pool: recalling(t, "a", "b", "c"), draw: rand.New(rand.NewPCG(seed, 3)), live: map[string]began{}, ids: []string{"a", "b", "c"},
			blind: true,
		}
		for step := 0; step < 200 && !t.Failed(); step++ {
			m.step()
			equal(t, fmt.Sprintf("seed %d, step %d: has", seed, step), m.Tally("t"), m.has())
			m.must(m.Check())
		}
	}
}
