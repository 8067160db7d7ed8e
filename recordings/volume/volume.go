// Package volume watches the disks that recordings are on, and cannot be hung by them: whoever asks gets an answer from
// memory, or after a time that is bounded.
//
// Each directory is probed on a goroutine of its own: is it there, is it the right volume and not an empty mount point,
// how much room is left, can a file be written and made durable, and how long does that take. A probe that does not
// come back makes the directory hung, and no other is started until it does: at most one goroutine waits for each.
//
// The package says what is wrong and what to do; what to stop doing meanwhile, others decide. It touches nothing but
// .bbbpool in the directories.
package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// Config is how directories are watched, as flags.
type Config struct {
	Interval  time.Duration `name:"volume-interval" default:"10s" env:"BBBPOOL_VOLUME_INTERVAL" help:"How often the disk of the recordings is looked at."`
	Timeout   time.Duration `name:"volume-timeout" default:"3s" env:"BBBPOOL_VOLUME_TIMEOUT" help:"How long that disk may take to answer before it counts as hung."`
	MinFree   quantity.Size `name:"volume-min-free" default:"1GiB" env:"BBBPOOL_VOLUME_MIN_FREE" help:"Room that imports leave free on that disk."`
	MinInodes uint64        `name:"volume-min-inodes" default:"10000" env:"BBBPOOL_VOLUME_MIN_INODES" help:"Inodes that must be free for imports to go on."`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Interval < time.Second || c.Interval > time.Hour {
		wrong("--volume-interval %s: want between 1s and 1h", c.Interval)
	}
	if c.Timeout < 10*time.Millisecond || c.Timeout > 10*time.Minute {
		wrong("--volume-timeout %s: want between 10ms and 10m", c.Timeout)
	}
	if c.MinFree < 0 {
		wrong("--volume-min-free %s: want 0 or more", c.MinFree)
	}
	return errors.Join(errs...)
}

// Dir is a directory to be watched.
type Dir struct {
	Name   string // in metrics and messages
	Path   string
	Marker string // that the volume must have, see [Mark]; "" where none is expected
	Whole  bool   // no directory in it may lie elsewhere, with a link in its place

	by string // ends the names of what is written there by this program and by no other of the same pool
}

// Guard watches directories. It is safe for concurrent use.
type Guard struct {
	config  Config
	now     func() time.Time
	probe   func(Config, Dir) reading
	watches []*watch
}

// watch is what is known of a directory.
type watch struct {
	Dir

	mu   sync.Mutex
	seen sighting
}

// sighting is what was seen of a directory, and since when the next look takes.
type sighting struct {
	last   reading
	at     time.Time     // when the last probe began that has come back; zero before
	took   time.Duration // how long it took
	began  time.Time     // when the one began that is under way
	flying chan struct{} // closed when that has come back; nil while there is none
}

// New returns a guard that has seen nothing yet; until it has, everything counts as a problem. What now returns must
// have a monotonic reading, as time.Now has.
func New(c Config, now func() time.Time, dirs ...Dir) *Guard {
	g := &Guard{config: c, now: now, probe: probe}
	for _, d := range dirs {
		g.watches = append(g.watches, &watch{Dir: d})
	}
	return g
}

// Run looks at every directory now and then until ctx ends. Then it waits for the probes under way, so that nobody is in the
// directories any more once it has returned; but not for those that are hung, or may take long to be.
func (g *Guard) Run(ctx context.Context) error {
	ticker := time.NewTicker(g.config.Interval)
	defer ticker.Stop()
	for {
		g.Check(ctx)
		select {
		case <-ctx.Done():
			g.settle()
			return nil
		case <-ticker.C:
		}
	}
}

// settling is how long probes under way are waited for in the end, however long a disk may take to answer: whoever stops the
// pool waits, too, and not for a disk.
const settling = 3 * time.Second

// settle waits for the probes under way, each until it counts as hung, and not long for all of them.
func (g *Guard) settle() {
	over := time.NewTimer(settling)
	defer over.Stop()
	for _, w := range g.watches {
		w.mu.Lock()
		flying, left := w.seen.flying, g.config.Timeout-g.now().Sub(w.seen.began)
		w.mu.Unlock()
		if flying == nil || left <= 0 {
			continue
		}
		hung := time.NewTimer(left)
		select {
		case <-flying:
		case <-hung.C:
		case <-over.C:
			hung.Stop()
			return
		}
		hung.Stop()
	}
}

// Check looks at every directory now, and returns when all have answered, or the timeout is over, or ctx ends.
func (g *Guard) Check(ctx context.Context) {
	var flying []<-chan struct{}
	for _, w := range g.watches {
		flying = append(flying, g.look(w))
	}
	timeout := time.NewTimer(g.config.Timeout)
	defer timeout.Stop()
	for _, back := range flying {
		select {
		case <-back:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look starts a probe unless one is under way. What it returns is closed when that has come back.
func (g *Guard) look(w *watch) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen.flying != nil {
		return w.seen.flying
	}
	back := make(chan struct{})
	w.seen.flying, w.seen.began = back, g.now()
	go func() {
		r := g.probe(g.config, w.Dir)
		w.mu.Lock()
		defer w.mu.Unlock()
		began := w.seen.began
		w.seen = sighting{last: r, at: began, took: g.now().Sub(began), began: began}
		close(back)
	}()
	return back
}

// Hung tells whether any directory does not answer. Who touches it now may wait for ever.
func (g *Guard) Hung() bool {
	return slices.ContainsFunc(g.watches, func(w *watch) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.seen.hung(g.now(), g.config.Timeout)
	})
}

// Gone tells whether the first directory is not there: nothing is mounted, or another volume, or it does not answer. What
// is full or read-only can still be read.
func (g *Guard) Gone() bool {
	if len(g.watches) == 0 {
		return false
	}
	w := g.watches[0]
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.hung(g.now(), g.config.Timeout) || !w.seen.at.IsZero() && w.seen.last.total == 0
}

// hung tells whether the probe under way has taken too long.
func (s sighting) hung(now time.Time, timeout time.Duration) bool {
	return s.flying != nil && now.Sub(s.began) >= timeout
}

// Problem tells people why recordings cannot be written, and what to do; "" if they can.
func (g *Guard) Problem() string {
	var problems []string
	for _, s := range g.Status() {
		if s.Problem != "" {
			problems = append(problems, s.Problem)
		}
	}
	return strings.Join(problems, "; ")
}

// Room is RoomIn of the first directory. Without directories there is room for everything.
func (g *Guard) Room(bytes int64) error {
	if len(g.watches) == 0 {
		return nil
	}
	return g.RoomIn(g.watches[0].Name, bytes)
}

// RoomIn returns an error unless so many bytes may be written to the directory of that name now, and all of them can be
// used. It looks first, and takes no longer than the timeout. What others have asked for and not yet written is not
// counted.
func (g *Guard) RoomIn(name string, bytes int64) error {
	i := slices.IndexFunc(g.watches, func(w *watch) bool { return w.Name == name })
	if i < 0 {
		return fmt.Errorf("no directory called %q is watched", name)
	}
	if !g.Hung() {
		g.Check(context.Background())
	}
	if problem := g.Problem(); problem != "" {
		return errors.New(problem)
	}
	if s := g.Status()[i]; g.spare(s) < bytes {
		return fmt.Errorf("%s (%s) has no room for %s: %s are free, and %s of them stay so (--volume-min-free)",
			s.Name, s.Path, quantity.Size(bytes), quantity.Size(s.Free), g.config.MinFree)
	}
	return nil
}

// Spare returns how many bytes may be written to the first directory now, as far as is known: 0 before it was looked at,
// without directories, and while any of them has a problem. It asks no disk.
func (g *Guard) Spare() int64 {
	if len(g.watches) == 0 || g.Problem() != "" {
		return 0
	}
	return g.spare(g.Status()[0])
}

// spare is what may be written to a directory, so that the least that is to be free stays so.
func (g *Guard) spare(s Status) int64 { return max(0, s.Free-int64(g.config.MinFree)) }
