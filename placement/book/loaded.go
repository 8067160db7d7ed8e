package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// ClaimLoaded takes over a claim that stood before the book was begun. Until a poll has looked, a meeting that was created
// counts as one that people are on the way to, and its server as having those that were expected: else what was full would
// look empty. Of a meeting that is in the book it is where that is, or has gone on.
type ClaimLoaded struct {
	At    time.Time
	Claim store.Claim
	Room  forecast.Room
}

func (c ClaimLoaded) apply(b *Book) {
	c.Claim.Expected = forecast.Believable(c.Claim.Expected)
	if last, closed := b.closed.of(c.Claim.MeetingKey); closed && c.Claim.InternalID != "" && !c.Claim.Placed.Before(last.at) {
		b.anew(c.Claim) // the end of the one before may be all that was heard
	}
	if m := b.where.meetings[c.Claim.MeetingKey]; m != nil {
		c.correct(b, m)
		return
	}
	m := b.where.add(c.Room, b.newStay(c.Claim, c.At))
	m.begin(stay{}, c.At)
	if m.page != nil {
		m.page.fading.Expire(b.clock.now(c.At)) // most of what stands at a start has faded
	}
	if c.Claim.InternalID != "" {
		m.lastJoin = c.At
		m.presume(c.Claim.Expected * b.clock.faded(m.born, c.At))
	}
}

// correct brings a meeting of the book in line with its claim. If it is elsewhere now nobody is known to be in it there.
func (c ClaimLoaded) correct(b *Book, m *meeting) {
	if m.isAt(c.Claim) {
		c.Claim.Expected = m.claim.Expected // in sums already
		b.where.rename(m, c.Claim)
		return
	}
	before := m.stay
	b.where.move(m, b.newStay(c.Claim, c.At))
	m.begin(before, c.At)
	m.creating, m.pending, m.replaced = false, false, nil
}
