package mirror

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Marks are what tells a store that has lost something from one that somebody has edited.
type Marks interface {
	// Sequence returns the number that every write raises; 0 where there is none.
	Sequence(ctx context.Context) (uint64, error)
	// Raise makes the sequence to, in one step, if it is from or more and less than to. Else it returns [store.ErrConflict].
	Raise(ctx context.Context, from, to uint64) error
	// Losses returns how often the store has seen, at writes too, that the sequence went back.
	Losses() uint64
	// Home returns when all records were put there, as by a restore; 0 where they were not. It only grows.
	Home(ctx context.Context) (uint64, error)
	// Settle makes the home that one, if it is less.
	Settle(ctx context.Context, home uint64) error

	Lives
}

// Lives tell one run of a store's server from the next, which may have lost the last writes of the one before.
type Lives interface {
	// Incarnation names the running server, and is another one once that was started again; "" where that cannot be told.
	Incarnation(ctx context.Context) (string, error)
	// Vouched returns the incarnation that was vouched for last.
	Vouched(ctx context.Context) (string, error)
	// Vouch says that nothing is missing in an incarnation.
	Vouch(ctx context.Context, life string) error
}

// Config is what a mirror is opened with.
type Config struct {
	Store store.State // what is mirrored
	Marks Marks       // of the same store
	// Dir is the data directory; with "" the copy is in memory alone, and nothing can be written while the store is away.
	Dir string
	// Alone says that this is the only instance that writes to the store.
	Alone    bool
	Interval time.Duration // between two looks at the store; DefaultInterval if 0
	MaxWaits int           // records that may wait for the store; DefaultMaxWaits if 0
	Log      zerolog.Logger
	Now      func() time.Time // time.Now if nil
}

// What a mirror does where nothing else is said.
const (
	DefaultInterval = 500 * time.Millisecond
	DefaultMaxWaits = 100_000
)

// Hooks are what a mirror asks of other parts, and tells them. All may be nil. Those that are asked must not use the mirror;
// those that are told may.
type Hooks struct {
	// Leading returns the term of leading that this instance is in, and whether it leads at all; with nil, who is alone does.
	Leading func() (term uint64, leads bool)
	// Alone tells whether no other instance writes to the store; nil for what the configuration says, or what was so when the
	// copy was kept last. What is so when the store goes away stays so until it is back.
	Alone func() bool
	// Owes tells whether this instance leads by a lease that the store has not got yet, as it was away when that began: until it
	// has, the store counts as away. Nil for never.
	Owes func() bool
	// Led tells whether another instance leads; nil for never.
	Led func() bool
	// Known returns rows of claims and endings that another part has in memory, for when the store has lost its own.
	Known func() []store.Row
	// Edited hears the kinds of which records have become others, and not by this mirror: what is made of them is old.
	Edited func(kinds []string)
	// Healed hears what was put back after a loss.
	Healed func(Report)
}

// Mirror is a mirrored state. It is safe for concurrent use.
type Mirror struct {
	config Config
	hooks  atomic.Pointer[Hooks]
	copy   *records
	disk   *disk // nil without a data directory
	locks  *locks
	was    bool          // alone, when the copy in the data directory was kept
	kick   chan struct{} // asks Run to look now
	meter  meter

	gate    sync.RWMutex // held for reading by each write, for writing while the store is put right
	looking sync.Mutex   // one look at the store at a time
	next    time.Time    // before this a look that nobody has asked for does not read the whole store; of looking
	after   []func()     // what is to be told of a look once it is over; of looking

	mu     sync.Mutex
	home   uint64  // of the store that the copy is of
	known  uint64  // the highest sequence seen
	life   string  // incarnation of the store that was seen last
	losses uint64  // that the store had seen then
	term   uint64  // in which it was seen
	led    bool    // as the leader
	whole  *uint64 // the last term of leading in which the whole store was read
	synced bool    // the copy is that of a store that was read at least once
	away   outage
	lost   bool // the store has lost something, which nobody has put back
	doubt  bool // it was started again while we led, and was not looked through since
	healed Report
	unkept error // why the data directory has no copy of what is the case
	closed bool
}

// outage is a time in which the store does not answer, or has not got yet what waits for it.
type outage struct {
	is    bool
	alone bool // nobody else writes to the store then, and we need not wait for it
	since time.Time
	why   error
}

var errClosed = errors.New("the state is closed")

// Open makes a mirror of a store, and has a first look at it. A store that is away is no error where the data directory has
// a copy. A copy that is damaged is set aside. Whoever opens a mirror must close it, and the store with it; on an error the
// store is still open.
func Open(ctx context.Context, c Config) (*Mirror, error) {
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	if c.MaxWaits <= 0 {
		c.MaxWaits = DefaultMaxWaits
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	m := &Mirror{config: c, copy: newRecords(), locks: newLocks(), kick: make(chan struct{}, 1)}
	m.hooks.Store(&Hooks{})
	if c.Dir != "" {
		if err := m.open(c.Dir); err != nil {
			return nil, err
		}
	}
	if m.copy.count().waits > 0 { // the store has not got them
		m.away = outage{is: true, alone: m.isAlone(), since: c.Now()}
	}
	err := m.Refresh(ctx)
	if m.isSynced() {
		err = store.Ignore(err, store.ErrAway, store.ErrFenced)
	}
	if err != nil {
		return nil, errors.Join(err, m.disk.close())
	}
	m.keep()
	return m, nil
}

// open reads the copy in the data directory.
func (m *Mirror) open(dir string) (err error) {
	var head head
	if m.disk, head, err = openDisk(dir, m.config, m.copy); err != nil {
		return err
	}
	m.known, m.synced, m.was, m.home = head.Known, head.Synced, head.Alone, head.Home
	return nil
}

// Attach tells the mirror what it may ask of other parts.
func (m *Mirror) Attach(h Hooks) { m.hooks.Store(&h) }

// leads tells whether this instance may write what needs the lease, and the term.
func (m *Mirror) leads() (term uint64, leads bool) {
	if leading := m.hooks.Load().Leading; leading != nil {
		return leading()
	}
	return 0, m.config.Alone
}

// isAlone tells whether no other instance writes to the store.
func (m *Mirror) isAlone() bool {
	if alone := m.hooks.Load().Alone; alone != nil {
		return alone()
	}
	return m.config.Alone || m.was
}

// WasAlone tells whether no other instance wrote to the store when the copy in the data directory was kept.
func (m *Mirror) WasAlone() bool { return m.was }

// owes tells whether nothing may be written to the store yet, for it has not got the lease by which this instance leads.
func (m *Mirror) owes() bool {
	owes := m.hooks.Load().Owes
	return owes != nil && m.outage().is && owes()
}

func (m *Mirror) isSynced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.synced
}

// Run compares the copy with the store every interval, and keeps the copy in the data directory, until ctx ends.
func (m *Mirror) Run(ctx context.Context) error {
	tick := time.NewTicker(m.config.Interval)
	defer tick.Stop()
	for {
		_ = m.look(ctx, false) // Away tells
		m.keep()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-m.kick:
		}
	}
}

// keep writes what has changed to the data directory.
func (m *Mirror) keep() {
	alone := m.isAlone()
	m.mu.Lock()
	head := head{Known: m.known, Synced: m.synced, Alone: alone, Home: m.home}
	m.mu.Unlock()
	err := m.disk.keep(head, m.copy)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && m.unkept == nil {
		m.config.Log.Warn().Err(err).Msg("the copy of the state cannot be kept in the data directory")
	}
	m.unkept = err
}

// Close keeps the copy, and closes the store. Closing again does nothing.
func (m *Mirror) Close() error {
	m.mu.Lock()
	was := m.closed
	m.closed = true
	m.mu.Unlock()
	if was {
		return nil
	}
	m.gate.Lock() // waits for writes that have begun
	defer m.gate.Unlock()
	m.keep()
	return errors.Join(m.disk.close(), m.config.Store.Close())
}

// usable is an error where the mirror is closed, or whoever asks has given up.
func (m *Mirror) usable(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	return ctx.Err()
}
