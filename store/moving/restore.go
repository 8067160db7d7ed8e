package moving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mark"
	"github.com/bbbpool/bbbpool/store/rows"
)

// File is a backup that can be read more than once.
type File func() (io.ReadCloser, error)

// Read reads all of it, and calls each, if there is one, with every row.
func (f File) Read(ctx context.Context, each func(store.Row) error) (backup.Manifest, error) {
	content, err := f()
	if err != nil {
		return backup.Manifest{}, err
	}
	m, err := backup.Read(ctx, content, each)
	return m, errors.Join(err, content.Close())
}

// errHides is for a row behind which nobody would see that a store is not whole yet.
var errHides = errors.New("no write that waits has such a name")

// Check reads all of it, and looks whether each record can be read: only then is anything taken away for it.
func (f File) Check(ctx context.Context) (backup.Manifest, error) {
	all := newSums(time.Time{})
	return f.Read(ctx, func(r store.Row) error {
		if mark.Row(r) {
			return nil
		}
		err := all.add(r)
		if err == nil && len(r.Key) == 0 {
			err = rows.ErrKey
		}
		if err == nil && mark.Hides(r) {
			err = errHides
		}
		if err != nil {
			return fmt.Errorf("%w: a record of %s: %w", backup.ErrBroken, r.Kind, err)
		}
		return nil
	})
}

// Rows is a source of what is in it.
func (f File) Rows(ctx context.Context, each func(store.Row) error) error {
	_, err := f.Read(ctx, each)
	return err
}

// Restore puts a backup into stores that were opened for a mover, and compares. The file is read before anything is changed,
// so that one that is broken changes nothing. Stores that have records are refused with [ErrNotEmpty] unless force takes them
// away; those that have exactly what is in the file are done, as one that was cut short at its very end has left them. Tell hears
// how many rows are there, of how many.
func Restore(
	ctx context.Context, file File, to *driver.Stores, by string, force bool, tell func(done, total int),
) (backup.Manifest, error) {
	m, err := restore(ctx, file, to, by, force, tell)
	return m, halfway(ctx, to, err)
}

// restore is Restore, without what to do about what it leaves.
func restore(
	ctx context.Context, file File, to *driver.Stores, by string, force bool, tell func(done, total int),
) (backup.Manifest, error) {
	m, err := file.Check(ctx)
	if err != nil {
		return m, err
	}
	ctx, release, err := take(ctx, to)
	if err != nil {
		return m, err
	}
	defer release()
	list := groups(to)
	if err := fillable(ctx, list, force); errors.Is(err, ErrNotEmpty) {
		return m, ended(ctx, file, list, err)
	} else if err != nil {
		return m, err
	}
	if err := roomy(list, m.Sums); err != nil {
		return m, err
	}
	if err := refill(ctx, file, list, by, func(done int) { tell(done, m.Rows) }); err != nil {
		return m, err
	}
	return m, finish(ctx, list)
}

// ended brings to its end what was cut short at the very end: everything was there, and the note was gone from a half. What has
// anything else is not empty.
func ended(ctx context.Context, file File, list []group, not error) error {
	for _, g := range list {
		if m, err := g.mark(ctx); err != nil || m.What == mark.Moved {
			return errors.Join(err, not)
		}
	}
	if _, err := there(ctx, file.Rows, list, not); err != nil {
		return err
	}
	return finish(ctx, list)
}

// refill takes away what groups have, fills them, and compares.
func refill(ctx context.Context, file File, list []group, by string, tell func(done int)) error {
	if err := prepare(ctx, list, mark.Mark{What: mark.Unfinished, By: by, At: time.Now().UTC()}); err != nil {
		return err
	}
	_, err := filled(ctx, file.Rows, list, nil, tell)
	return err
}

// halfway says of an error that it has left what is not whole, where that is so.
func halfway(ctx context.Context, to *driver.Stores, err error) error {
	if err == nil {
		return nil
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	for _, g := range groups(to) {
		if m, bad := g.mark(ctx); bad == nil && m.What == mark.Unfinished {
			return fmt.Errorf("%w; what is there now is not whole, and nothing opens it: do this again, to its end", err)
		}
	}
	return err
}

// Prove restores a backup into a directory below dir that is gone afterwards, and opens it as serve would. With it look may
// look around there; it may be nil.
func Prove(
	ctx context.Context, file File, dir string, tell func(done, total int), look func(*driver.Stores) error,
) (backup.Manifest, error) {
	scratch, err := backup.Scratch(dir)
	if err != nil {
		return backup.Manifest{}, fmt.Errorf("make a directory to restore into: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	stores, err := driver.Open(driver.Config{Data: scratch, Mover: true})
	if err != nil {
		return backup.Manifest{}, err
	}
	m, err := restore(ctx, file, stores, "verify", false, tell)
	if err := errors.Join(err, stores.Close()); err != nil {
		return m, err
	}
	if stores, err = driver.Open(driver.Config{Data: scratch}); err != nil {
		return m, fmt.Errorf("open what was restored: %w", err)
	}
	if look != nil {
		err = look(stores)
	}
	return m, errors.Join(err, stores.Close())
}
