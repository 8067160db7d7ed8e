package upload

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a file for one upload alone, among all programs that have the same directory, until it is closed. It returns errBusy
// where somebody has it. On file systems without locks nobody is kept from it.
func lock(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a number of the kernel's
	}); err != nil {
		return err
	}
	if errors.Is(failed, syscall.EWOULDBLOCK) {
		return errBusy
	}
	return nil
}
