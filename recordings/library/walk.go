package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store"
)

// Found is a directory in one of the trees.
type Found struct {
	State    store.RecordingState // of the tree that it is in
	Format   string
	RecordID string
	Dir      string // absolute
	Alien    bool   // no recording can be there: its name, or that it is a link, says so; Format and RecordID may be ""
	Link     bool   // it is a link in the place of a format or of a recording, and is not followed
	Err      error  // it is the directory of a format, Alien, and what is in it cannot be read; nil otherwise
}

// batch is how many names of a directory are in memory at once.
const batch = 256

// Walk visits every format of every recording in all trees, in no order, until visit returns an error, or ctx ends.
// What moves from tree to tree meanwhile may be seen twice, or not at all. Single files are no recordings and passed
// over. A format that cannot be read is visited itself, and the others after it.
func (l *Library) Walk(ctx context.Context, visit func(Found) error) error {
	for _, t := range l.trees {
		err := eachDir(ctx, t.dir, func(format string, link bool) error {
			dir := filepath.Join(t.dir, format)
			if format == workDir {
				return nil
			}
			if link || !ValidFormat(format) {
				return visit(Found{State: t.state, Dir: dir, Alien: true, Link: link && ValidFormat(format)})
			}
			err := eachDir(ctx, dir, func(id string, link bool) error {
				found := Found{State: t.state, Format: format, RecordID: id, Dir: filepath.Join(dir, id)}
				if link || !ValidID(id) {
					found.RecordID, found.Alien, found.Link = "", true, link && ValidID(id)
				}
				return visit(found)
			})
			if e, ok := errors.AsType[unread](err); ok && !errors.Is(err, fs.ErrNotExist) { // else removed meanwhile
				return visit(Found{State: t.state, Format: format, Dir: dir, Alien: true, Err: Explain(e.error)})
			}
			return store.Ignore(err, fs.ErrNotExist)
		})
		if err != nil {
			return fmt.Errorf("walk %s: %w", t.dir, Explain(err))
		}
	}
	return nil
}

// unread is that a directory cannot be read, to be told from what visiting has led to.
type unread struct{ error }

func (e unread) Unwrap() error { return e.error }

// eachDir calls visit for every directory in a directory, and every link.
func eachDir(ctx context.Context, dir string, visit func(name string, link bool) error) error {
	file, err := os.Open(dir) //nolint:gosec // one of our own trees
	if err != nil {
		return unread{err}
	}
	defer func() { _ = file.Close() }()
	for {
		entries, err := file.ReadDir(batch)
		for _, entry := range entries {
			link := entry.Type()&fs.ModeSymlink != 0
			if !link && !entry.IsDir() {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := visit(entry.Name(), link); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unread{err}
		}
	}
}
