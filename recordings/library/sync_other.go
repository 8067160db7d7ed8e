//go:build !linux

package library

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store/files"
)

// syncAll makes durable all that is below the directory at a path.
func syncAll(_ *os.File, path string) error {
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return files.SyncDirIfAble(name)
		case !entry.Type().IsRegular():
			return nil
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(file.Sync(), file.Close())
	})
}
