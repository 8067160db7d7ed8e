package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// StayOfSession is a session as what the last hour is recalled from.
func StayOfSession(s store.Session) quota.Stay {
	return quota.Stay{
		Key: store.MeetingKey{Tenant: s.Tenant}, ID: s.ID, Room: s.Meeting, Start: s.Start, End: s.End,
		Moved: s.Reason == Moved, Found: uncounted(s.Why) || cameBack(s),
	}
}

// StayOfClaim is the same of a claim that stands; room is the hash of its key.
func StayOfClaim(c store.Claim, room string) quota.Stay {
	return quota.Stay{Key: c.MeetingKey, ID: c.InternalID, Room: room, Start: c.Placed, Found: uncounted(c.Why)}
}

// uncounted tells whether a meeting was begun by nobody: it was only found, or is a breakout room, of which no limit is.
func uncounted(why store.Decision) bool {
	return why == (store.Decision{}) || why.Basis == string(Pinned)
}

// HourRecalled says when meetings were begun before the book was: those that are over, and those that stand and were
// elsewhere before.
type HourRecalled struct {
	At         time.Time
	Over, Live []quota.Begun
}

func (c HourRecalled) apply(b *Book) {
	b.recalled = true
	for _, one := range c.Over {
		b.where.tenants.Of(one.Key.Tenant).Begun.Add(one.At, c.At)
	}
	for _, one := range c.Live {
		if m := b.where.meetings[one.Key]; m != nil {
			m.began(one.At, c.At)
		}
	}
}
