package book

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/store"
)

// Placement says where a create goes.
type Placement struct {
	Claim    store.Claim
	Known    bool // the meeting was claimed before; otherwise Claim.Why tells why it goes there
	Occupied bool // somebody is in it, or may be on the way
	// Same: the claim that stands was made by the very create that asks, by [Wish].Request. Whoever sent it does not know
	// that, since what it has come to got lost: the server has the meeting if the claim has an internal ID.
	Same bool
	// Anew is when the meeting counts as placed if the server has it no more and makes another one, so that what was sent along
	// tells the two apart; zero where it is not known to have been there.
	Anew time.Time
}

// Stays is where the meeting is, and whether it can be created there: not on a server that is gone, or to be avoided.
func (b *Book) Stays(now time.Time, key store.MeetingKey, avoid []string) (Placement, bool) {
	m := b.where.meetings[key]
	if m == nil || !m.usable() || slices.Contains(avoid, m.claim.Server) {
		return Placement{}, false
	}
	return Placement{Claim: m.claim, Known: true, Occupied: m.occupied(now)}, true
}

// recentJoin is how long somebody who was sent to a meeting may need to show up in it.
const recentJoin = 2 * time.Minute

// occupied tells whether somebody is in the meeting, or may be on the way.
func (m *meeting) occupied(now time.Time) bool {
	return m.people > 0 || m.rooms > 0 || now.Sub(m.lastJoin) < recentJoin
}

// usable tells whether the server of a meeting can be expected to have it.
func (m *meeting) usable() bool { return m.page != nil && m.page.Standing > rule.Gone }

// mayLeave tells whether a meeting that is usable is better off on a server that takes new ones.
func (m *meeting) mayLeave(now time.Time) bool {
	return m.page.Standing == rule.Held && !m.occupied(now)
}

// Made is what a server has answered to a create.
type Made struct {
	InternalID string
	CreateTime int64        // by the server's clock, in milliseconds since 1970
	Moderator  store.Secret // the moderators' password; "" where it is not known
	Voice      string       // the voice bridge that it has there; "" where that is not known

	// The rest is of the create, as in the wish, and Placed is [Placement.Anew]; whoever has a [Creation] need not say it.
	Request  string
	Signer   string
	Back     *store.Back
	Unmade   string
	Recorded bool
	Name     string
	Placed   time.Time
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

func (c ClaimPlaced) apply(b *Book) { b.place(c.Claim, c.Room, c.At, nil) }

// place begins the meeting's stay on a server: its time there, with all that was counted. The stay before is kept whole, so
// that giving the move up restores it. A meeting that was lost from sight goes on.
func (b *Book) place(c store.Claim, r forecast.Room, now time.Time, lost *stay) *meeting {
	b.seats.take(r)
	var before stay
	m := b.where.meetings[c.MeetingKey]
	if m == nil {
		m = b.where.add(r, b.newStay(c, now))
	} else {
		before = m.stay
		b.where.move(m, b.newStay(c, now))
	}
	if goesOn := lost != nil && before.claim.Server == ""; goesOn {
		before.begun, m.begun = lost.begun, lost.begun
	} else {
		m.begin(before, now)
	}
	m.replaced = append(m.replaced, before)
	m.creating, m.pending = true, true
	return m
}

// ClaimTakenBack undoes what the create under way has placed: the last time, or every time. The meeting is where it was
// before, or nowhere, as if nothing had happened.
type ClaimTakenBack struct {
	At    time.Time
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
	m.began(before.begun, c.At)
	if before.claim.Server == "" {
		b.where.drop(m)
		b.seats.giveBack(m.room)
		return
	}
	b.where.move(m, before)
}

// Confirmation is what a create does to the claim when its server has the meeting. Same says that nothing is to be
// written, and the second result is what the meeting was before, if that is over now.
func (b *Book) Confirmation(now time.Time, key store.MeetingKey, made Made) (c ClaimConfirmed, over Finished, same bool) {
	m := b.where.meetings[key]
	if m == nil {
		return c, over, true
	}
	known, internalID := m.claim.InternalID, made.InternalID
	if internalID == "" || len(internalID) > maxID {
		internalID = known
	}
	c = ClaimConfirmed{At: now, Claim: m.claim}
	c.Claim.InternalID, c.Claim.CreateTime = internalID, made.CreateTime
	if len(made.Moderator) <= maxID {
		c.Claim.Moderator = cmp.Or(made.Moderator, m.claim.Moderator)
	}
	if dialled(made.Voice) { // which of two that have it is found by it is the index's to say
		c.Claim.Voice = made.Voice
	}
	switch {
	case known != "" && known != internalID: // over without our notice, and begun anew by this create
		over = m.finish(now, Ended)
		c.Anew, c.Claim.Placed, c.Claim.Request = true, cmp.Or(made.Placed, now), made.Request
		c.Claim.Signer, c.Claim.Back, c.Claim.Marks = made.Signer, made.Back, ""
		c.Claim.Recorded, c.Claim.Name = made.Recorded, nameToKeep(made.Name, made.Recorded)
		c.Claim.Unmade = Wish{Recorded: made.Recorded, Unmade: made.Unmade}.unmade()
		c.Claim.Expected = b.expect(key.Tenant, m.room, Wish{Hint: m.claim.Hint}).people
	case len(m.replaced) > 0:
		over = m.replaced[0].replacedBy(internalID, c.Claim.Placed)
	}
	return c, over, known == internalID && c.Claim.Moderator == m.claim.Moderator && c.Claim.Voice == m.claim.Voice
}

// maxVoice is more digits than any telephone dials.
const maxVoice = 32

// dialled tells whether what a server calls a voice bridge can be one. Everything else says nothing.
func dialled(voice string) bool {
	return voice != "" && len(voice) <= maxVoice && strings.Trim(voice, "0123456789") == ""
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
		m.begin(stay{}, c.At)
	}
	b.where.rename(m, c.Claim)
	m.confirmed, m.missed = c.At, 0
	b.anew(c.Claim)
}

// anew forgets that a meeting was closed which its server has again.
func (b *Book) anew(c store.Claim) {
	if last, closed := b.closed.of(c.MeetingKey); closed && (last.asked > 0 || last.was(c.Server, c.InternalID)) {
		b.closed.forget(c.MeetingKey) // what servers owe of the meeting of before is known copy by copy
	}
}

// ClaimMarked notes whether something of a meeting was marked for recording, as its server has told while it ended.
type ClaimMarked struct {
	Claim store.Claim // as it stands then
}

func (c ClaimMarked) apply(b *Book) {
	if m := b.where.meetings[c.Claim.MeetingKey]; m != nil && m.isAt(c.Claim) {
		m.claim.Marks = c.Claim.Marks
	}
}

// ClaimRedated goes back to the time of placement that the store has. Claims are told apart by it: one that the store has
// under another time could not be removed from there. What its server calls back has the other time still.
type ClaimRedated struct {
	Key    store.MeetingKey
	Placed time.Time
}

func (c ClaimRedated) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.asked, m.claim.Placed = m.claim.Placed, c.Placed
	}
}
