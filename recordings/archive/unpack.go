package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	readSize  = 256 << 10 // what is read of an archive at once
	writeSize = 1 << 20   // what is written of a file at once
)

// Unpack unpacks an archive into the empty directory dst, and returns what is in it in the order of record IDs and
// formats. The first thing that is wrong ends it, and what is in dst by then is the caller's to remove.
//
// The error is an *Error where the archive is to blame, ctx.Err() after a cancellation, else the one of reading src or
// of writing below dst. Nothing is synced to the disk.
func Unpack(ctx context.Context, src io.Reader, dst string, limits Limits) ([]Tree, error) {
	if err := checkEmpty(dst); err != nil {
		return nil, err
	}
	in := &source{ctx: ctx, r: src}
	found, err := extract(in, dst, limits.orDefault())
	if err = in.explain(err); err != nil {
		return nil, err
	}
	return read(ctx, dst, found)
}

// checkEmpty refuses a directory in which something could be taken for a part of the archive.
func checkEmpty(dst string) error {
	d, err := os.Open(dst) //nolint:gosec // the directory is the caller's choice
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.Readdirnames(1); err == nil {
		return fmt.Errorf("unpack into %s: %w", dst, syscall.ENOTEMPTY)
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("unpack: %w", err)
	}
	return nil
}

// extract returns the directories of formats of recordings that it has made.
func extract(in *source, dst string, limits Limits) (found []string, err error) {
	root, err := os.OpenRoot(dst)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = root.Close() }()
	r, release, err := decompress(bufio.NewReaderSize(in, readSize))
	if err != nil {
		return nil, err
	}
	defer release()
	s := &stream{r: r, left: limits.stream()}
	u := &unpacker{
		root: root, limits: limits, tar: tar.NewReader(s), buf: make([]byte, writeSize), records: map[string]bool{},
	}
	defer u.leave()
	if err := u.members(); err != nil {
		return nil, err
	}
	if err := s.drain(u.buf); err != nil {
		return nil, damaged(u.last, err)
	}
	return u.found, nil
}

// unpacker writes the members of an archive. The file system is its memory of what has been there already, so that a
// million names cost it nothing.
type unpacker struct {
	granted int64 // bytes that may be written without asking again
	root    *os.Root
	limits  Limits
	tar     *tar.Reader
	buf     []byte
	last    string // name of the member before
	bytes   int64  // of the files so far
	files   int    // members so far, of any kind
	dirs    int    // that were made
	found   []string
	records map[string]bool // record IDs of those

	dir string   // where the last file went
	sub *os.Root // open on dir, or nil
}

// members writes all members to the disk, one after the other.
func (u *unpacker) members() error {
	for {
		h, err := u.tar.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // names are checked here
			return damaged(u.last, err)
		}
		if err := u.member(h); err != nil {
			return err
		}
		u.last = h.Name
	}
}

// member looks at what a member is and writes it, unless it is skipped. The first thing that is wrong with it is its error.
func (u *unpacker) member(h *tar.Header) error {
	if err := u.count(&u.files, h.Name); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	list, err := elements(h)
	if err != nil {
		return err
	}
	if err := checkKind(h); err != nil {
		return err
	}
	content := io.Reader(u.tar)
	if h.Typeflag == tar.TypeLink {
		file, size, err := u.linked(h)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // only read
		content, h.Size = file, size
	}
	if err := u.checkSize(h, list); err != nil || len(list) == 0 {
		return err
	}
	if skip, err := hidden(list); skip || err != nil {
		return err
	}
	dir := h.Typeflag == tar.TypeDir
	if err := checkPlace(list, dir); err != nil {
		return err
	}
	switch {
	case !dir:
		return u.file(h, strings.Join(list, "/"), content)
	case len(list) == 1:
		return nil // made when there is a recording in it
	}
	return u.enter(strings.Join(list, "/"))
}

// count adds one to a number of files or directories, and refuses one that is too many.
func (u *unpacker) count(n *int, member string) error {
	if *n++; *n > u.limits.Files {
		return errorf(member, "is too much: the archive has more than %d files or directories, the limit", u.limits.Files)
	}
	return nil
}

// checkSize believes an archive that a file is too large, before anything is written. That a file is no larger than the
// archive says is the tar reader's care.
func (u *unpacker) checkSize(h *tar.Header, list []string) error {
	if len(list) == 3 && list[2] == metadataName && h.Size > maxMetadata {
		return errorf(h.Name, "is %d bytes large, and the limit for a metadata.xml is %d", h.Size, maxMetadata)
	}
	if h.Size > u.limits.Bytes-u.bytes {
		f := errorf(h.Name, "is too much: with its %d bytes the archive unpacks to more than %d, the limit",
			h.Size, u.limits.Bytes)
		f.TooLarge = true
		return f
	}
	u.bytes += h.Size
	return nil
}

// linked opens the file that a hard link is a further name of. What has two names gets two files, as it does where a
// directory is copied: they are counted, moved and replaced as such.
func (u *unpacker) linked(h *tar.Header) (*os.File, int64, error) {
	nothing := errorf(h.Name, "is a hard link to %q, which is no file before it in the archive", cut(h.Linkname, maxShown))
	list, err := elements(&tar.Header{Name: h.Linkname, Typeflag: tar.TypeReg})
	if err != nil {
		return nil, 0, nothing
	}
	name := strings.Join(list, "/")
	info, err := u.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, nothing
	}
	file, err := u.root.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", name, err)
	}
	return file, info.Size(), nil
}

// file writes a file that is not there yet.
func (u *unpacker) file(h *tar.Header, name string, content io.Reader) error {
	dir, base := path.Split(name)
	if err := u.enter(strings.TrimSuffix(dir, "/")); err != nil {
		return err
	}
	f, err := u.sub.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return errorf(name, "is in the archive twice")
	case errors.Is(err, syscall.EILSEQ), errors.Is(err, syscall.EINVAL):
		return errorf(name, "has a name that the file system of the recordings does not take")
	case err != nil:
		return fmt.Errorf("write %s: %w", name, err)
	}
	err = u.fill(f, content, name, h.Size)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("write %s: %w", name, closeErr)
	}
	if err != nil {
		return err
	}
	return u.stamp(base, name, h.ModTime)
}

// fill copies the content of a member. io.Copy would do it in pieces of 32 KiB.
func (u *unpacker) fill(f *os.File, content io.Reader, name string, size int64) error {
	for written := int64(0); ; {
		n, err := content.Read(u.buf)
		if n > 0 {
			if err := u.ask(int64(n), size-written); err != nil {
				return err
			}
			if _, err := f.Write(u.buf[:n]); err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
			hasten(f, written, n)
			written += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && content != io.Reader(u.tar) {
			return fmt.Errorf("copy to %s: %w", name, err)
		}
		if err != nil {
			return inside(name, err)
		}
	}
}

// How much is asked for at once: not for every small file, and not for all of a large one.
const (
	leastAsked = 1 << 20
	mostAsked  = 32 << 20
)

// ask makes sure that n bytes may be written, of those that a file still has.
func (u *unpacker) ask(n, left int64) error {
	if u.limits.More == nil {
		return nil
	}
	if u.granted < n {
		want := max(n, min(left, mostAsked), leastAsked)
		if err := u.limits.More(want); err != nil {
			return err
		}
		u.granted = want
	}
	u.granted -= n
	return nil
}

// inside returns the fault behind an error of reading a member.
func inside(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return incomplete(name, "is cut off, for the archive ends within it")
	}
	return damaged(name, err)
}

// stamp gives a file its time of modification, unless it is beyond what every file system can keep.
func (u *unpacker) stamp(base, name string, t time.Time) error {
	if s := t.Unix(); s <= 0 || s >= 1<<32 {
		return nil
	}
	if err := u.sub.Chtimes(base, time.Time{}, t); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// enter makes a directory with all above it, and opens it for the files that follow.
func (u *unpacker) enter(dir string) error {
	if u.sub != nil && u.dir == dir {
		return nil
	}
	if err := u.makeDir(dir); err != nil {
		return err
	}
	sub, err := u.root.OpenRoot(dir)
	if err != nil {
		return u.noDir(dir, err)
	}
	u.leave()
	u.dir, u.sub = dir, sub
	return nil
}

// leave closes the directory that the last file went to.
func (u *unpacker) leave() {
	if u.sub != nil {
		_ = u.sub.Close() // nothing was written through it
		u.sub = nil
	}
}

// makeDir makes a directory and those above it on the disk, as far as they are not there.
func (u *unpacker) makeDir(dir string) error {
	for i := 0; i < len(dir); {
		if next := strings.IndexByte(dir[i+1:], '/'); next < 0 {
			i = len(dir)
		} else {
			i += 1 + next
		}
		err := u.root.Mkdir(dir[:i], 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return u.noDir(dir, err)
		}
		if err := u.count(&u.dirs, dir[:i]); err != nil {
			return err
		}
		if strings.Count(dir[:i], "/") == 1 {
			if err := u.find(dir[:i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// find adds a directory of a format of a recording to what was found.
func (u *unpacker) find(dir string) error {
	if len(u.found) == maxTrees {
		return errorf(dir, "is too much: the archive has more than %d formats of recordings, the limit", maxTrees)
	}
	u.found = append(u.found, dir)
	if u.records[path.Base(dir)] = true; len(u.records) > maxRecords {
		return errorf(dir, "is too much: the archive has more than %d recordings, the limit", maxRecords)
	}
	return nil
}

// noDir returns why there can be no such directory.
func (u *unpacker) noDir(dir string, err error) error {
	info, statErr := u.root.Lstat(dir)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(statErr, syscall.ENOTDIR) || statErr == nil && !info.IsDir() {
		return errorf(dir, "is a directory here, and it or one above it is a file elsewhere in the archive")
	}
	return fmt.Errorf("write %s: %w", dir, err)
}

// read returns what has been unpacked.
func read(ctx context.Context, dst string, found []string) ([]Tree, error) {
	list := make([]Tree, 0, len(found))
	var k memory
	for _, dir := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := Read(filepath.Join(dst, dir))
		if err != nil {
			return nil, err
		}
		if err := k.add(&t); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil, errorf("", "holds no recording")
	}
	slices.SortFunc(list, compareTrees)
	return list, nil
}
