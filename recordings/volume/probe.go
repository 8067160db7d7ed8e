package volume

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// reading is what a probe has seen.
type reading struct {
	problem string // to follow the name of the directory; "" if it can be used
	space
}

// space is the room on a file system.
type space struct {
	free, total int64  // bytes
	inodes      uint64 // that are free
	counted     bool   // inodes are
}

// probe looks at a directory. It may hang for as long as the disk does.
func probe(c Config, d Dir) (r reading) {
	err := within(d.Path, func(root *os.Root) (err error) {
		if r.problem, err = wrongVolume(root, d.Marker); err != nil || r.problem != "" {
			return err
		}
		if r.space, err = spaceOf(d.Path); err != nil {
			return os.NewSyscallError("statfs", err)
		}
		if r.problem = r.lack(c); r.problem != "" {
			return nil
		}
		if r.problem, err = elsewhere(root, d); err != nil || r.problem != "" {
			return err
		}
		return writeProbe(root, probeFile+d.by)
	})
	if err != nil {
		r.problem = describe(d.Path, err)
	}
	return r
}

// wrongVolume tells what is wrong about the marker. Nothing may be written before it is known to be right.
func wrongVolume(root *os.Root, want string) (string, error) {
	if want == "" {
		return "", nil
	}
	got, err := markerOf(root)
	if err != nil || got == want {
		return "", err
	}
	file := filepath.Join(root.Name(), markerFile)
	const adopt = "mount the right one, or take this one for it with bbbpool recording verify --mark"
	if got == "" {
		return fmt.Sprintf("is not mounted: %s is missing, which should say %s; %s", file, want, adopt), nil
	}
	return fmt.Sprintf("is another volume: %s says %.100q and not %s; %s", file, got, want, adopt), nil
}

// maxNames is how many names of a directory are looked at; it has one for each format of recordings.
const maxNames = 10_000

// elsewhere tells which directories have a link in their place, unless they may have. Nothing is ever written through one:
// it would end on another file system, where no rename leads, or outside of all that is ours.
func elsewhere(root *os.Root, d Dir) (string, error) {
	if !d.Whole {
		return "", nil
	}
	dir, err := root.Open(".")
	if err != nil {
		return "", err
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(maxNames)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	var links []string
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 || strings.HasPrefix(e.Name(), ".") || len(links) == maxLinks {
			continue
		}
		if info, err := os.Stat(filepath.Join(d.Path, e.Name())); err != nil || info.IsDir() {
			links = append(links, fmt.Sprintf("%.100q", e.Name()))
		}
	}
	if len(links) == 0 {
		return "", nil
	}
	slices.Sort(links)
	return fmt.Sprintf("has links in it, which are not followed: %s; mount there what they lead to (mount --bind), "+
		"or move it into their place, or remove them", strings.Join(links, ", ")), nil
}

// maxLinks is how many links are named.
const maxLinks = 5

// lack tells what there is too little of.
func (s space) lack(c Config) string {
	switch {
	case s.free < int64(c.MinFree):
		return fmt.Sprintf("is full: %s of %s are free, want %s (--volume-min-free); delete recordings or enlarge it",
			quantity.Size(s.free), quantity.Size(s.total), c.MinFree)
	case s.counted && s.inodes < c.MinInodes:
		return fmt.Sprintf("is full: %d inodes are free, want %d (--volume-min-inodes); "+
			"delete recordings or make the file system anew with more", s.inodes, c.MinInodes)
	}
	return ""
}

// writeProbe writes a small file and removes it. Its name is fixed, so that a crash leaves one at most, and no other program's
// that has the same directory.
func writeProbe(root *os.Root, name string) error {
	if err := root.MkdirAll(workDir, 0o700); err != nil {
		return err
	}
	if err := files.Write(root, name, []byte("bbbpool was here\n")); err != nil {
		return errors.Join(err, store.Ignore(root.Remove(name), fs.ErrNotExist))
	}
	return store.Ignore(root.Remove(name), fs.ErrNotExist)
}

// describe says what an error means for the directory at a path.
func describe(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("is not there: make the directory, or mount what it is on (%v)", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("is read-only: mount it for writing, and see in the kernel's log why it is not (%v)", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf("is full: delete recordings, or enlarge it or its quota (%v)", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("is not writable: give it to the user whom bbbpool runs as (%v%s%s)",
			err, whose(path), whose(filepath.Join(path, workDir)))
	}
	return fmt.Sprintf("fails: %v; see the kernel's log", err)
}
