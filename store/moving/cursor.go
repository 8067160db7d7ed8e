package moving

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/mark"
)

// cursor asks a source for a row at a time.
type cursor struct {
	next  func() (store.Row, bool)
	stop  func()
	row   store.Row // good until the next one
	there bool
	err   error
}

var errStopped = errors.New("nobody asks any more")

func pull(ctx context.Context, from Source) *cursor {
	c := &cursor{}
	c.next, c.stop = iter.Pull(func(yield func(store.Row) bool) {
		err := from(ctx, func(r store.Row) error {
			if !mark.Row(r) && !yield(r) {
				return errStopped
			}
			return nil
		})
		c.err = store.Ignore(err, errStopped)
	})
	c.pass(true)
	return c
}

// pass goes on to the next row.
func (c *cursor) pass(on bool) {
	if on {
		c.row, c.there = c.next()
	}
}

// at tells whether the row is of the kind in that place.
func (c *cursor) at(place int) bool {
	return c.there && slices.Index(backup.Kinds(), c.row.Kind) == place
}
