package placement

// Person tells those apart who are sent to a meeting: a hash of who they are, or of the link that they have. 0 is somebody of
// whom nothing is known, and never the same as another.
type Person uint64

// way is who is on the way to a meeting, and since which poll of its server. One person who asks for a join again and
// again, or one link that many robots follow, must not fill a server.
type way map[Person]int

// maxWay is how many people on their way are told apart in one meeting. More than any has within one poll's time; those
// beyond it do not count before a poll has seen them.
const maxWay = 5_000

// add notes somebody, and tells whether he counts.
func (w *way) add(who Person, epoch int) bool {
	if who == 0 {
		return true
	}
	if _, again := (*w)[who]; again || len(*w) >= maxWay {
		return false
	}
	if *w == nil {
		*w = way{}
	}
	(*w)[who] = epoch
	return true
}

// arrived forgets those who were sent before the poll that has looked now: they are among the people it saw, or will not
// come.
func (w *way) arrived(epoch int) {
	for who, since := range *w {
		if since != epoch {
			delete(*w, who)
		}
	}
	if len(*w) == 0 {
		*w = nil
	}
}
