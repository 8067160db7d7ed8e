package library

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncAll makes durable all that is below the directory at a path, with everything else on its file system. It tells of
// every loss since the directory was opened.
func syncAll(dir *os.File, path string) error {
	raw, err := dir.SyscallConn()
	if err != nil {
		return err
	}
	var syncErr error
	if err := raw.Control(func(fd uintptr) { syncErr = unix.Syncfs(int(fd)) }); err != nil {
		return err
	}
	if syncErr != nil {
		return &os.PathError{Op: "syncfs", Path: path, Err: syncErr}
	}
	return nil
}
