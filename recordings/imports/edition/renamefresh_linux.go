package edition

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameFresh renames a file to a name that nobody has, or returns fs.ErrExist.
func renameFresh(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // as on NFS
		return renameLooked(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
