package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// Why a claim is closed, in the history.
const (
	reasonGone    = "gone"         // the server does not know the meeting any more
	reasonMoved   = forecast.Moved // created on another server
	reasonRemoved = "removed"      // its server has left the pool

	// Ended: the server said so, or somebody who may.
	Ended = "ended"
	// Forgotten: given up by people, while it may go on where it is. If it is seen again it is claimed again.
	Forgotten = "forgotten"
)

// ClaimLoaded takes over a claim that stood before the book was begun. Until a poll has looked, a meeting that was created
// counts as one that people are on the way to, and its server as having those that were expected: else what was full would
// look empty.
type ClaimLoaded struct {
	At    time.Time
	Claim store.Claim
	Room  forecast.Room
}

func (c ClaimLoaded) apply(b *Book) {
	c.Claim.Expected = believable(c.Claim.Expected)
	m := b.where.add(c.Room, b.newStay(c.Claim, c.At))
	if m.page != nil {
		m.page.fading.expire(b.clock.now(c.At)) // most of what stands at a start has faded
	}
	if c.Claim.InternalID != "" {
		m.lastJoin = c.At
		m.presume(c.Claim.Expected * b.clock.faded(m.born, c.At))
	}
}

// CreateBegun says that somebody has the turn to create a meeting: what polls say of it does not count meanwhile.
type CreateBegun struct{ Key store.MeetingKey }

func (c CreateBegun) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.creating = true
	}
}

// CreateOver says that the turn is over. What the create has claimed stands.
type CreateOver struct{ Key store.MeetingKey }

func (c CreateOver) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.creating, m.pending, m.replaced = false, false, nil
	}
}

// ClaimPlaced puts a meeting on the server of a claim, whether it is new or was elsewhere. Its seat becomes expectation.
type ClaimPlaced struct {
	At    time.Time
	Claim store.Claim
	Room  forecast.Room
}

func (c ClaimPlaced) apply(b *Book) { b.place(c.Claim, c.Room, c.At) }

func (b *Book) place(c store.Claim, r forecast.Room, now time.Time) *meeting {
	b.seats.take(r)
	var before stay
	m := b.where.meetings[c.MeetingKey]
	if m == nil {
		m = b.where.add(r, b.newStay(c, now))
	} else {
		before = m.stay
		b.where.move(m, b.newStay(c, now))
	}
	m.replaced = append(m.replaced, before)
	m.creating, m.pending = true, true
	return m
}

// ClaimTakenBack undoes what the create under way has placed: the last time, or every time. The meeting is where it was
// before, or nowhere, as if nothing had happened.
type ClaimTakenBack struct {
	Key   store.MeetingKey
	Every bool
}

func (c ClaimTakenBack) apply(b *Book) {
	m := b.where.meetings[c.Key]
	if m == nil || len(m.replaced) == 0 {
		return
	}
	last := len(m.replaced) - 1
	if c.Every {
		last = 0
	}
	before := m.replaced[last]
	m.replaced = m.replaced[:last]
	if before.claim.Server == "" {
		b.where.drop(m)
		b.seats.giveBack(m.room)
		return
	}
	b.where.move(m, before)
}

// Confirmation is what a create does to the claim when its server has the meeting. Same says that nothing is to be
// written, and the second result is what the meeting was before, if that is over now.
func (b *Book) Confirmation(
	now time.Time, key store.MeetingKey, internalID string, createTime int64,
) (c ClaimConfirmed, over Finished, same bool) {
	m := b.where.meetings[key]
	if m == nil {
		return c, over, true
	}
	known := m.claim.InternalID
	if internalID == "" || len(internalID) > maxID {
		internalID = known
	}
	c = ClaimConfirmed{At: now, Claim: m.claim}
	c.Claim.InternalID, c.Claim.CreateTime = internalID, createTime
	switch {
	case known != "" && known != internalID: // over without our notice, and begun anew by this create
		over = m.finish(now, Ended)
		c.Anew, c.Claim.Placed = true, now
		c.Claim.Expected = b.expect(key.Tenant, m.room, Wish{Hint: m.claim.Hint}).people
	case len(m.replaced) > 0:
		over = m.replaced[0].replacedBy(internalID, c.Claim.Placed)
	}
	return c, over, known == internalID
}

// ClaimConfirmed says that the server of a claim has the meeting.
type ClaimConfirmed struct {
	At    time.Time
	Claim store.Claim
	Anew  bool // as another session than the one that was known
}

func (c ClaimConfirmed) apply(b *Book) {
	key := c.Claim.MeetingKey
	m := b.where.meetings[key]
	if m == nil {
		return
	}
	if c.Anew {
		b.where.move(m, b.newStay(c.Claim, c.At))
	}
	m.claim, m.confirmed, m.missed = c.Claim, c.At, 0
	if last, closed := b.closed.of(key); closed && (last.asked > 0 || last.was(c.Claim.Server, c.Claim.InternalID)) {
		b.closed.forget(key) // what servers owe of the meeting of before is known copy by copy
	}
}

// ClaimRedated goes back to the time of placement that the store has. Claims are told apart by it: one that the store has
// under another time could not be removed from there.
type ClaimRedated struct {
	Key    store.MeetingKey
	Placed time.Time
}

func (c ClaimRedated) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.claim.Placed = c.Placed
	}
}

// Finish says what a meeting leaves in the history if its claim is closed now; nothing where there is none.
func (b *Book) Finish(now time.Time, key store.MeetingKey, reason string) Finished {
	if m := b.where.meetings[key]; m != nil {
		return m.finish(now, reason)
	}
	return Finished{}
}

// ClaimClosed takes a meeting off the book, and keeps polls that were on their way from adopting it. One that is only lost
// from sight goes on if it is seen again.
type ClaimClosed struct {
	At     time.Time
	Claim  store.Claim // as it stood when the end was decided
	Reason string
}

func (c ClaimClosed) apply(b *Book) {
	key := c.Claim.MeetingKey
	m := b.where.meetings[key]
	if m == nil {
		return
	}
	b.where.drop(m)
	over := closing{server: c.Claim.Server, internalID: c.Claim.InternalID, at: c.At}
	switch c.Reason {
	case reasonGone, reasonRemoved, Forgotten:
		over.stay = new(m.stay)
		b.vanished.add(key, over)
	default:
		b.closed.add(key, over)
	}
}

// closing is the end of a claim. Server and internal ID belong together: two servers that create a meeting in the same
// millisecond give it the same internal ID, and a server may give any.
type closing struct {
	server     string
	internalID string
	at         time.Time
	asked      int   // which of all ends by somebody who may it was, wherever the meeting was; 0 where nobody has asked
	stay       *stay // of one that may be seen again, to go on with
}

// was tells whether it was that very meeting.
func (c closing) was(server, internalID string) bool {
	return c.server == server && c.internalID == internalID
}

// endedToo tells whether another meeting by that name, of nobody's, was over by then, too: a copy that was made by a create
// which was taken for failed. One that a poll sees people in that began after that is not over. Where somebody has asked for
// the end it is over that tells.
func (c closing) endedToo(s Sighting, began time.Time) bool {
	return c.asked == 0 && s.CreateTime <= c.at.UnixMilli() && (s.People+s.Rooms == 0 || !began.After(c.at))
}

// recently remembers the last closing of each meeting, for at least one span. A server may list a meeting for a while
// after its end, and a poll may have been on its way: neither must bring the claim back.
type recently struct {
	since        time.Time
	young, older map[store.MeetingKey]closing
}

const recentlySpan = 10 * time.Minute

func (r *recently) add(key store.MeetingKey, c closing) {
	if c.internalID == "" && c.asked == 0 {
		return
	}
	if c.at.Sub(r.since) >= recentlySpan {
		r.since, r.older, r.young = c.at, r.young, map[store.MeetingKey]closing{}
	}
	r.young[key] = c
}

func (r *recently) forget(key store.MeetingKey) {
	delete(r.young, key)
	delete(r.older, key)
}

func (r *recently) of(key store.MeetingKey) (c closing, ok bool) {
	if c, ok = r.young[key]; !ok {
		c, ok = r.older[key]
	}
	return c, ok
}

// stayOf returns the stay of a meeting that was closed on that server just now, and may be gone on with; nil where there is
// none.
func (r *recently) stayOf(key store.MeetingKey, server, internalID string) *stay {
	if last, ok := r.of(key); ok && last.was(server, internalID) {
		return last.stay
	}
	return nil
}
