package placement

import (
	"slices"

	"github.com/bbbpool/bbbpool/store"
)

// Wish is what a create asks of its server.
type Wish struct {
	Hint     int    // people that the front end announces; 0 where it does not, or is not believed
	Tag      string // as in meta_server-tag; "" wants an untagged server
	Recorded bool
	Name     string   // of the meeting
	Shun     []string // servers that a new meeting goes to only if no other can take it
	Beside   string   // for a breakout room, the server that its parent is on: the only one that will do
}

// expected is what a decision begins with.
type expected struct {
	people float64
	basis  Basis
}

// expect returns how many people a meeting brings. The lock is held.
func (l *Ledger) expect(tenant string, r room, w Wish) expected {
	if w.Beside != "" {
		return expected{0, Pinned} // its people are counted where they come from
	}
	people, basis := l.history.expect(tenant, r, w.Hint)
	return expected{believable(people), basis}
}

// propose makes the claim that a create needs. The lock is held.
func (l *Ledger) propose(key store.MeetingKey, r room, w Wish, avoid []string) (store.Claim, error) {
	own := l.expect(key.Tenant, r, w)
	choice, err := l.decide(own.people, w, avoid)
	if err != nil {
		return store.Claim{}, err
	}
	return store.Claim{
		MeetingKey: key, Server: choice.Best.Server, Placed: l.now(), Expected: own.people, Recorded: w.Recorded,
		Hint: w.Hint, Why: choice.Decision(own.basis), Breakout: w.Beside != "", Name: called(w.Name, w.Recorded),
	}, nil
}

// choose applies the rule to the servers of one standing. The lock is held.
func (l *Ledger) choose(own, room float64, standing Standing, wanted tags, avoid []string) Choice {
	c := Choice{Own: own, Room: room, Fill: l.config.Fill, Draw: l.Draw}
	now := l.clock(l.now())
	for _, s := range l.order {
		if s.Standing == standing && wanted.match(s.Tag) && !slices.Contains(avoid, s.ID) {
			load := s.load(now)
			c.offer(&load)
		}
	}
	return c
}

// decide finds a server. One that answers comes before one that fails, and one that is shunned between them. The lock is
// held.
func (l *Ledger) decide(own float64, w Wish, avoid []string) (Choice, error) {
	if w.Beside != "" {
		return l.beside(w.Beside, avoid)
	}
	tag := parseTags(w.Tag)
	full := 0
	// A guess must not lock a large meeting out of a pool of nearly empty servers: where it fits nowhere, it goes to one
	// that has room for an ordinary meeting.
	for _, room := range []float64{own, l.config.Default} {
		for _, t := range []struct {
			standings []Standing
			avoid     []string
		}{
			{[]Standing{Open, Unproven}, slices.Concat(avoid, w.Shun)},
			{[]Standing{Open, Unproven, Doubtful}, avoid},
		} {
			c := l.chooseAmong(own, room, t.standings, tag, t.avoid)
			if c.Best.Server != "" {
				return c, nil
			}
			full += c.Full
		}
		if full == 0 {
			break
		}
	}
	switch {
	case full > 0:
		return Choice{}, ErrFull
	case tag.required && l.anyTakes(avoid):
		return Choice{}, ErrNoTag
	}
	return Choice{}, ErrNoServer
}

// chooseAmong takes the first standing that has a server: with the tag, else with what the tag falls back to. The lock
// is held.
func (l *Ledger) chooseAmong(own, room float64, standings []Standing, tag tags, avoid []string) (none Choice) {
	for _, standing := range standings {
		for _, wanted := range tag.wishes(l.config.AnyTag) {
			c := l.choose(own, room, standing, wanted, avoid)
			if c.Best.Server != "" {
				return c
			}
			none.Full += c.Full
		}
	}
	return none
}

// beside is the choice where there is none: a breakout room takes its people from a meeting on that server, which
// keeps its meetings even while it takes no new ones.
func (l *Ledger) beside(id string, avoid []string) (Choice, error) {
	s := l.servers[id]
	if s == nil || s.Standing == Gone || slices.Contains(avoid, id) {
		return Choice{}, ErrNoServer
	}
	return Choice{Best: s.load(l.clock(l.now()))}, nil
}

// anyTakes tells whether a server could take a meeting, whatever its tag.
func (l *Ledger) anyTakes(avoid []string) bool {
	for _, s := range l.order {
		if s.Standing >= Doubtful && !slices.Contains(avoid, s.ID) {
			return true
		}
	}
	return false
}
