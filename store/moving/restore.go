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

// Rows is a source of what is in it.
func (f File) Rows(ctx context.Context, each func(store.Row) error) error {
	_, err := f.Read(ctx, each)
	return err
}

// Restore puts a backup into stores that were opened for a mover, and compares. The file is read before anything is changed,
// so that one that is broken changes nothing. Stores that have records are refused with [ErrNotEmpty] unless force takes them
// away. Tell hears how many rows are there, of how many.
func Restore(
	ctx context.Context, file File, to *driver.Stores, by string, force bool, tell func(done, total int),
) (backup.Manifest, error) {
	m, err := file.Read(ctx, nil)
	if err != nil {
		return m, err
	}
	ctx, release, err := Hold(ctx, to)
	if err != nil {
		return m, err
	}
	defer release()
	list := groups(to)
	if err := fillable(ctx, list, force); err != nil {
		return m, err
	}
	if err := prepare(ctx, list, mark.Mark{What: mark.Unfinished, By: by, At: time.Now().UTC()}); err != nil {
		return m, err
	}
	sums, err := fill(ctx, file.Rows, list, nil, func(done int) { tell(done, m.Rows) })
	if err == nil {
		err = sums.compare(ctx, list)
	}
	if err == nil {
		err = finish(ctx, list)
	}
	return m, err
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
	m, err := Restore(ctx, file, stores, "verify", false, tell)
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
