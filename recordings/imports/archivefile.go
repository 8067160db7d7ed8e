package imports

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

// suffixes are the names that archives end in.
var suffixes = []string{".tar", ".tar.gz", ".tgz", ".tar.zst"}

// isArchive tells whether a file is one by its name. Hidden ones are being written by rsync, or taken away by us.
func isArchive(name string) bool {
	_, _, ok := cutSuffix(name)
	return ok && !strings.HasPrefix(filepath.Base(name), ".")
}

// cutSuffix cuts off what the name of an archive ends in, in whatever case.
func cutSuffix(name string) (stem, suffix string, ok bool) {
	for _, suffix := range suffixes {
		if n := len(name) - len(suffix); n >= 0 && strings.EqualFold(name[n:], suffix) {
			return name[:n], name[n:], true
		}
	}
	return name, "", false
}

// identity is what tells an archive from another one of the same name.
type identity struct {
	size     int64
	modified time.Time
}

func (i identity) equal(other identity) bool {
	return i.size == other.size && i.modified.Equal(other.modified)
}

// farthest is the latest time that a job can be written down with.
var farthest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func identityOf(info fs.FileInfo) identity {
	modified := info.ModTime().UTC()
	if modified.After(farthest) || modified.Year() < 1 {
		modified = farthest
	}
	return identity{info.Size(), modified}
}

// archiveFile is the archive of a job: this very edition of it. It is only moved or removed while it is the one that the job
// was made for: servers send a recording again, under the same name, when they have made another format of it. So it is
// first moved aside, where nobody replaces it, then looked at, and given back if it is another one.
type archiveFile struct {
	identity

	job  string // its ID
	path string
}

func archiveOf(j store.Job) archiveFile {
	return archiveFile{identity{j.Bytes, j.Modified}, j.ID, j.Path}
}

var (
	errGone    = errors.New("the archive is gone")
	errChanged = errors.New("the archive is another one now: it is taken when it rests")
)

// open opens the archive, if it is still the one that the job was made for.
func (a archiveFile) open() (*os.File, error) {
	file, err := os.Open(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errGone
	}
	if err != nil {
		return nil, library.Explain(err)
	}
	info, err := file.Stat()
	if err == nil && !a.equal(identityOf(info)) {
		err = errChanged
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// asidePrefix begins the names of archives that were moved aside.
const asidePrefix = ".taken."

// aside is where the archive is moved: a name of this one edition's own.
func (a archiveFile) aside() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", a.job, a.size, a.modified.UnixNano()))
	return filepath.Join(filepath.Dir(a.path), asidePrefix+hex.EncodeToString(sum[:4])+"."+filepath.Base(a.path))
}

// remove removes the archive, if it is still there.
func (a archiveFile) remove() error {
	at, err := a.setAside()
	if err != nil || at == "" {
		return err
	}
	return os.Remove(at)
}

// moveTo moves the archive to a path that nobody has, if it is still there.
func (a archiveFile) moveTo(path string) error {
	if path == a.path {
		return nil
	}
	at, err := a.setAside()
	if err != nil || at == "" {
		return err
	}
	if err := renameFresh(at, path); err != nil {
		return errors.Join(library.Explain(err), giveBack(at, a.path))
	}
	return nil
}

// setAside moves the archive aside and returns where it is; "" where it is gone, or another one by now.
func (a archiveFile) setAside() (string, error) {
	at := a.aside()
	if info, err := os.Lstat(at); err == nil { // by a call that was broken off
		if a.equal(identityOf(info)) {
			return at, nil
		}
		if err := giveBack(at, a.path); err != nil {
			return "", err
		}
	}
	info, err := os.Lstat(a.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !a.equal(identityOf(info)) {
		return "", nil
	}
	if err == nil {
		err = os.Rename(a.path, at)
	}
	if err != nil {
		return "", library.Explain(err)
	}
	if info, err = os.Lstat(at); err != nil {
		return "", err
	}
	if a.equal(identityOf(info)) {
		return at, nil
	}
	return "", giveBack(at, a.path) // it was replaced in this very moment
}

// giveBack puts an archive back under its name, or beside one that has that name by now.
func giveBack(at, path string) error {
	for _, name := range freeNames(path) {
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

// freeNames are the names that an archive may have: its own, and the same with a number before the suffix, so that it
// still begins with the record ID.
func freeNames(path string) []string {
	names := []string{path}
	dir, base := filepath.Split(path)
	stem, suffix, ok := cutSuffix(base)
	for n := 2; ok && n <= maxSame; n++ {
		names = append(names, fmt.Sprintf("%s%s-again%d%s", dir, stem, n, suffix))
	}
	return names
}

// giveBackStale puts back what was moved aside for jobs that are not there any more. Importing it again is harmless.
func giveBackStale(spool string, unsettled []store.Job) error {
	entries, err := os.ReadDir(spool)
	if err != nil {
		return library.Explain(err)
	}
	wanted := map[string]bool{}
	for _, j := range unsettled {
		wanted[archiveOf(j).aside()] = true
	}
	var errs []error
	for _, e := range entries {
		at := filepath.Join(spool, e.Name())
		rest, ok := strings.CutPrefix(e.Name(), asidePrefix)
		_, base, named := strings.Cut(rest, ".")
		if ok && named && isArchive(base) && !wanted[at] {
			errs = append(errs, giveBack(at, filepath.Join(spool, base)))
		}
	}
	return errors.Join(errs...)
}

// quarantine is where archives go that cannot be imported, below the spool.
const quarantine = "quarantine"

// Quarantined returns the archives in quarantine, by path. It reads the directory.
func (i *Importer) Quarantined() (paths []string, err error) {
	dir := filepath.Join(i.Config.Spool, quarantine)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if isArchive(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// quarantinePath makes the quarantine, and returns a free path there for the archive of a job that cannot be imported: the
// job is told before the archive is moved. What is not in the spool stays where it is.
func (a *attempt) quarantinePath() (string, error) {
	path, spool := a.job.Path, a.importer.Config.Spool
	if a.job.Keep || filepath.Dir(path) != filepath.Clean(spool) {
		return path, nil
	}
	dir := filepath.Join(spool, quarantine)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return path, library.Explain(err)
	}
	for _, name := range freeNames(filepath.Join(dir, filepath.Base(path))) {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return path, fmt.Errorf("%s has too many archives of that name", dir)
}

// renameLooked renames a file after a look at whether somebody has the name, for file systems that cannot do both in one
// step.
func renameLooked(from, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist})
	}
	return os.Rename(from, to)
}
