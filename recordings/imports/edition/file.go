package edition

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// Identity is what tells an archive from another one of the same name.
type Identity struct {
	Size     int64
	Modified time.Time
}

// Equal tells whether it is the same one.
func (i Identity) Equal(other Identity) bool {
	return i.Size == other.Size && i.Modified.Equal(other.Modified)
}

// farthest is the latest time that a job can be written down with.
var farthest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Of is what a file is told by.
func Of(info fs.FileInfo) Identity {
	modified := info.ModTime().UTC()
	if modified.After(farthest) || modified.Year() < 1 {
		modified = farthest
	}
	return Identity{info.Size(), modified}
}

// File is the archive of a job: this very edition of it. It is only moved or removed while it is the one that the job
// was made for: servers send a recording again, under the same name, when they have made another format of it. So it is
// first moved aside, where nobody replaces it, then looked at, and given back if it is another one.
type File struct {
	Identity

	Job  string // its ID
	Path string
}

// OfJob is the archive that a job was made for.
func OfJob(j store.Job) File {
	return File{Identity{j.Bytes, j.Modified}, j.ID, j.Path}
}

// What may have become of an archive meanwhile.
var (
	ErrGone    = errors.New("the archive is gone")
	ErrChanged = errors.New("the archive is another one now: it is taken when it rests")
)

// Open opens the archive, if it is still the one that the job was made for.
func (a File) Open() (*os.File, error) {
	file, err := os.Open(a.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, library.Explain(err)
	}
	info, err := file.Stat()
	if err == nil && !a.Equal(Of(info)) {
		err = ErrChanged
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// asidePrefix begins the names of archives that were moved aside.
const asidePrefix = ".taken."

// Aside is where the archive is moved: a name of this one edition's own.
func (a File) Aside() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", a.Job, a.Size, a.Modified.UnixNano()))
	return filepath.Join(filepath.Dir(a.Path), asidePrefix+hex.EncodeToString(sum[:4])+"."+filepath.Base(a.Path))
}

// Remove removes the archive, if it is still there.
func (a File) Remove() error {
	at, err := a.setAside()
	if err != nil || at == "" {
		return err
	}
	return os.Remove(at)
}

// MoveTo moves the archive to a path that nobody has, if it is still there.
func (a File) MoveTo(path string) error {
	if path == a.Path {
		return nil
	}
	at, err := a.setAside()
	if err != nil || at == "" {
		return err
	}
	if err := renameFresh(at, path); err != nil {
		return errors.Join(library.Explain(err), giveBack(at, a.Path))
	}
	return nil
}

// setAside moves the archive aside and returns where it is; "" where it is gone, or another one by now.
func (a File) setAside() (string, error) {
	at := a.Aside()
	if info, err := os.Lstat(at); err == nil { // by a call that was broken off
		if a.Equal(Of(info)) {
			return at, nil
		}
		if err := giveBack(at, a.Path); err != nil {
			return "", err
		}
	}
	info, err := os.Lstat(a.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !a.Equal(Of(info)) {
		return "", nil
	}
	if err == nil {
		err = os.Rename(a.Path, at)
	}
	if err != nil {
		return "", library.Explain(err)
	}
	if info, err = os.Lstat(at); err != nil {
		return "", err
	}
	if a.Equal(Of(info)) {
		return at, nil
	}
	return "", giveBack(at, a.Path) // it was replaced in this very moment
}

// giveBack puts an archive back under its name, or beside one that has that name by now.
func giveBack(at, path string) error {
	for _, name := range FreeNames(path) {
		err := renameFresh(at, name)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("put an archive back that is in %s: %w", at, library.Explain(err))
		}
	}
	return fmt.Errorf("put an archive back that is in %s: too many have its name", at)
}

// maxSame is how many archives of one name may lie beside each other.
const maxSame = 100

// FreeNames are the names that an archive may have: its own, and the same with a number before the suffix, so that it
// still begins with the record ID.
func FreeNames(path string) []string {
	names := []string{path}
	dir, base := filepath.Split(path)
	stem, suffix, ok := Cut(base)
	for n := 2; ok && n <= maxSame; n++ {
		names = append(names, fmt.Sprintf("%s%s-again%d%s", dir, stem, n, suffix))
	}
	return names
}

// GiveBackStale puts back what was moved aside for jobs that are not there any more. Importing it again is harmless.
func GiveBackStale(spool string, unsettled []store.Job) error {
	entries, err := os.ReadDir(spool)
	if err != nil {
		return library.Explain(err)
	}
	wanted := map[string]bool{}
	for _, j := range unsettled {
		wanted[OfJob(j).Aside()] = true
	}
	var errs []error
	for _, e := range entries {
		at := filepath.Join(spool, e.Name())
		rest, ok := strings.CutPrefix(e.Name(), asidePrefix)
		_, base, named := strings.Cut(rest, ".")
		if ok && named && IsArchive(base) && !wanted[at] {
			errs = append(errs, giveBack(at, filepath.Join(spool, base)))
		}
	}
	return errors.Join(errs...)
}

// renameLooked renames a file after a look at whether somebody has the name, for file systems that cannot do both in one
// step.
func renameLooked(from, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist})
	}
	return os.Rename(from, to)
}
