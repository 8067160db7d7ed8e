package book

import (
	"math"
	"time"

	"github.com/bbbpool/bbbpool/placement/fading"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/placement/settings"
	"github.com/bbbpool/bbbpool/store"
)

// Server is what the ledger needs to know of a server.
type Server struct {
	ID       string
	Weight   float64
	Capacity int  // people; 0 is no limit
	Hard     bool // no new meeting goes beyond the capacity
	Tag      string
	Standing rule.Standing
	Slow     bool // it takes its time for answers: what is there counts double
	Enabled  bool // people want it to take new meetings, whatever its health is
}

// page is what the book has about one server.
type page struct {
	Server
	meetings map[store.MeetingKey]*meeting
	people   int // seen and on their way, over all meetings, and in copies of meetings that are claimed elsewhere
	strays   int // of these, in such copies
	seats    int
	kept     float64 // by the seats
	carry    float64 // people that a server of weight 1 carries
	fading   fading.Sum
	adopting quota.Allowance

	polls    int           // that have begun, to tell joins before one from joins after it
	endings  int           // how many meetings had been ended when the last of them began
	whole    int           // the last poll that showed all its meetings; 0 before the first
	wholeFor int           // how many meetings had been ended when that one began
	ahead    time.Duration // its clock, of ours, at that poll
}

// visible tells whether what the server has is known: the last poll that is over showed all of it.
func (p *page) visible() bool { return p.whole > 0 && p.polls-p.whole <= 1 }

// attach puts a meeting on the page.
func (p *page) attach(m *meeting) {
	m.page = p
	p.meetings[m.claim.MeetingKey] = m
	p.people += m.here()
	p.fading.Add(m.born, m.claim.Expected)
}

// detach takes a meeting off the page.
func (p *page) detach(m *meeting) {
	delete(p.meetings, m.claim.MeetingKey)
	p.people -= m.here()
	p.fading.Remove(m.born, m.claim.Expected)
	m.page = nil
}

// countStrays counts the people in copies of meetings that are claimed elsewhere, and others that no claim is about: they
// need room, too. Those in what was ended are about to leave.
func (p *page) countStrays(copies []Sighting, people int) {
	for _, c := range copies {
		if !c.Over {
			people += c.People
		}
	}
	people = min(people, forecast.MaxPeople)
	p.people += people - p.strays
	p.strays = people
}

// hold keeps more room for seats, or less. With no seat left the sum starts anew: what rounding leaves of it would decide
// between servers that are equal.
func (p *page) hold(people float64) {
	if people > 0 {
		p.seats++
	} else {
		p.seats--
	}
	if p.kept += people; p.seats == 0 {
		p.kept = 0
	}
}

// ServerSet adds a server, or changes its weight, tag or standing. Claims that wait for it are attached.
type ServerSet struct{ Server Server }

func (c ServerSet) apply(b *Book) {
	s := c.Server
	if !(s.Weight > 0) || math.IsInf(s.Weight, 1) {
		s.Weight = 1
	}
	if known, ok := b.where.pages[s.ID]; ok {
		known.Server = s
		return
	}
	b.where.addServer(newPage(s, b.config))
}

// newPage returns the page of a server of which nothing is known.
func newPage(s Server, c settings.Config) *page {
	return &page{
		Server: s, meetings: map[store.MeetingKey]*meeting{}, fading: fading.New(c.Fade.Seconds()), carry: c.Carry,
		adopting: quota.Allowance{First: adoptedFirst, PerHour: adoptedPerHour},
	}
}

// ServerRemoved takes a server off the book. Claims on it stand until they are closed, and what it owes until that is
// forgotten.
type ServerRemoved struct{ ID string }

func (c ServerRemoved) apply(b *Book) {
	p, ok := b.where.pages[c.ID]
	if !ok {
		return
	}
	b.where.removeServer(p)
	b.seats.leave(p)
}
