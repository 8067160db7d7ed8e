package recordings

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// quarantine is where archives go that cannot be imported, below the spool.
const quarantine = "quarantine"

var (
	errGone    = errors.New("the archive is gone")
	errChanged = errors.New("the archive is another one now: it is taken when it rests")
)

// openArchive opens the archive of a job, if it is still the one that the job was made for.
func openArchive(job store.Job) (*os.File, error) {
	file, err := os.Open(job.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errGone
	}
	if err != nil {
		return nil, library.Explain(err)
	}
	info, err := file.Stat()
	if err == nil && !identityOf(info).is(job) {
		err = errChanged
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// Archives are only moved or removed while they are those that a job was made for: servers send a recording again, under
// the same name, when they have made another format of it. So each is first moved aside, where nobody replaces it, then
// looked at, and given back if it is another one.

// asidePrefix begins the names of archives that were moved aside.
const asidePrefix = ".taken."

// aside is where the archive of a job is moved: a name of this one edition's own.
func aside(job store.Job) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", job.ID, job.Bytes, job.Modified.UnixNano()))
	return filepath.Join(filepath.Dir(job.Path), asidePrefix+hex.EncodeToString(sum[:4])+"."+filepath.Base(job.Path))
}

// takeAway removes the archive of a job, if it is still there.
func takeAway(job store.Job) error {
	at, err := setAside(job)
	if err != nil || at == "" {
		return err
	}
	return os.Remove(at)
}

// setAside moves the archive of a job aside and returns where it is; "" where it is gone, or another one by now.
func setAside(job store.Job) (string, error) {
	at := aside(job)
	if info, err := os.Lstat(at); err == nil { // by a call that was broken off
		if identityOf(info).is(job) {
			return at, nil
		}
		if err := giveBack(at, job.Path); err != nil {
			return "", err
		}
	}
	info, err := os.Lstat(job.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !identityOf(info).is(job) {
		return "", nil
	}
	if err == nil {
		err = os.Rename(job.Path, at)
	}
	if err != nil {
		return "", library.Explain(err)
	}
	if info, err = os.Lstat(at); err != nil {
		return "", err
	}
	if identityOf(info).is(job) {
		return at, nil
	}
	return "", giveBack(at, job.Path) // it was replaced in this very moment
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
func giveBackStale(spool string, open []store.Job) error {
	entries, err := os.ReadDir(spool)
	if err != nil {
		return library.Explain(err)
	}
	wanted := map[string]bool{}
	for _, j := range open {
		wanted[aside(j)] = true
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

// quarantined is where the archive of a job goes that cannot be imported: the job is told before the archive is moved.
// What is not in the spool stays where it is.
func (s *Service) quarantined(job store.Job) (string, error) {
	if job.Keep || filepath.Dir(job.Path) != filepath.Clean(s.Config.Spool) {
		return job.Path, nil
	}
	dir := filepath.Join(s.Config.Spool, quarantine)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return job.Path, library.Explain(err)
	}
	for _, name := range freeNames(filepath.Join(dir, filepath.Base(job.Path))) {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return job.Path, fmt.Errorf("%s has too many archives of that name", dir)
}

// isolate moves the archive of a job to where its failed job says that it is.
func isolate(job store.Job, to string) error {
	if to == job.Path {
		return nil
	}
	at, err := setAside(job)
	if err != nil || at == "" {
		return err
	}
	if err := renameFresh(at, to); err != nil {
		return errors.Join(library.Explain(err), giveBack(at, job.Path))
	}
	return nil
}
