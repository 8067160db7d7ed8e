package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// Why a claim is closed, in the history.
const (
	Vanished = "gone"         // the server does not know the meeting any more
	Lost     = "lost"         // its server has been offline for too long
	Moved    = forecast.Moved // created on another server
	Removed  = "removed"      // its server has left the pool

	// Ended: the server said so, or somebody who may.
	Ended = "ended"
	// Forgotten: given up by people, while it may go on where it is. If it is seen again it is claimed again.
	Forgotten = "forgotten"
)

// MayComeBack tells whether the end of a meeting was told for a reason that leaves it possible that it goes on. If it does it
// is a meeting of its own, with a session and an end of its own.
func MayComeBack(reason string) bool {
	return reason == Vanished || reason == Lost || reason == Removed
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
	over := closing{server: c.Claim.Server, internalID: c.Claim.InternalID, at: c.At, reason: c.Reason}
	switch c.Reason {
	case Vanished, Lost, Removed, Forgotten:
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
	reason     string
}

// told tells whether front ends know of the end: whoever sees the meeting again sees one that has come back.
func (c closing) told() bool { return MayComeBack(c.reason) }

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
// after its end, and a poll may have been on its way: neither must bring the claim back. What was lost with its server is
// remembered for longer, since a server that comes back does so when somebody has repaired it.
type recently struct {
	since        time.Time
	young, older map[store.MeetingKey]closing
}

const (
	recentlySpan = 10 * time.Minute
	lostSpan     = 24 * time.Hour
)

func newRecently(since time.Time) recently {
	return recently{since, map[store.MeetingKey]closing{}, map[store.MeetingKey]closing{}}
}

// restore enters ends that another book remembered.
func (r *recently) restore(older bool, list []ClosingKept) {
	into := r.young
	if older {
		into = r.older
	}
	for _, one := range list {
		into[one.Key] = one.restore()
	}
}

func (r *recently) add(key store.MeetingKey, c closing) {
	if c.internalID == "" && c.asked == 0 {
		return
	}
	if c.at.Sub(r.since) >= recentlySpan {
		before := r.older
		r.since, r.older, r.young = c.at, r.young, map[store.MeetingKey]closing{}
		r.keepLost(before, c.at)
	}
	r.young[key] = c
}

func (r *recently) keepLost(before map[store.MeetingKey]closing, now time.Time) {
	for key, c := range before {
		if _, newer := r.older[key]; !newer && (c.reason == Lost || c.reason == Removed) && now.Sub(c.at) < lostSpan {
			r.older[key] = c
		}
	}
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

// lost returns how a meeting was closed on that server, if that left its stay to go on with.
func (r *recently) lost(key store.MeetingKey, server, internalID string) (last closing, found bool) {
	last, found = r.of(key)
	if !found || last.stay == nil || !last.was(server, internalID) {
		return closing{}, false
	}
	return last, true
}
