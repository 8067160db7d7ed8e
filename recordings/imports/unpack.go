package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

// unpack brings the files of a job into an empty directory, as they are to be served, and returns what they are.
func (a *attempt) unpack(ctx context.Context, dir string) ([]store.Recording, error) {
	config := a.importer.Config
	more, done := a.importer.grants.begin(a.importer.Disk)
	defer done()
	trees, err := a.unpackInto(ctx, dir, archive.Limits{Bytes: config.MaxBytes, Files: config.MaxFiles, More: more})
	if err != nil {
		return nil, err
	}
	for _, t := range trees {
		if !config.Precompress {
			break
		}
		if err := archive.Compress(ctx, t.Dir); err != nil {
			return nil, err
		}
	}
	found := archive.Merge(trees)
	for n, r := range found { // Merge leaves out what people have chosen
		found[n].Edits.State = slices.ContainsFunc(trees, func(t archive.Tree) bool {
			return t.RecordID == r.RecordID && t.Recording.Edits.State
		})
	}
	return found, nil
}

// unpackInto unpacks the archive of the job, or copies the directories that an operator has named.
func (a *attempt) unpackInto(ctx context.Context, dir string, limits archive.Limits) ([]archive.Tree, error) {
	if info, err := os.Stat(a.job.Path); err == nil && info.IsDir() {
		if len(a.job.Recordings) != 1 {
			return nil, fmt.Errorf("%s: a directory holds one recording", a.job.Path)
		}
		return copyTrees(ctx, source{a.job.Path, a.job.Recordings[0]}, dir, limits)
	}
	file, err := archiveOf(a.job).open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return archive.Unpack(ctx, file, dir, limits)
}

// copyTrees copies the formats of a recording that lie in directories of the operator's.
func copyTrees(ctx context.Context, from source, dir string, limits archive.Limits) (trees []archive.Tree, err error) {
	found, bad, err := from.read() // refuses links and all that is no file
	if err != nil || len(found)+len(bad) == 0 {
		return nil, errGone
	}
	for _, b := range bad {
		if len(found) == 0 || !b.lasting() {
			return nil, b.err
		}
	}
	c := copier{ctx: ctx, limits: limits, buf: make([]byte, 1<<20)}
	for _, format := range found {
		target := filepath.Join(dir, format.Format, from.recordID)
		if err := c.tree(format.Dir, target); err != nil {
			return nil, err
		}
		tree, err := archive.Read(target)
		if err != nil {
			return nil, err
		}
		if filepath.Base(from.path) == "unpublished" { // as BigBlueButton and Scalelite have it
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
