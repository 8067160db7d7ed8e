// Package coming remembers who is on the way to a meeting, so that nobody counts twice before a poll has looked. It knows no
// meeting and no clock: time is the number of the poll. It decides about nobody: whether somebody is let in is the caller's.
package coming

// Person tells those apart who are sent to a meeting: a hash of who they are, or of the link that they have. 0 is somebody of
// whom nothing is known, and never the same as another.
type Person uint64

// People are those on their way to a meeting, and since which poll of its server. One person who asks for a join again and
// again, or one link that many robots follow, must not fill a server.
type People map[Person]int

// maxComing is how many people on their way are told apart in one meeting. More than any has within one poll's time; those
// beyond it do not count before a poll has seen them.
const maxComing = 5_000

// Add enters somebody, and tells whether he counts.
func (p *People) Add(who Person, poll int) bool {
	if who == 0 {
		return true
	}
	if _, again := (*p)[who]; again || len(*p) >= maxComing {
		return false
	}
	if *p == nil {
		*p = People{}
	}
	(*p)[who] = poll
	return true
}

// Has tells whether somebody is entered already.
func (p People) Has(who Person) bool {
	_, has := p[who]
	return has && who != 0
}

// Arrived forgets those who were sent before the poll that has looked now: they are among the people it saw, or will not
// come.
func (p *People) Arrived(poll int) {
	for who, since := range *p {
		if since != poll {
			delete(*p, who)
		}
	}
	if len(*p) == 0 {
		*p = nil
	}
}
