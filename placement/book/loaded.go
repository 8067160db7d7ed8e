package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
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
	m.begin(stay{}, c.At)
	if m.page != nil {
		m.page.fading.Expire(b.clock.now(c.At)) // most of what stands at a start has faded
	}
	if c.Claim.InternalID != "" {
		m.lastJoin = c.At
		m.presume(c.Claim.Expected * b.clock.faded(m.born, c.At))
	}
}
