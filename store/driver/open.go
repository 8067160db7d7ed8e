package driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/mark"
)

// openFile opens the file in the data directory, if a group is kept there. Where none is, it looks at what may lie there from
// before: records that nobody would see.
func (s *Stores) openFile(ctx context.Context, c Config) error {
	if c.RedisURL != "" && c.DatabaseURL != "" {
		return s.left(ctx, c)
	}
	if err := s.own(c); err != nil {
		return err
	}
	at := c.at()
	_, missing := os.Lstat(at)
	db, err := bolt.Open(c.Data)
	if err != nil {
		return err
	}
	s.closes = append(s.closes, db.Close)
	if c.Mover && errors.Is(missing, os.ErrNotExist) {
		s.closes = append(s.closes, func() error { return unmake(at, db) })
	}
	for _, problem := range restrict(c.Data) {
		c.Log.Warn().Msg(problem)
	}
	if c.Metrics != nil {
		c.Metrics.RegisterMetricsWriter(db.WriteMetrics)
	}
	if c.RedisURL == "" {
		s.State, s.StateAt = db.State(), at
	} else if err := c.beside(ctx, at, "REDIS_URL", db.State(), func() (mark.Mark, error) {
		return mark.OfState(ctx, db.State())
	}); err != nil {
		return err
	}
	if c.DatabaseURL == "" {
		s.Index, s.IndexAt = db.Index(), at
		return nil
	}
	return c.beside(ctx, at, "DATABASE_URL", db.Index(), func() (mark.Mark, error) { return mark.OfIndex(ctx, db.Index()) })
}

// unmake takes a file away again that was made for a mover, and that nothing was put into: where a pool was, an empty database
// would be a new pool.
func unmake(at string, db *bolt.DB) error {
	for _, group := range []store.Whole{db.State(), db.Index()} {
		err := group.Dump(context.Background(), func(store.Row) error { return errSome })
		if err != nil {
			return store.Ignore(err, errSome)
		}
	}
	return os.Remove(at)
}

// at is where the file is, wherever one stands.
func (c Config) at() string {
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		dir = c.Data
	}
	return filepath.Join(dir, bolt.File)
}

// own makes root act as whoever owns the data directory, if that is wanted.
func (s *Stores) own(c Config) error {
	if !c.Owned {
		return nil
	}
	back, err := actAsOwner(c.Data)
	if err == nil {
		s.closes = append(s.closes, back)
	}
	return err
}

// left looks at a file that no group is kept in.
func (s *Stores) left(ctx context.Context, c Config) error {
	if err := s.own(c); err != nil {
		return err
	}
	at := c.at()
	if _, err := os.Lstat(at); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := bolt.Open(c.Data)
	if err != nil {
		return err
	}
	err = errors.Join(
		c.beside(ctx, at, "REDIS_URL", db.State(), func() (mark.Mark, error) { return mark.OfState(ctx, db.State()) }),
		c.beside(ctx, at, "DATABASE_URL", db.Index(), func() (mark.Mark, error) { return mark.OfIndex(ctx, db.Index()) }))
	return errors.Join(err, db.Close())
}

// errSome ends a look at whether there is anything.
var errSome = errors.New("there is something")

// beside refuses records in a file that nobody would see, as the address of another home is set: an environment that was
// brought along from Scalelite has one, and a pool that runs for years must not begin anew because of that.
func (c Config) beside(ctx context.Context, at, name string, group store.Whole, marked func() (mark.Mark, error)) error {
	if c.Mover {
		return nil
	}
	m, err := marked()
	if err != nil || m.What == mark.Moved {
		return err
	}
	err = group.Dump(ctx, func(store.Row) error { return errSome })
	if !errors.Is(err, errSome) {
		return err
	}
	return fmt.Errorf("%s has the records of a pool, and %s says that they are elsewhere: take them there with bbbpool migrate "+
		"--from %s --to %s; or unset %s to go on with them; or move the file away to go on without",
		at, name, c.Data, name, name)
}

// look refuses stores that bear a mark. Those that are away are looked at as soon as they are there.
func (s *Stores) look(ctx context.Context, c Config) error {
	if c.Mover {
		return nil
	}
	err := stateMark(ctx, s.StateAt, s.State)
	if c.MayBeAway && c.RedisURL != "" {
		err = store.Ignore(err, store.ErrAway)
	}
	if err != nil {
		return err
	}
	err = indexMark(ctx, s.IndexAt, s.Index)
	if c.MayBeAway && c.DatabaseURL != "" {
		err = store.Ignore(err, store.ErrAway)
	}
	return err
}

// stateMark refuses a State that bears a mark.
func stateMark(ctx context.Context, at string, s store.State) error {
	m, err := mark.OfState(ctx, s)
	if err != nil {
		return err
	}
	return refused(at, m)
}

// indexMark refuses an Index that bears a mark.
func indexMark(ctx context.Context, at string, s store.Index) error {
	m, err := mark.OfIndex(ctx, s)
	if err != nil {
		return err
	}
	return refused(at, m)
}

// refused says what to do about a mark.
func refused(at string, m mark.Mark) error {
	when := m.At.Format(time.RFC3339)
	switch m.What {
	case "":
		return nil
	case mark.Moved:
		return fmt.Errorf("%s: the records were moved on %s, to %s: serve them from there, or bring them back with bbbpool migrate; "+
			"bbbpool migrate --reopen takes them as they were then", at, when, m.By)
	case mark.Unfinished:
		return fmt.Errorf("%s is not whole: it was being filled on %s (%s), which did not come to its end: run that again, or put "+
			"something else there by bbbpool restore or bbbpool migrate", at, when, m.By)
	}
	return fmt.Errorf("%s: a newer bbbpool says that it is not to be used: %.100q", at, m.What)
}
