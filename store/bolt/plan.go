package bolt

import (
	"errors"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt/file"
)

// Plan says what [Open] would do to the database in a directory, and changes nothing there. The error is [store.ErrLocked] while
// another process has it.
func Plan(dir string) (string, error) {
	path := filepath.Join(dir, File)
	switch there, err := file.Present(path); {
	case err != nil:
		return "", fmt.Errorf("look at %s: %w", path, err)
	case !there:
		return path + ": there is none: a new one is made", nil
	}
	version := 0
	err := file.Look(path, func(tx *bbolt.Tx) (err error) {
		version, err = schemaOf(tx)
		return err
	})
	switch {
	case errors.Is(err, store.ErrLocked):
		return "", fmt.Errorf("look at %s: %w: stop the bbbpool that runs on it first", path, err)
	case err != nil:
		return "", fmt.Errorf("look at %s: %w", path, err)
	case version > schema:
		return "", fmt.Errorf("%s: %w", path, tooNew(version))
	case version == schema:
		return fmt.Sprintf("%s: schema %d, as it is to be", path, version), nil
	}
	return fmt.Sprintf("%s: schema %d becomes %d; the file as it is stays as %s, which the version before opens", path, version,
		schema, file.SnapshotName(path, version)), nil
}
