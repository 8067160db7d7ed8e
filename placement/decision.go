package placement

import (
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
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

// Basis is what an expectation was taken from.
type Basis = forecast.Basis

// The bases, from best to worst, and Pinned: nobody had a choice.
const (
	FromHistory = forecast.FromHistory
	FromHint    = forecast.FromHint
	FromTenant  = forecast.FromTenant
	FromDefault = forecast.FromDefault

	Pinned Basis = "parent" // a breakout room goes where its parent is
)

// Placement says where a create goes.
type Placement struct {
	Claim    store.Claim
	Known    bool // the meeting was claimed before; otherwise Claim.Why tells why it goes there
	Occupied bool // somebody is in it, or may be on the way
}

// Stays is where the meeting is, and whether it can be created there: not on a server that is gone, or to be avoided.
func (b *Book) Stays(now time.Time, key store.MeetingKey, avoid []string) (Placement, bool) {
	m := b.where.meetings[key]
	if m == nil || !m.usable() || slices.Contains(avoid, m.claim.Server) {
		return Placement{}, false
	}
	return Placement{Claim: m.claim, Known: true, Occupied: m.occupied(now)}, true
}

// Propose makes the claim that the rule wants for a create, with the numbers that it was decided by. Nothing is placed by
// that: the claim has to be applied before the next decision. The seat of the room itself does not count.
func (b *Book) Propose(
	now time.Time, key store.MeetingKey, r forecast.Room, w Wish, avoid []string,
) (store.Claim, error) {
	own := b.expect(key.Tenant, r, w)
	d := decision{book: b, now: b.clock.now(now), own: own.people, without: b.seats.held[r], wish: w, avoid: avoid}
	choice, err := d.decide()
	if err != nil {
		return store.Claim{}, err
	}
	return store.Claim{
		MeetingKey: key, Server: choice.Best.Server, Placed: now, Expected: own.people, Recorded: w.Recorded,
		Hint: w.Hint, Why: choice.Decision(own.basis), Breakout: w.Beside != "", Name: nameToKeep(w.Name, w.Recorded),
	}, nil
}

// expected is what a decision begins with.
type expected struct {
	people float64
	basis  Basis
}

// expect returns how many people a meeting brings.
func (b *Book) expect(tenant string, r forecast.Room, w Wish) expected {
	if w.Beside != "" {
		return expected{0, Pinned} // its people are counted where they come from
	}
	people, basis := b.forecast.Expect(tenant, r, w.Hint)
	return expected{believable(people), basis}
}

// decision is one application of the rule.
type decision struct {
	book    *Book
	now     float64 // by the book's clock
	own     float64 // people expected in the meeting
	without *seat   // of the meeting's room, which does not count; nil where it has none
	wish    Wish
	avoid   []string
}

// decide finds a server. One that answers comes before one that fails, and one that is shunned between them.
func (d *decision) decide() (Choice, error) {
	if d.wish.Beside != "" {
		return d.beside()
	}
	tag := parseTags(d.wish.Tag)
	full := 0
	// A guess must not lock a large meeting out of a pool of nearly empty servers: where it fits nowhere, it goes to one
	// that has room for an ordinary meeting.
	for _, room := range []float64{d.own, d.book.config.Default} {
		for _, t := range []struct {
			standings []Standing
			avoid     []string
		}{
			{[]Standing{Open, Unproven}, slices.Concat(d.avoid, d.wish.Shun)},
			{[]Standing{Open, Unproven, Doubtful}, d.avoid},
		} {
			c := d.chooseAmong(room, t.standings, tag, t.avoid)
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
	case tag.required && d.anyTakes():
		return Choice{}, ErrNoTag
	}
	return Choice{}, ErrNoServer
}

// chooseAmong takes the first standing that has a server: with the tag, else with what the tag falls back to.
func (d *decision) chooseAmong(room float64, standings []Standing, tag tags, avoid []string) (none Choice) {
	for _, standing := range standings {
		for _, wanted := range tag.wishes(d.book.config.AnyTag) {
			c := d.choose(room, standing, wanted, avoid)
			if c.Best.Server != "" {
				return c
			}
			none.Full += c.Full
		}
	}
	return none
}

// choose applies the rule to the servers of one standing.
func (d *decision) choose(room float64, standing Standing, wanted tags, avoid []string) Choice {
	c := Choice{Own: d.own, Room: room, Fill: d.book.config.Fill, Draw: d.book.Draw}
	for _, p := range d.book.where.order {
		if p.Standing == standing && wanted.match(p.Tag) && !slices.Contains(avoid, p.ID) {
			load := p.load(d.now, d.without)
			c.offer(&load)
		}
	}
	return c
}

// beside is the choice where there is none: a breakout room takes its people from a meeting on that server, which
// keeps its meetings even while it takes no new ones.
func (d *decision) beside() (Choice, error) {
	p := d.book.where.pages[d.wish.Beside]
	if p == nil || p.Standing == Gone || slices.Contains(d.avoid, p.ID) {
		return Choice{}, ErrNoServer
	}
	return Choice{Best: p.load(d.now, d.without)}, nil
}

// anyTakes tells whether a server could take a meeting, whatever its tag.
func (d *decision) anyTakes() bool {
	for _, p := range d.book.where.order {
		if p.Standing >= Doubtful && !slices.Contains(d.avoid, p.ID) {
			return true
		}
	}
	return false
}

// untagged is how front ends ask for a server without a tag.
const untagged = "none"

// tags is a wish for tagged servers, as in Scalelite: "a;b" wants one of these, "a;b!" takes nothing else. The zero
// value, no wish at all, is for untagged servers.
type tags struct {
	names    []string
	asked    bool
	required bool
	any      bool // every server will do
}

// parseTags reads meta_server-tag. A "!" alone requires nothing.
func parseTags(s string) tags {
	s, required := strings.CutSuffix(s, "!")
	if s == "" {
		return tags{}
	}
	return tags{names: strings.Split(s, ";"), asked: true, required: required}
}

// match tells whether a server with that tag is wished for.
func (t tags) match(tag string) bool {
	switch {
	case t.any:
		return true
	case !t.asked:
		return tag == ""
	case tag == "":
		tag = untagged
	}
	return slices.Contains(t.names, tag)
}

// wishes lists the wish and, where others will do, the one that it falls back to: untagged servers, and with anyTag all
// servers in the end.
func (t tags) wishes(anyTag bool) []tags {
	list := []tags{t}
	if t.required {
		return list
	}
	if t.asked {
		list = append(list, tags{})
	}
	if anyTag {
		list = append(list, tags{any: true})
	}
	return list
}
