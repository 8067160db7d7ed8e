// Package files makes what is written to a disk survive a loss of power.
//
// A file that was written and renamed is there after a crash only if its content was synced before, and its directory
// behind it. Whoever puts a file in the place of another does it in this order: [Write] under another name, rename,
// [SyncDir] or, where that has to do, [SyncDirIfAble]. Everything here blocks for as long as the disk takes. The package
// knows nothing of what is in the files.
package files

import (
	"errors"
	"os"
	"syscall"
)

// SyncDir makes durable which names are in a directory. A file system that has no such thing, as some that are reached over
// a network, is an error: whoever answers for what it has written cannot do so there. These are the store at its first
// start, the secret that links are signed with, and the spool, as the sender of an archive may forget it once it is told
// that it is here.
func SyncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the callers' own directories
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// SyncDirIfAble is SyncDir, but believes a file system that has no such thing. It is for the library, which lies on whatever
// the operator's machines share: otherwise no import could ever end there.
func SyncDirIfAble(path string) error {
	err := SyncDir(path)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
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
