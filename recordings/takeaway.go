package recordings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// quarantine is where archives go that cannot be imported, below the spool.
const quarantine = "quarantine"

var (
	errGone    = errors.New("the archive is gone")
	errChanged = errors.New("the archive has changed: it is taken again when it rests")
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
	if err == nil && !(identity{info.Size(), info.ModTime()}).is(job) {
		err = errChanged
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// taken is where an archive is moved before it is removed: nobody can replace it there.
func taken(path string) string {
	return filepath.Join(filepath.Dir(path), ".taken."+filepath.Base(path))
}

// takeAway removes the archive of a job. A newer one that has taken its name meanwhile stays: servers send a recording
// again, under the same name, when they have made another format of it.
func takeAway(job store.Job) error {
	aside := taken(job.Path)
	if err := os.Rename(job.Path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return library.Explain(err)
	}
	info, err := os.Lstat(aside)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return library.Explain(err)
	case (identity{info.Size(), info.ModTime()}).is(job):
		return os.Remove(aside)
	}
	return giveBack(aside, job.Path)
}

// giveBack puts an archive that is another one back under its name, or beside a still newer one.
func giveBack(aside, path string) error {
	names := []string{path}
	for n := range 9 {
		names = append(names, filepath.Join(filepath.Dir(path), fmt.Sprintf("%d-%s", n+2, filepath.Base(path))))
	}
	var err error
	for _, name := range names {
		if err = os.Link(aside, name); err == nil {
			return os.Remove(aside)
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return fmt.Errorf("put a newer archive back: %w; it is in %s", err, aside)
}

// isolate moves the archive of a job into quarantine and returns where it is. Where that cannot be done it stays: the
// job says that it is not to be tried.
func (s *Service) isolate(job store.Job) (path string, err error) {
	dir := filepath.Join(s.Config.Spool, quarantine)
	if job.Keep || filepath.Dir(job.Path) != filepath.Clean(s.Config.Spool) {
		return job.Path, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return job.Path, library.Explain(err)
	}
	path = filepath.Join(dir, filepath.Base(job.Path))
	if err := os.Rename(job.Path, path); err != nil {
		return job.Path, library.Explain(err)
	}
	return path, nil
}
