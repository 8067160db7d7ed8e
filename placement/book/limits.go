package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/coming"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// allows tells whether a tenant may begin a meeting that is not known: the answer is exact, for it is given in the step that
// places the meeting, and what is being created counts. A breakout room is never refused.
func (b *Book) allows(now time.Time, tenant string, w *Wish) error {
	if w.Beside != "" || w.Limits.Meetings <= 0 && w.Limits.PerHour <= 0 {
		return nil
	}
	switch has := b.Tally(tenant, now); {
	case w.Limits.Meetings > 0 && has.Meetings >= w.Limits.Meetings:
		return ErrMeetings
	case w.Limits.PerHour > 0 && has.LastHour >= w.Limits.PerHour:
		return ErrPerHour
	}
	return nil
}

// Admits tells whether somebody may come into a meeting, by the counts as they stand: ErrMeetingPeople or ErrPeople where he
// may not. Whoever is on the way already is let in again, and breakout rooms borrow the people of their parents.
func (b *Book) Admits(key store.MeetingKey, who coming.Person, l store.Limits) error {
	return b.AdmitsBeside(key, who, l, 0, 0)
}

// AdmitsBeside is Admits where more people are on the way than the book knows: to the meeting, and to all of the tenant's.
func (b *Book) AdmitsBeside(key store.MeetingKey, who coming.Person, l store.Limits, meeting, tenant int) error {
	if l.MeetingPeople <= 0 && l.People <= 0 {
		return nil // without a look: this is the way of most joins
	}
	m := b.where.meetings[key]
	if m == nil || m.claim.Breakout || m.coming.Has(who) {
		return nil
	}
	switch {
	case l.MeetingPeople > 0 && m.known()+meeting >= l.MeetingPeople:
		return ErrMeetingPeople
	case l.People > 0 && m.tenant.People+tenant >= l.People:
		return ErrPeople
	}
	return nil
}

// Counts tells whether somebody who is sent to a meeting makes them one more there: he is not on the way already, and it is no
// breakout room.
func (b *Book) Counts(key store.MeetingKey, who coming.Person) bool {
	m := b.where.meetings[key]
	return m != nil && !m.claim.Breakout && !m.coming.Has(who)
}

// Tally returns what a tenant has.
func (b *Book) Tally(tenant string, now time.Time) quota.Tally {
	return b.where.tenants.Tally(tenant, now)
}

// Tallies returns what each tenant has that has something.
func (b *Book) Tallies(now time.Time) map[string]quota.Tally { return b.where.tenants.All(now) }

// begin takes note of when a meeting began that has a new stay. One that a server has had is the same one wherever it moves.
// What was only found on a server was begun by nobody, and breakout rooms do not count.
func (m *meeting) begin(before stay, now time.Time) {
	if m.begun = before.begun; before.claim.InternalID == "" && !uncounted(m.claim.Why) {
		m.began(m.claim.Placed, now)
	}
}

// began says that the meeting began at another time than was known; at none, if that is zero.
func (m *meeting) began(at, now time.Time) {
	m.tenant.Begun.Remove(m.begun)
	m.begun = at
	m.tenant.Begun.Add(at, now)
}
