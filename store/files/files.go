// Package files makes what is written to a disk survive a loss of power.
//
// A file that was written and renamed is there after a crash only if its content was synced before, and its directory
// behind it. Whoever puts a file in the place of another does it in this order: [Write] under another name, rename,
// [SyncDir]. Everything here blocks for as long as the disk takes. The package knows nothing of what is in the files.
package files

import (
	"errors"
	"os"
	"syscall"
)

// SyncDir makes durable which names are in a directory. File systems that have no such thing are believed.
func SyncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the callers' own directories
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// Write writes a small file that its owner alone may read, over one that has its name, and makes the content durable.
func Write(root *os.Root, name string, content []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
