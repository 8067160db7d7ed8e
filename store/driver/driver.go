// Package driver opens the stores of a pool: it alone knows which adapters there are and which of them a configuration asks
// for. Each of the two groups is kept where its own address says, or in the data directory. The package never uses what it has
// opened, but for a look at whether it may be used: see package mark.
package driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mark"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/redis"
)

// Config says where the records are kept, and who hears of them.
type Config struct {
	Settings
	Data    string         // the data directory; made for its owner alone if absent
	Owned   bool           // until it is closed, root acts as whoever owns the data directory
	Log     zerolog.Logger // told what others can get at; the zero value is not
	Metrics *metrics.Set   // gets the size of the stores, and how their writes go; may be nil
	// Mover opens what must not be used otherwise: a store that is not whole, or that has moved. It is for what moves records.
	Mover bool
	// Source is for what records are taken from: a database that is missing in the data directory is an error there, and none is
	// made. Without it a mover makes one also where a pool was and its database is missing, for that is what it is to fill.
	Source bool
	// MayBeAway is for a pool that goes on without its databases: Redis and PostgreSQL may be away. Who opens them so runs
	// [Stores.Run], too.
	MayBeAway bool
}

// Stores are both groups of roles, opened.
type Stores struct {
	State store.State
	Index store.Index
	// Leases and Instances are there where several instances may share the State, else nil.
	Leases    store.Leases
	Instances store.Instances
	// Sequence is what every write of the State raises, where it is shared; else nil. It returns store.ErrNotFound where there
	// is none.
	Sequence func(ctx context.Context) (uint64, error)

	// Redis is what else a shared State has; nil where it is not.
	Redis *redis.DB

	StateAt, IndexAt string // where they are, in words that have no password

	postgres *postgres.DB // nil where the Index is not there

	refused chan error // why a database that has come back may not be used
	checks  []func(ctx context.Context) []Finding
	closes  []func() error // the last first
	closed  bool
}

// Finding is something about a database that whoever runs it should know.
type Finding struct {
	Wrong bool   // else it is advice, or how it is
	Place string // which database
	Text  string
}

// Verdict is the word for it in a list.
func (f Finding) Verdict() string {
	if f.Wrong {
		return "WRONG"
	}
	return "note"
}

var errNoData = errors.New("no data directory: name one with --data")

// openTime is how long all databases together may take to be opened, a schema that is raised included. Calls have deadlines of
// their own.
const openTime = 10 * time.Minute

// Open opens both groups. Its errors are those of the adapters, [store.ErrLocked], [store.ErrNewerSchema] and
// [store.ErrAway] among them; none has a password in it. Where a pool was and its database is missing it makes none, and a
// store that is not whole, that has moved, or beside which the data directory has records that nobody would see, is refused
// with what to do.
func Open(c Config) (*Stores, error) {
	if c.Data == "" {
		return nil, errNoData
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkDir(c); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	s := &Stores{refused: make(chan error, 1)}
	for _, step := range []func(context.Context, Config) error{s.openFile, s.openRedis, s.openPostgres, s.look} {
		if err := step(ctx, c); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Run returns an error as soon as a database that was away when it was opened turns out to be one that may not be used: of a
// newer schema, or with a mark. Until ctx ends it returns for nothing else. Nothing was written to such a database.
func (s *Stores) Run(ctx context.Context) error {
	select {
	case err := <-s.refused:
		return err
	case <-ctx.Done():
		return nil
	}
}

// LookAgain refuses a shared State that has got a mark since it was opened, and has Run return that: the records may have been
// moved, or be filled, while this process waited for the lease.
func (s *Stores) LookAgain(ctx context.Context) error {
	m, err := mark.OfState(ctx, s.State)
	if err != nil {
		return nil //nolint:nilerr // it is read again by whoever leads next, and what cannot be read is no mark
	}
	err = refused(s.StateAt, m)
	if err != nil {
		s.refuse(err)
	}
	return err
}

// refuse has Run return an error. The first one counts.
func (s *Stores) refuse(err error) {
	select {
	case s.refused <- err:
	default:
	}
}

// Check looks at how the databases are set up, as far as that matters to what is kept in them. It asks them.
func (s *Stores) Check(ctx context.Context) (list []Finding) {
	for _, check := range s.checks {
		list = append(list, check(ctx)...)
	}
	return list
}

// Close closes both groups, which may be one database. Closing again does nothing, nor does closing what was never
// opened.
func (s *Stores) Close() error {
	if s == nil || s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, closing := range slices.Backward(s.closes) {
		errs = append(errs, closing())
	}
	return errors.Join(errs...)
}
