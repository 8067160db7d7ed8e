package imports

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

// Whether there is room is the volume's to say. Here is what becomes of imports when there is none: the job waits, and no
// other is tried for a while.

// noRoom is an error of the disk and not of the archive: the job waits, and no attempt is counted.
type noRoom struct{ error }

func (e noRoom) Unwrap() error { return e.error }

// outOfRoom tells whether the disk is at fault, and not what is written to it.
func outOfRoom(err error) bool {
	if _, ok := errors.AsType[noRoom](err); ok {
		return true
	}
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENODEV, syscall.ESTALE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// gate holds all imports back for a while after one has found no room: asking once for all of them is enough.
type gate struct {
	mu    sync.Mutex
	until time.Time
	pause time.Duration
}

// maxGate is how long they are held back at most.
const maxGate = time.Minute

// left is how long the gate stays shut.
func (g *gate) left(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.until.Sub(now))
}

// shut closes the gate, for longer each time until it is opened.
func (g *gate) shut(now time.Time, first time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pause = min(max(2*g.pause, first), maxGate)
	g.until = now.Add(g.pause)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until, g.pause = time.Time{}, 0
}

// crowded counts how often each job has found no room.
type crowded struct {
	mu    sync.Mutex
	times map[string]int
}

func (c *crowded) add(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[string]int{}
	}
	c.times[id]++
	return c.times[id]
}

func (c *crowded) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.times, id)
}

// grants are what imports under way may write next. An archive tells the size of what is in it only as it is unpacked,
// and several of them share one disk: so each asks as it goes, and is told what is left beside the others.
type grants struct {
	mu   sync.Mutex
	held map[*int64]bool
}

// ample is how much must be spare for a look at the disk not to be needed: more than is written between two looks.
const ample = 16 << 30

// begin returns what asks for more to write, before it is written, and what ends that. To ask looks at the disk, unless
// that is known to have plenty.
func (g *grants) begin(disk Disk) (more func(bytes int64) error, done func()) {
	own := new(int64)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = map[*int64]bool{}
	}
	g.held[own] = true
	more = func(bytes int64) error {
		need := g.ask(own, bytes)
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

// ask notes what an import is about to write, in the place of what it has written by now, and returns what all of them
// are about to.
func (g *grants) ask(own *int64, bytes int64) (all int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*own = bytes
	for other := range g.held {
		all += *other
	}
	return all
}
