package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/coming"
	"github.com/bbbpool/bbbpool/placement/fading"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/placement/settings"
	"github.com/bbbpool/bbbpool/store"
)

// What is in the pieces of a snapshot. Their fields are those of what they are of, where each is explained.

// ServerKept is a server with what is counted for it. The people are those in its meetings, and the strays.
type ServerKept struct {
	Server   Server
	Strays   int
	Seats    int
	Kept     float64
	Fading   fading.State
	Adopting quota.Allowance

	Polls, Endings, Whole, WholeFor int
	Ahead                           time.Duration
}

func (p *page) keep() ServerKept {
	return ServerKept{
		Server: p.Server, Strays: p.strays, Seats: p.seats, Kept: p.kept, Fading: p.fading.State(), Adopting: p.adopting,
		Polls: p.polls, Endings: p.endings, Whole: p.whole, WholeFor: p.wholeFor, Ahead: p.ahead,
	}
}

// restore makes the page. What a server may still bring is as many as here.
func (k ServerKept) restore(c settings.Config) *page {
	p := newPage(k.Server, c)
	p.strays, p.people, p.seats, p.kept = k.Strays, k.Strays, k.Seats, k.Kept
	p.fading = fading.Restore(c.Fade.Seconds(), k.Fading)
	p.adopting.Spent, p.adopting.At = k.Adopting.Spent, k.Adopting.At
	p.polls, p.endings, p.whole, p.wholeFor, p.ahead = k.Polls, k.Endings, k.Whole, k.WholeFor, k.Ahead
	return p
}

// StayKept is a meeting's time on one server.
type StayKept struct {
	Claim store.Claim
	Born  float64
	Begun time.Time

	People, Guess, Rooms int
	Early, Late, Polls   int
	Coming               []coming.Person
	Since                []int // for each of them, since which poll
	Joins, Peak, Missed  int
	Confirmed, Seen      time.Time
	Again                bool
}

func (s *stay) keep() StayKept {
	k := StayKept{
		Claim: s.claim, Born: s.born, Begun: s.begun, People: s.people, Guess: s.guess, Rooms: s.rooms, Early: s.early,
		Late: s.late, Polls: s.polls, Joins: s.joins, Peak: s.peak, Missed: s.missed, Confirmed: s.confirmed,
		Seen: s.seen, Again: s.again,
	}
	if n := len(s.coming); n > 0 {
		k.Coming, k.Since = make([]coming.Person, 0, n), make([]int, 0, n)
	}
	for who, since := range s.coming {
		k.Coming, k.Since = append(k.Coming, who), append(k.Since, since)
	}
	return k
}

func (k StayKept) restore() stay {
	s := stay{
		claim: k.Claim, born: k.Born, begun: k.Begun, people: k.People, guess: k.Guess, rooms: k.Rooms, early: k.Early,
		late: k.Late, polls: k.Polls, joins: k.Joins, peak: k.Peak, missed: k.Missed, confirmed: k.Confirmed,
		seen: k.Seen, again: k.Again,
	}
	if n := min(len(k.Coming), len(k.Since)); n > 0 {
		s.coming = make(coming.People, n)
		for i := range n {
			s.coming[k.Coming[i]] = k.Since[i]
		}
	}
	return s
}

// MeetingKept is a meeting.
type MeetingKept struct {
	Stay              StayKept
	Room              forecast.Room
	LastJoin          time.Time
	Creating, Pending bool
	Replaced          []StayKept
	Named, Voiced     bool // it is what is found by its ID on servers, and by its voice bridge
}

func (w *places) keep(m *meeting) MeetingKept {
	k := MeetingKept{
		Stay: m.keep(), Room: m.room, LastJoin: m.lastJoin, Creating: m.creating, Pending: m.pending,
	}
	for i := range m.replaced {
		k.Replaced = append(k.Replaced, m.replaced[i].keep())
	}
	named, _ := w.ids.Holder(m.claim.OnServer())
	voiced, _ := w.voices.Holder(m.claim.Voice)
	k.Named, k.Voiced = named == m, voiced == m
	return k
}

// restore enters a meeting as it was. Its page has it in all sums already, but for the people.
func (w *places) restore(k MeetingKept) {
	key := k.Stay.Claim.MeetingKey
	if w.meetings[key] != nil {
		return
	}
	m := &meeting{
		stay: k.Stay.restore(), room: k.Room, tenant: w.tenants.Of(key.Tenant), lastJoin: k.LastJoin, creating: k.Creating,
		pending: k.Pending,
	}
	for _, before := range k.Replaced {
		m.replaced = append(m.replaced, before.restore())
	}
	w.meetings[key] = m
	w.live[m.room]++
	w.tally(m, 1)
	w.ids.restore(m, k.Named)
	w.voices.restore(m, k.Voiced)
	if p := w.pages[m.claim.Server]; p != nil {
		m.page, p.meetings[key] = p, m
		p.people += m.here()
	}
}

// restore enters a meeting as what is found by its name, or not.
func (x index) restore(m *meeting, holds bool) {
	if holds {
		x.Take(m)
	} else {
		x.Enter(m)
	}
}

// ClosingKept is the end of a claim.
type ClosingKept struct {
	Key        store.MeetingKey
	Server     string
	InternalID string
	At         time.Time
	Asked      int
	Stay       *StayKept
	Reason     string
}

func (c closing) keep(key store.MeetingKey) ClosingKept {
	k := ClosingKept{Key: key, Server: c.server, InternalID: c.internalID, At: c.at, Asked: c.asked, Reason: c.reason}
	if c.stay != nil {
		k.Stay = new(c.stay.keep())
	}
	return k
}

func (k ClosingKept) restore() closing {
	c := closing{server: k.Server, internalID: k.InternalID, at: k.At, asked: k.Asked, reason: k.Reason}
	if k.Stay != nil {
		c.stay = new(k.Stay.restore())
	}
	return c
}

// SeatKept is a seat; without a server where it is held nowhere.
type SeatKept struct {
	Room   forecast.Room
	Size   float64
	Until  time.Time
	Last   string
	Server string
	Taken  bool
}

func (s *seat) keep(r forecast.Room) SeatKept {
	k := SeatKept{Room: r, Size: s.size, Until: s.until, Last: s.last, Taken: s.taken}
	if s.page != nil {
		k.Server = s.page.ID
	}
	return k
}

// TenantKept is when a tenant's meetings were begun.
type TenantKept struct {
	Tenant string
	Begun  quota.HourState
}
