// Package room is what becomes of imports when there is no room: the job waits, and no other is tried for a while. Whether there
// is room is the volume's to say; the package never looks at a disk by itself.
package room

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

// lack is an error of the disk and not of the archive.
type lack struct{ error }

// Unwrap returns what the disk has said.
func (e lack) Unwrap() error { return e.error }

// Lack says of an error that the disk is at fault: the job waits, and no attempt is counted.
func Lack(err error) error { return lack{err} }

// Lacking tells whether the disk is at fault, and not what is written to it.
func Lacking(err error) bool {
	if _, ok := errors.AsType[lack](err); ok {
		return true
	}
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENODEV, syscall.ESTALE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// Gate holds all imports back for a while after one has found no room: asking once for all of them is enough.
type Gate struct {
	mu    sync.Mutex
	until time.Time
	pause time.Duration
}

// maxGate is how long they are held back at most.
const maxGate = time.Minute

// Left is how long the gate stays shut.
func (g *Gate) Left(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.until.Sub(now))
}

// Shut closes the gate, for longer each time until it is opened.
func (g *Gate) Shut(now time.Time, first time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pause = min(max(2*g.pause, first), maxGate)
	g.until = now.Add(g.pause)
}

// Open opens the gate.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until, g.pause = time.Time{}, 0
}

// Crowded counts how often each job has found no room.
type Crowded struct {
	mu    sync.Mutex
	times map[string]int
}

// Add counts once more for a job, and returns how often that has been.
func (c *Crowded) Add(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[string]int{}
	}
	c.times[id]++
	return c.times[id]
}

// Remove forgets a job.
func (c *Crowded) Remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.times, id)
}

// Clear forgets which jobs have found no room.
func (c *Crowded) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.times)
}

// Disk is what is asked about a disk before anything is written.
type Disk interface {
	// Room returns an error where that many bytes do not fit.
	Room(bytes int64) error
	// Spare is how many bytes fit now.
	Spare() int64
}

// Grants are what imports under way may write next. An archive tells the size of what is in it only as it is unpacked,
// and several of them share one disk: so each asks as it goes, and is told what is left beside the others.
type Grants struct {
	mu   sync.Mutex
	held map[*int64]bool
}

// ample is how much must be spare for a look at the disk not to be needed: more than is written between two looks.
const ample = 16 << 30

// Begin returns what asks for more to write, before it is written, and what ends that. To ask looks at the disk, unless
// that is known to have plenty.
func (g *Grants) Begin(disk Disk) (more func(bytes int64) error, done func()) {
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
			return lack{err}
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
func (g *Grants) ask(own *int64, bytes int64) (all int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*own = bytes
	for other := range g.held {
		all += *other
	}
	return all
}
