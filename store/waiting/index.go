package waiting

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Config is what an index that may be away is made of.
type Config struct {
	Index   store.Index
	Journal store.Waiting // of the state
	// Leading tells whether this instance writes what waits; nil for always.
	Leading func() bool
	Log     zerolog.Logger
	Now     func() time.Time // time.Now if nil

	Pause      time.Duration // between two looks whether the index is back; DefaultPause if 0
	Settle     time.Duration // how long it must have answered before a write of unknown outcome is looked for; DefaultSettle if 0
	MaxEntries int           // that may wait; DefaultMaxEntries if 0
	MaxBytes   int           // of what they are to do; DefaultMaxBytes if 0
}

// What is so where nothing else is said.
const (
	DefaultPause      = time.Second
	DefaultSettle     = 5 * time.Second
	DefaultMaxEntries = 100_000
	DefaultMaxBytes   = 64 << 20
)

// Index is an index that may be away. It is safe for concurrent use.
type Index struct {
	config  Config
	circuit *circuit
	meter   meter

	draining sync.Mutex // one at a time

	mu      sync.Mutex
	entries int // that wait, as far as known
	bytes   int
	last    int64                 // the time in the last entry's ID
	stuck   error                 // why the last attempt to write what waits ended
	full    bool                  // that something did not fit was said
	events  map[string]store.Wait // the entry of a server's events that waits, by server
	marks   map[string]time.Time
	looked  time.Time // when others' entries were looked for
	led     bool      // it led at the last look
	closed  bool
}

var errClosed = errors.New("the index is closed")

// New makes an index that may be away. It looks what waits already.
func New(ctx context.Context, c Config) *Index {
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&c.Pause, DefaultPause}, {&c.Settle, DefaultSettle}} {
		if *d.value <= 0 {
			*d.value = d.usual
		}
	}
	for _, n := range []struct {
		value *int
		usual int
	}{{&c.MaxEntries, DefaultMaxEntries}, {&c.MaxBytes, DefaultMaxBytes}} {
		if *n.value <= 0 {
			*n.value = n.usual
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	x := &Index{
		config: c, events: map[string]store.Wait{}, marks: map[string]time.Time{},
		circuit: &circuit{now: c.Now, pause: c.Pause, kick: make(chan struct{}, 1)},
	}
	x.count(ctx)
	return x
}

// Attach says who tells whether this instance leads. It is called before Run.
func (x *Index) Attach(leading func() bool) { x.config.Leading = leading }

// count looks what waits. A state that is away has it still, and is asked again by Run.
func (x *Index) count(ctx context.Context) {
	list, err := x.config.Journal.Waiting(ctx, x.config.MaxEntries)
	if err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries, x.bytes = len(list), 0
	for _, w := range list {
		x.bytes += len(w.Data)
	}
}

// Run looks whether an index that is away is back, and writes what waits, until ctx ends.
func (x *Index) Run(ctx context.Context) error {
	x.circuit.watch(true)
	defer x.circuit.watch(false)
	tick := time.NewTicker(x.config.Pause)
	defer tick.Stop()
	for {
		x.Look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-x.circuit.kick:
			if !pause(ctx, x.config.Pause/20) {
				return nil
			}
		}
	}
}

// pause waits, and tells whether ctx has not ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// others is how often it is looked for what other instances could not write.
const others = 10 * time.Second

// Look finds out whether the index is back, and writes what waits. An instance that does not lead finds out what the one that
// does has written.
func (x *Index) Look(ctx context.Context) {
	leads := x.leads(ctx)
	if away, _, _ := x.circuit.is(); away {
		_, err := x.config.Index.Session(ctx, "is anybody there?")
		x.circuit.heard(ctx, err)
		if errors.Is(err, store.ErrAway) {
			return
		}
	}
	if !leads {
		x.recount(ctx, page)
		return
	}
	x.mu.Lock()
	now := x.config.Now()
	due := x.entries > 0 || now.Sub(x.looked) >= others
	x.mu.Unlock()
	if due && x.usable(ctx) == nil {
		x.drain(ctx)
		x.unmark(ctx)
	}
}

// leads tells whether this instance writes what waits. One that has just come to lead counts what the one before has left: it is
// in the order before all that comes now, and takes room.
func (x *Index) leads(ctx context.Context) bool {
	leads := x.config.Leading == nil || x.config.Leading()
	x.mu.Lock()
	begins := leads && !x.led && x.config.Leading != nil
	x.mu.Unlock()
	counted := !begins || x.recount(ctx, x.config.MaxEntries)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.led = leads && counted
	return leads
}

// usable is an error where the index is closed, or whoever asks has given up.
func (x *Index) usable(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return errClosed
	}
	return ctx.Err()
}

// Close closes the index behind it. The journal is not closed.
func (x *Index) Close() error {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	return x.config.Index.Close()
}
