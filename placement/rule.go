package placement

import (
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
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

	Alias  string // the ID that servers are to know the meeting by; "" for the front end's own
	Spare  string // the same, if another meeting has the alias already; "" refuses the create then
	Voice  string // the voice bridge that the front end asks for; it gets none where another meeting has that
	Signer string // name of the secret that signed the create
	// Moderator is the moderators' password that the create gives; "" leaves it to the server.
	Moderator store.Secret
	Limits    store.Limits // of the tenant
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

// Propose makes the claim that the rule wants for a create, with the numbers that it was decided by. Nothing is placed by
// that: the claim has to be applied before the next decision. The seat of the room itself does not count. A meeting that is
// known keeps its alias and its voice bridge, and no limit refuses it.
func (b *Book) Propose(
	now time.Time, key store.MeetingKey, r forecast.Room, w Wish, avoid []string,
) (store.Claim, error) {
	alias, err := b.where.alias(key, w)
	if err == nil {
		err = b.allows(now, key, w)
	}
	if err != nil {
		return store.Claim{}, err
	}
	own := b.expect(key.Tenant, r, w)
	d := decision{book: b, now: b.clock.now(now), own: own.people, without: b.seats.held[r], wish: w, avoid: avoid}
	choice, err := d.decide()
	if err != nil {
		return store.Claim{}, err
	}
	return store.Claim{
		MeetingKey: key, Server: choice.Best.Server, Placed: now, Expected: own.people, Recorded: w.Recorded,
		Hint: w.Hint, Why: choice.Decision(own.basis), Breakout: w.Beside != "", Name: nameToKeep(w.Name, w.Recorded),
		Alias: alias, Signer: w.Signer, Moderator: w.Moderator, Voice: b.where.voice(key, w),
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

// Standing is what a server may be used for, from what people decided and what its health is.
type Standing int

// The standings, from worst to best.
const (
	// Gone: offline, disabled or removed. Nothing goes there, and its claims hold no create back.
	Gone Standing = iota
	// Held: cordoned or draining. It keeps its meetings and takes no new ones.
	Held
	// Doubtful: it fails. It keeps its meetings and takes new ones only when nobody else can.
	Doubtful
	// Unproven: not seen yet, answering again and on its way back, or answering very slowly. It takes new meetings before
	// one that fails does.
	Unproven
	// Open: it takes new meetings.
	Open
)

// load is what the book has of a server, its page, in numbers, but for the seat of the room that they are asked for; nil for
// none.
func (p *page) load(now float64, without *seat) Load {
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
	return Load{
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
func (d *decision) decide() (Choice, error) {
	if d.wish.Beside != "" {
		return d.beside()
	}
	tag := parseTags(d.wish.Tag)
	tag.only = d.wish.Limits.Tags
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
	case (tag.required || tag.only != nil) && d.anyTakes():
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

// Load is what counts on one server at the moment of a decision, in people.
type Load struct {
	Server   string
	Weight   float64 // how much it carries relative to others; half of that while it is slow
	Capacity int     // people it should carry at most; 0 is no limit
	Hard     bool    // no new meeting goes beyond the capacity
	Carries  float64 // people it carries well: its capacity, or what its weight stands for
	People   int     // in its meetings, joins on their way included
	Expected float64 // still expected in its meetings
	Kept     float64 // room held for meetings that are not created yet
	Meetings int
}

// with is how many people a server would count with a meeting of that size.
func (l *Load) with(own float64) float64 { return float64(l.People) + l.Expected + l.Kept + own }

// full tells whether a meeting that needs so much room must not go there. Seats refuse nobody, and an empty server takes
// a meeting of any size.
func (l *Load) full(room float64) bool {
	limit := float64(l.Capacity)
	return l.Hard && limit > 0 && float64(l.People)+l.Expected+min(room, limit) > limit+rounding
}

// rounding is what sums of many expectations may be off by.
const rounding = 1e-6

// Choice is the rule at work: offer it every server that may take the meeting, then look at Best. Its zero value,
// with Own, Room and Draw set, is ready.
type Choice struct {
	Own  float64         // people expected in the new meeting
	Room float64         // of these, how many a hard capacity must have room for
	Fill float64         // share of what a server carries that small meetings fill first; 0 spreads all alike
	Draw func(n int) int // draws from [0,n), for servers that are equal in everything
	Best Load            // the server to take; empty where none was offered
	Next Load            // the runner-up; empty where there is none
	Full int             // servers that were offered and have no room

	best, next rank
	same       int // servers equal to Best
}

// rank is what servers are compared by.
type rank struct {
	overfull bool    // the meeting would fill the server beyond its capacity
	filling  bool    // the server is one that small meetings fill first, and has room for this one
	after    float64 // how full it would be, per weight
	meetings int
}

func (r rank) before(other rank) bool {
	switch {
	case r.overfull != other.overfull:
		return other.overfull
	case r.filling != other.filling:
		return r.filling
	case r.after != other.after:
		return (r.after < other.after) != r.filling // of those that are filled, the fullest
	}
	return r.meetings < other.meetings
}

func (c *Choice) rank(l *Load) rank {
	people := l.with(c.Own)
	return rank{
		overfull: l.Capacity > 0 && people > float64(l.Capacity),
		filling:  c.Fill > 0 && people <= c.Fill*l.Carries,
		after:    people / l.Weight,
		meetings: l.Meetings,
	}
}

// offer considers one more server. What is not chosen is not copied.
func (c *Choice) offer(l *Load) {
	if l.full(c.Room) {
		c.Full++
		return
	}
	r := c.rank(l)
	switch {
	case c.Best.Server == "":
		c.Best, c.best, c.same = *l, r, 1
	case r.before(c.best):
		c.Next, c.next = c.Best, c.best
		c.Best, c.best, c.same = *l, r, 1
	case r == c.best && c.draw():
		c.Next, c.next = c.Best, c.best
		c.Best = *l
	case c.Next.Server == "" || r.before(c.next):
		c.Next, c.next = *l, r
	}
}

// draw decides among n equals, one after another, so that each ends up as the best with the same probability.
func (c *Choice) draw() bool {
	c.same++
	return c.Draw(c.same) == 0
}

// Decision returns the numbers that were used. Basis is what Own was taken from.
func (c *Choice) Decision(basis Basis) store.Decision {
	if c.Best.Server == "" {
		return store.Decision{}
	}
	d := store.Decision{
		Here: c.Best.People, Expected: quantity.Tenths(c.Best.Expected), Kept: quantity.Tenths(c.Best.Kept),
		Own:   quantity.Tenths(c.Own),
		Basis: string(basis), Weight: c.Best.Weight, Next: c.Next.Server,
	}
	if c.Next.Server != "" {
		d.NextAt = quantity.Tenths(c.next.after)
	}
	return d
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
