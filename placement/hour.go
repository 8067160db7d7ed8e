package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// begun is a stay of the last hour, as the store has it.
type begun struct {
	key store.MeetingKey // without the meeting's ID where the stay is over
	quota.Stay
}

func ofSession(s store.Session) begun {
	return begun{store.MeetingKey{Tenant: s.Tenant}, quota.Stay{
		Room: s.Meeting, Start: s.Start, End: s.End, Moved: s.Reason == reasonMoved, Found: uncounted(s.Why),
	}}
}

func ofClaim(c store.Claim, room string) begun {
	return begun{c.MeetingKey, quota.Stay{Room: room, Start: c.Placed, Found: uncounted(c.Why)}}
}

// uncounted tells whether a meeting was begun by nobody: it was only found, or is a breakout room, of which no limit is.
func uncounted(why store.Decision) bool {
	return why == (store.Decision{}) || why.Basis == string(Pinned)
}

// begunFrom finds out from the history when the meetings of the last hour were begun: those that are over, and those that
// stand and were elsewhere before.
func begunFrom(past, lasting []begun, now time.Time) (c HourRecalled) {
	c.At = now
	over, live := quota.Began(stays(past), stays(lasting))
	for i, at := range over {
		if !at.IsZero() {
			c.Over = append(c.Over, Begun{past[i].key, at})
		}
	}
	for i, at := range live {
		if one := lasting[i]; !one.Found && !at.Equal(one.Start) {
			c.Live = append(c.Live, Begun{one.key, at})
		}
	}
	return c
}

func stays(list []begun) (stays []quota.Stay) {
	for _, one := range list {
		stays = append(stays, one.Stay)
	}
	return stays
}

// Begun is when a meeting was begun; zero where that does not count. Of a meeting that is over only the tenant is known.
type Begun struct {
	Key store.MeetingKey
	At  time.Time
}

// HourRecalled says when meetings were begun before the book was.
type HourRecalled struct {
	At         time.Time
	Over, Live []Begun
}

func (c HourRecalled) apply(b *Book) {
	for _, one := range c.Over {
		b.where.tenants.Of(one.Key.Tenant).Begun.Add(one.At, c.At)
	}
	for _, one := range c.Live {
		if m := b.where.meetings[one.Key]; m != nil {
			m.began(one.At, c.At)
		}
	}
}
