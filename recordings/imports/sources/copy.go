package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/store"
)

// Copy copies the formats of a recording that lie in directories of the operator's. It fails with edition.ErrGone where there are
// none.
func (c Source) Copy(ctx context.Context, dir string, limits archive.Limits) (trees []archive.Tree, err error) {
	found, bad, err := c.Read() // refuses links and all that is no file
	if err != nil || len(found)+len(bad) == 0 {
		return nil, edition.ErrGone
	}
	for _, b := range bad {
		if len(found) == 0 || !b.lasting() {
			return nil, b.Err
		}
	}
	to := copier{ctx: ctx, limits: limits, buf: make([]byte, 1<<20)}
	for _, format := range found {
		target := filepath.Join(dir, format.Format, c.RecordID)
		if err := to.tree(format.Dir, target); err != nil {
			return nil, err
		}
		tree, err := archive.Read(target)
		if err != nil {
			return nil, err
		}
		if filepath.Base(c.Path) == "unpublished" { // as BigBlueButton and Scalelite have it
			tree.Recording.Edits.State = tree.Recording.State != store.Unpublished
			tree.Recording.State = store.Unpublished
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// copier copies directories within limits.
type copier struct {
	ctx    context.Context //nolint:containedctx // one copy, one context
	limits archive.Limits
	buf    []byte
	bytes  int64
	files  int
}

func (c *copier) tree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = c.ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(target, 0o755) //nolint:gosec // whoever serves the library has to read it
		}
		return c.file(path, target)
	})
}

var errMany = errors.New("has more files than --max-recording-files")

func (c *copier) file(from, to string) (err error) {
	if c.files++; c.files > c.limits.Files {
		return &archive.Error{Member: from, What: errMany.Error()}
	}
	in, err := os.Open(from) //nolint:gosec // that the operator has named
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if c.bytes += info.Size(); c.bytes > c.limits.Bytes {
		return &archive.Error{Member: from, What: fmt.Sprintf("makes it more than %d bytes", c.limits.Bytes), TooLarge: true}
	}
	if c.limits.More != nil {
		if err := c.limits.More(info.Size()); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as above
	if err != nil {
		return err
	}
	// The plain interfaces, or the copy would not end with the context.
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, reading{c.ctx, in}, c.buf)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// reading ends with its context.
type reading struct {
	ctx context.Context //nolint:containedctx // one copy, one context
	io.Reader
}

func (r reading) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
