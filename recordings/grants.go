package recordings

import "sync"

// grants are what imports under way may write next. An archive tells the size of what is in it only as it is unpacked,
// and several of them share one disk: so each asks as it goes, and is told what is left beside the others.
type grants struct {
	mu   sync.Mutex
	held map[*int64]bool
}

// ample is how much must be spare for a look at the disk not to be needed: more than is written between two looks.
const ample = 16 << 30

// begin returns what asks for more to write, before it is written, and what ends that.
func (g *grants) begin(disk Disk) (more func(bytes int64) error, done func()) {
	own := new(int64)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = map[*int64]bool{}
	}
	g.held[own] = true
	more = func(bytes int64) error {
		need := g.hold(own, bytes)
		if disk.Spare()-need > ample {
			return nil
		}
		if err := disk.Room(need); err != nil {
			return noRoom{err}
		}
		return nil
	}
	return more, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.held, own)
	}
}

// hold notes what an import is about to write, in the place of what it has written by now, and returns what all of them
// are about to.
func (g *grants) hold(own *int64, bytes int64) (all int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*own = bytes
	for other := range g.held {
		all += *other
	}
	return all
}
