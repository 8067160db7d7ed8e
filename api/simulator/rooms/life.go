package rooms

import (
	"fmt"
	"slices"
	"time"
)

// maxEnded is how many ended meetings are remembered.
const maxEnded = 1_000

// guestPatience is how long a guest waits at the door.
const guestPatience = 30 * time.Second

// Pass brings the rooms to a moment: people arrive, meetings expire and are forgotten.
func (r *Rooms) Pass(now time.Time) {
	for _, m := range r.order {
		if m.IsOver() {
			continue
		}
		came, gone := m.People.arrive(now)
		r.arrived(m, came, now)
		for _, guest := range gone {
			delete(r.sessions, guest.Session)
		}
		if m.expired(now) {
			r.end(m, now)
		}
	}
	r.forgetEnded(now)
}

// LetIn gives somebody a session and a place in the meeting, at once or after a delay. A guest who has to wait gets a place
// at the door.
func (r *Rooms) LetIn(p *Person, now time.Time, delay time.Duration, waits bool) {
	r.Renew(p)
	m := p.Meeting
	switch {
	case waits:
		p.arrives = now.Add(guestPatience)
		m.People.waiting = append(m.People.waiting, p)
	case delay > 0:
		p.arrives = now.Add(delay)
		m.People.arriving = append(m.People.arriving, p)
	default:
		m.People.enter(p)
		r.arrived(m, []*Person{p}, now)
	}
}

// Renew gives somebody a new session. The one before is none any more.
func (r *Rooms) Renew(p *Person) {
	delete(r.sessions, p.Session)
	p.Session = RandomText(16, Lowercase)
	r.sessions[p.Session] = p
}

// Session returns whose session it is, or nil.
func (r *Rooms) Session(token string) *Person { return r.sessions[token] }

// AddPeople puts people into a meeting that goes on.
func (r *Rooms) AddPeople(id string, c Crowd, now time.Time) error {
	m, err := r.alive(id)
	if err != nil {
		return err
	}
	if c.Count < 0 || c.Count > MaxPeople-len(m.People.in) {
		return fmt.Errorf("meeting %q: %d people more: the limit is %d", id, c.Count, MaxPeople)
	}
	r.arrived(m, m.People.come(m, c), now)
	return nil
}

// Leave makes people leave a meeting that goes on, the last to come first. A count of 0 or less is everybody.
func (r *Rooms) Leave(id string, count int, now time.Time) error {
	m, err := r.alive(id)
	if err != nil {
		return err
	}
	if count <= 0 {
		count = len(m.People.in)
	}
	list := slices.Clone(m.People.in[max(0, len(m.People.in)-count):])
	gone := map[*Person]bool{}
	for _, p := range list {
		gone[p] = true
		delete(r.sessions, p.Session)
	}
	m.People.leave(now, func(p *Person) bool { return gone[p] })
	r.gone(m, list, now)
	return nil
}

// Dismiss makes one person leave.
func (r *Rooms) Dismiss(p *Person, now time.Time) {
	delete(r.sessions, p.Session)
	var gone []*Person
	if p.IsIn() {
		gone = []*Person{p}
	}
	p.Meeting.People.leave(now, func(other *Person) bool { return other == p })
	r.gone(p.Meeting, gone, now)
}

// EndByID ends a meeting that goes on.
func (r *Rooms) EndByID(id string, now time.Time) error {
	m, err := r.alive(id)
	if err != nil {
		return err
	}
	r.End(m, now)
	return nil
}

// End ends a meeting, as somebody has ordered.
func (r *Rooms) End(m *Meeting, now time.Time) {
	m.ordered = true
	r.end(m, now)
}

// end ends a meeting and its breakout rooms. From then on nobody sees it, but for a while it is remembered: it can be ended
// again, and joins are told that it is over.
func (r *Rooms) end(m *Meeting, now time.Time) {
	if m.IsOver() {
		return
	}
	for _, room := range m.rooms {
		r.end(room, now)
	}
	for _, p := range m.People.all() {
		delete(r.sessions, p.Session)
	}
	m.ended = now
	in := m.People.disperse()
	r.gone(m, in, now)
	r.tell(Event{Ended, m, nil, now})
	if m.parent != nil {
		m.parent.changed()
	}
	r.ended++
	for _, voice := range []string{m.Voice, m.WebVoice} {
		if r.voices[voice] == m {
			delete(r.voices, voice)
		}
	}
}

// forgetEnded drops the meetings that ended long enough ago, or that are too many.
func (r *Rooms) forgetEnded(now time.Time) {
	if r.ended == 0 {
		return
	}
	surplus := r.ended - maxEnded
	r.order = slices.DeleteFunc(r.order, func(m *Meeting) bool {
		if !m.IsOver() || now.Sub(m.ended) < r.linger && surplus <= 0 {
			return false
		}
		surplus--
		r.forget(m, now)
		return true
	})
}

// forget drops a meeting, and tells of it.
func (r *Rooms) forget(m *Meeting, now time.Time) {
	r.ended--
	delete(r.internal, m.Internal)
	if r.meetings[m.ID] == m {
		delete(r.meetings, m.ID)
	}
	if m.parent != nil {
		m.parent.rooms = slices.DeleteFunc(m.parent.rooms, func(room *Meeting) bool { return room == m })
	}
	r.hooks.Over(m, now)
}
