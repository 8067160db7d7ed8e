package book

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/rule"
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

	Alias  string // the ID that servers are to know the meeting by; "" for the front end's own
	Spare  string // the same, if another meeting has the alias already; "" refuses the create then
	Unmade string // formats of the recording that are switched off, as the create says them
	Voice  string // the voice bridge that the front end asks for; it gets none where another meeting has that
	Signer string // name of the secret that signed the create
	// Back is where the front end wants to be called back; nil for nowhere. Nobody changes it any more.
	Back *store.Back
	// Moderator is the moderators' password that the create gives; "" leaves it to the server.
	Moderator store.Secret
	Limits    store.Limits // of the tenant
	Request   string       // names the create, where another instance has handed it on; it may be handed on twice
}

// maxUnmade is how long a list of formats may be that a claim keeps. A longer one is nobody's, and is not kept in part.
const maxUnmade = 256

// unmade are the formats that a claim keeps.
func (w Wish) unmade() string {
	if !w.Recorded || len(w.Unmade) > maxUnmade {
		return ""
	}
	return strings.ToValidUTF8(w.Unmade, "")
}

// Pinned is the basis of an expectation where nobody had a choice: a breakout room goes where its parent is.
const Pinned forecast.Basis = "parent"

// Propose makes the claim that the rule wants for a create, with the numbers that it was decided by. Nothing is placed by
// that: the claim has to be applied before the next decision. The seat of the room itself does not count. A meeting that is
// known keeps its alias and its voice bridge, and no limit refuses it.
func (b *Book) Propose(
	now time.Time, key store.MeetingKey, r forecast.Room, w Wish, avoid []string,
) (store.Claim, error) {
	known := b.where.meetings[key]
	alias, err := b.where.alias(known, key, &w)
	if err == nil && known == nil {
		err = b.allows(now, key.Tenant, &w)
	}
	if err != nil {
		return store.Claim{}, err
	}
	voice, err := b.where.voice(&b.config.Bridges, known, key, w.Voice)
	if err != nil {
		return store.Claim{}, err
	}
	// A server that has the meeting of before still takes a create for a repeat, and comes last; one that has another tenant's
	// would let the people of both into one.
	w.Shun = slices.Concat(w.Shun, b.owed.Servers(key))
	avoid = slices.Concat(avoid, b.owed.Foreign(key, cmp.Or(alias, key.MeetingID)))
	own := b.expect(key.Tenant, r, w)
	d := decision{book: b, now: b.clock.now(now), own: own.people, without: b.seats.held[r], wish: w, avoid: avoid}
	choice, err := d.decide()
	if err != nil {
		return store.Claim{}, err
	}
	return store.Claim{
		MeetingKey: key, Server: choice.Best.Server, Placed: known.next(now), Expected: own.people, Recorded: w.Recorded,
		Hint: w.Hint, Why: choice.Decision(string(own.basis)), Breakout: w.Beside != "", Name: nameToKeep(w.Name, w.Recorded),
		Unmade: w.unmade(), Alias: alias, Signer: w.Signer, Moderator: w.Moderator, Voice: voice,
		Request: w.Request, Back: w.Back,
	}, nil
}

// expected is what a decision begins with.
type expected struct {
	people float64
	basis  forecast.Basis
}

// expect returns how many people a meeting brings.
func (b *Book) expect(tenant string, r forecast.Room, w Wish) expected {
	if w.Beside != "" {
		return expected{0, Pinned} // its people are counted where they come from
	}
	people, basis := b.forecast.Expect(tenant, r, w.Hint)
	return expected{forecast.Believable(people), basis}
}

// load is what the book has of a server, its page, in numbers, but for the seat of the room that they are asked for; nil for
// none.
func (p *page) load(now float64, without *seat) rule.Load {
	carries := float64(p.Capacity)
	if carries <= 0 {
		carries = p.Weight * p.carry
	}
	weight := p.Weight
	if p.Slow {
		weight /= 2
	}
	kept := p.kept
	if without != nil && without.page == p {
		if kept -= without.size; p.seats == 1 {
			kept = 0
		}
	}
	return rule.Load{
		Server: p.ID, Weight: weight, Capacity: p.Capacity, Hard: p.Hard, Carries: carries, People: p.people,
		Expected: p.fading.At(now), Kept: kept, Meetings: len(p.meetings),
	}
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
func (d *decision) decide() (rule.Choice, error) {
	if d.wish.Beside != "" {
		return d.beside()
	}
	tag := rule.ParseTags(d.wish.Tag, d.wish.Limits.Tags)
	full := 0
	// A guess must not lock a large meeting out of a pool of nearly empty servers: where it fits nowhere, it goes to one
	// that has room for an ordinary meeting.
	for _, room := range []float64{d.own, d.book.config.Default} {
		for _, t := range []struct {
			standings []rule.Standing
			avoid     []string
		}{
			{[]rule.Standing{rule.Open, rule.Unproven}, slices.Concat(d.avoid, d.wish.Shun)},
			{[]rule.Standing{rule.Open, rule.Unproven, rule.Doubtful}, d.avoid},
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
		return rule.Choice{}, ErrFull
	case tag.Exclude() && d.anyTakes():
		return rule.Choice{}, ErrNoTag
	}
	return rule.Choice{}, ErrNoServer
}

// chooseAmong takes the first standing that has a server: with the tag, else with what the tag falls back to.
func (d *decision) chooseAmong(room float64, standings []rule.Standing, tag rule.Tags, avoid []string) (none rule.Choice) {
	for _, standing := range standings {
		for _, wanted := range tag.Wishes(d.book.config.AnyTag) {
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
func (d *decision) choose(room float64, standing rule.Standing, wanted rule.Tags, avoid []string) rule.Choice {
	c := rule.Choice{Own: d.own, Room: room, Fill: d.book.config.Fill, Draw: d.book.Draw}
	for _, p := range d.book.where.order {
		if p.Standing == standing && wanted.Match(p.Tag) && !slices.Contains(avoid, p.ID) {
			load := p.load(d.now, d.without)
			c.Offer(&load)
		}
	}
	return c
}

// beside is the choice where there is none: a breakout room takes its people from a meeting on that server, which
// keeps its meetings even while it takes no new ones.
func (d *decision) beside() (rule.Choice, error) {
	p := d.book.where.pages[d.wish.Beside]
	if p == nil || p.Standing == rule.Gone || slices.Contains(d.avoid, p.ID) {
		return rule.Choice{}, ErrNoServer
	}
	return rule.Choice{Best: p.load(d.now, d.without)}, nil
}

// anyTakes tells whether a server could take a meeting, whatever its tag.
func (d *decision) anyTakes() bool {
	for _, p := range d.book.where.order {
		if p.Standing >= rule.Doubtful && !slices.Contains(d.avoid, p.ID) {
			return true
		}
	}
	return false
}

// Explain says in one line why a meeting is on a server.
func Explain(server string, d store.Decision) string {
	if d == (store.Decision{}) {
		return fmt.Sprintf("%s: it was found there, nobody chose", server)
	}
	if d.Basis == string(Pinned) {
		return fmt.Sprintf("%s: its parent is there", server)
	}
	s := fmt.Sprintf("%s: %d here + %.1f expected + %.0f kept + %.1f own (%s), /%g", server, d.Here, d.Expected, d.Kept,
		d.Own, d.Basis, d.Weight)
	if d.Next != "" {
		s += fmt.Sprintf("; next %s at %.1f", d.Next, d.NextAt)
	}
	return s
}
