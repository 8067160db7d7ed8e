package rooms

import (
	"slices"
	"time"
)

// maxComings is how often somebody is noted to have come at most.
const maxComings = 100

// Attendee is somebody who was in a meeting, under the ID that the front end gave: who comes again is the same.
type Attendee struct {
	UserID    string
	Name      string
	Moderator bool
	Joins     []time.Time
	Leaves    []time.Time
}

// Stayed returns for how long somebody was there, until a moment where no leave is noted.
func (a *Attendee) Stayed(until time.Time) (d time.Duration) {
	for i, joined := range a.Joins {
		left := until
		if i < len(a.Leaves) {
			left = a.Leaves[i]
		}
		d += max(0, left.Sub(joined))
	}
	return d
}

// attendance is who was in a meeting, in the order they came. It is kept where BigBlueButton keeps events: of other meetings
// nobody asks for it, and a load of thousands of people need not be remembered.
type attendance struct {
	list []*Attendee
	by   map[string]*Attendee
}

func (a *attendance) came(p *Person, now time.Time) {
	who := a.by[p.UserID]
	if who == nil {
		if len(a.list) >= MaxPeople {
			return
		}
		if a.by == nil {
			a.by = map[string]*Attendee{}
		}
		who = &Attendee{UserID: p.UserID, Name: p.Name, Moderator: p.Moderator}
		a.by[p.UserID] = who
		a.list = append(a.list, who)
	}
	if len(who.Joins) < maxComings {
		who.Joins = append(who.Joins, now)
	}
}

func (a *attendance) left(p *Person, now time.Time) {
	if who := a.by[p.UserID]; who != nil && len(who.Leaves) < len(who.Joins) {
		who.Leaves = append(who.Leaves, now)
	}
}

// Attendees returns copies of who was in the meeting, in the order they came: nobody, where events are not kept.
func (m *Meeting) Attendees() []Attendee {
	list := make([]Attendee, 0, len(m.attendance.list))
	for _, a := range m.attendance.list {
		own := *a
		own.Joins, own.Leaves = slices.Clone(a.Joins), slices.Clone(a.Leaves)
		list = append(list, own)
	}
	return list
}

// KeepsEvents tells whether BigBlueButton stores what happens in the meeting.
func (m *Meeting) KeepsEvents() bool { return m.Record || m.KeepEvents }
