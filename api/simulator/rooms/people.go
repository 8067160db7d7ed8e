package rooms

import (
	"slices"
	"strconv"
	"time"
)

// MaxPeople is how many people a meeting takes at most.
const MaxPeople = 10_000

// Person is somebody in a meeting. Those that a [Crowd] is made of have no session.
type Person struct {
	Meeting   *Meeting
	UserID    string // the front end's
	Internal  string // ID
	Name      string
	Session   string
	Custom    Pairs
	LogoutURL string
	Moderator bool
	Guest     bool

	From Origin

	voice, video bool
	arrives      time.Time
}

// Origin is where a join came from: what bbb-webhooks tells of it. Nobody else is told.
type Origin struct{ Address, Agent, Referer string }

// Role returns the role as BigBlueButton writes it.
func (p *Person) Role() string {
	if p.Moderator {
		return "MODERATOR"
	}
	return "VIEWER"
}

// IsIn tells somebody in the meeting from somebody who waits or is on the way.
func (p *Person) IsIn() bool { return p.Meeting.People.Find(p.Internal) != nil }

// Crowd is people who come to a meeting without a join. Voice, Video and Moderators say how many of them have a
// microphone, have a camera, are moderators.
type Crowd struct {
	Count      int `json:"count"`
	Voice      int `json:"voice"`
	Video      int `json:"video"`
	Moderators int `json:"moderators"`
}

// People are the people of a meeting.
type People struct {
	in              []*Person
	arriving        []*Person // have joined and are on their way
	waiting         []*Person // guests at the door
	presenter       *Person
	joined          int // people that ever were in it
	emptied         time.Time
	moderatorJoined bool
	moderatorsGone  time.Time
}

// In returns those who are in the meeting. Nobody may keep the list, or change it.
func (p *People) In() []*Person { return p.in }

// Joined returns how many people ever were in it.
func (p *People) Joined() int { return p.joined }

// Find returns somebody who is in the meeting, by the internal ID, or nil.
func (p *People) Find(internal string) *Person {
	if internal == "" {
		return nil
	}
	for _, someone := range p.in {
		if someone.Internal == internal {
			return someone
		}
	}
	return nil
}

// IsFull tells whether a number of people is a meeting's limit (0: there is none) for somebody of an ID. People count by
// the IDs that their front ends know them by: who is in may come again.
func (p *People) IsFull(limit int, userID string) bool {
	if p.isPacked() {
		return true
	}
	if limit == 0 {
		return false
	}
	users := map[string]bool{}
	for _, list := range [][]*Person{p.in, p.arriving} {
		for _, someone := range list {
			users[someone.UserID] = true
		}
	}
	return len(users) >= limit && !users[userID]
}

// isPacked tells whether a simulated meeting takes nobody else, whoever that is.
func (p *People) isPacked() bool { return len(p.in)+len(p.arriving)+len(p.waiting) >= MaxPeople }

// enter adds somebody to the people who are in the meeting.
func (p *People) enter(someone *Person) {
	p.in = append(p.in, someone)
	p.joined++
	if someone.Moderator {
		p.moderatorJoined = true
		p.moderatorsGone = time.Time{}
		if p.presenter == nil {
			p.presenter = someone
		}
	}
}

// come adds a crowd, and returns who it is.
func (p *People) come(m *Meeting, c Crowd) []*Person {
	p.in = slices.Grow(p.in, c.Count)
	before := len(p.in)
	for i := range c.Count {
		internal := RandomUserID()
		p.enter(&Person{
			Meeting: m, Internal: internal, UserID: internal, Name: "Person " + strconv.Itoa(p.joined+1),
			voice: i < c.Voice, video: i < c.Video, Moderator: i < c.Moderators,
		})
	}
	return slices.Clone(p.in[before:])
}

// leave removes people, wherever they are. Another moderator presents then.
func (p *People) leave(now time.Time, gone func(*Person) bool) {
	p.in = slices.DeleteFunc(p.in, gone)
	p.arriving = slices.DeleteFunc(p.arriving, gone)
	p.waiting = slices.DeleteFunc(p.waiting, gone)
	if p.presenter != nil && !slices.Contains(p.in, p.presenter) {
		p.presenter = nil
		if i := slices.IndexFunc(p.in, func(someone *Person) bool { return someone.Moderator }); i >= 0 {
			p.presenter = p.in[i]
		}
	}
	if len(p.in) == 0 {
		p.emptied = now
	}
	if p.moderatorJoined && p.moderatorsGone.IsZero() && p.presenter == nil {
		p.moderatorsGone = now
	}
}

// arrive lets in those who were on their way, and returns the guests that have waited too long, who go.
func (p *People) arrive(now time.Time) (came, gone []*Person) {
	due := func(someone *Person) bool { return !someone.arrives.After(now) }
	for _, someone := range p.arriving {
		if due(someone) {
			p.enter(someone)
			came = append(came, someone)
		}
	}
	p.arriving = slices.DeleteFunc(p.arriving, due)
	for _, someone := range p.waiting {
		if due(someone) {
			gone = append(gone, someone)
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, due)
	return came, gone
}

// all returns everybody: in the meeting, on the way, at the door.
func (p *People) all() []*Person { return slices.Concat(p.in, p.arriving, p.waiting) }

// disperse removes everybody, and returns those who were in the meeting.
func (p *People) disperse() (in []*Person) {
	in = p.in
	p.in, p.arriving, p.waiting, p.presenter = nil, nil, nil, nil
	return in
}

// tally is who does what in a meeting. Nobody only listens.
type tally struct{ people, moderators, voices, videos int }

func (p *People) count() tally {
	n := tally{people: len(p.in)}
	for _, someone := range p.in {
		n.moderators += one(someone.Moderator)
		n.voices += one(someone.voice)
		n.videos += one(someone.video)
	}
	return n
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
