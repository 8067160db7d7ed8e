package placement

import (
	"cmp"
	"slices"
	"time"
)

// How many meetings are adopted that one server lists and nobody has created through the pool. Each becomes a claim, and a
// row of the history later: a server that makes up thousands with every poll must fill neither. Real servers have some
// thousands when they come into the pool, and few from then on.
const (
	adoptedAtOnce  = 1_000  // in one poll
	adoptedFirst   = 10_000 // before it is one after another
	adoptedPerHour = 1_000
)

// allowance is how many more meetings of a server may be adopted. It grows with time, up to adoptedFirst. Its zero value is
// all of that.
type allowance struct {
	spent float64
	at    time.Time
}

// left is how many may be adopted now.
func (a *allowance) left(now time.Time) int {
	if passed := now.Sub(a.at).Hours() * adoptedPerHour; passed > 0 {
		a.spent, a.at = max(a.spent-passed, 0), now
	}
	return int(adoptedFirst - a.spent)
}

// adoptable takes from what a server lists, and nobody has claimed, what may be adopted now: those with people in them
// first. What was lost from sight just now goes on, and is no new meeting. The lock is held.
func (l *Ledger) adoptable(page *server, list []Sighting) (some, excess []Sighting) {
	left := min(page.adopting.left(l.now()), adoptedAtOnce)
	slices.SortStableFunc(list, func(a, b Sighting) int { return cmp.Compare(b.People, a.People) })
	for _, s := range list {
		last, vanished := l.vanished.of(s.Key)
		known := vanished && last.is(page.ID, s.InternalID)
		switch {
		case len(some) >= adoptedAtOnce, !known && left <= 0:
			excess = append(excess, s)
			continue
		case !known:
			left--
			page.adopting.spent++
		}
		some = append(some, s)
	}
	return some, excess
}
