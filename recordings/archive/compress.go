package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/bbbpool/bbbpool/store"
)

// compressed is added to the name of a file for the name of its compressed copy.
const compressed = ".gz"

// texts are the files that get smaller by compression; media are compressed already.
var texts = map[string]bool{
	".css": true, ".csv": true, ".htm": true, ".html": true, ".js": true, ".json": true, ".md": true, ".mjs": true,
	".srt": true, ".svg": true, ".txt": true, ".vtt": true, ".xml": true,
}

const (
	minCompressed = 4 << 10   // bytes; below, it is one packet or two in any case
	maxCompressed = 512 << 20 // bytes; beyond, it is no text
)

// Compress makes name.gz beside each text in a directory that is larger than 4 KiB, where that saves a tenth. The copy
// has the original's time of modification: one with another time is out of date, and is made anew or removed. What it
// makes depends on the content alone. Errors are those of the disk, or ctx.Err().
func Compress(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && d.Type().IsRegular() && isText(name) {
			err = compress(ctx, root, name)
		}
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("compress %s: %w", path.Join(dir, name), err)
	})
}

// isText tells whether a file is one that Compress looks at, by its name.
func isText(name string) bool { return texts[strings.ToLower(path.Ext(name))] }

// isCopy tells whether a file is the compressed copy of another on the disk.
func isCopy(name string) bool {
	original, ok := strings.CutSuffix(name, compressed)
	if !ok || !isText(original) {
		return false
	}
	info, err := os.Lstat(original)
	return err == nil && info.Mode().IsRegular()
}

// compress brings the copy of one file up to date.
func compress(ctx context.Context, root *os.Root, name string) error {
	if len(path.Base(name)) > maxElement-len(".")-len(compressed) {
		return nil // no room for what is put before and behind it
	}
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	old, err := root.Lstat(name + compressed)
	if err = store.Ignore(err, fs.ErrNotExist); err != nil {
		return err
	}
	if old != nil && (!old.Mode().IsRegular() || old.ModTime().Equal(info.ModTime())) {
		return nil
	}
	temp := path.Join(path.Dir(name), "."+path.Base(name)+compressed)
	saved := false
	if info.Size() > minCompressed && info.Size() <= maxCompressed {
		saved, err = pack(ctx, root, name, temp, info)
	}
	if err == nil && saved {
		return root.Rename(temp, name+compressed)
	}
	if err == nil && old != nil {
		err = root.Remove(name + compressed)
	}
	return errors.Join(err, store.Ignore(root.Remove(temp), fs.ErrNotExist))
}

// pack writes a compressed copy, and tells whether it is enough smaller.
func pack(ctx context.Context, root *os.Root, name, temp string, info fs.FileInfo) (saved bool, err error) {
	in, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = in.Close() }()
	if err := store.Ignore(root.Remove(temp), fs.ErrNotExist); err != nil { // of a run that was killed
		return false, err
	}
	out, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Ignore(out.Close(), os.ErrClosed)) }()
	z := gzip.NewWriter(out)
	z.ModTime = time.Unix(0, 0) // that is: none; a time.Time that is zero would be one
	if _, err := io.Copy(z, &source{ctx: ctx, r: in}); err != nil {
		return false, err
	}
	if err := z.Close(); err != nil {
		return false, err
	}
	packed, err := out.Stat()
	if err != nil || packed.Size() > info.Size()/10*9 {
		return false, err
	}
	if err := out.Close(); err != nil {
		return false, err
	}
	return true, root.Chtimes(temp, time.Time{}, info.ModTime())
}
