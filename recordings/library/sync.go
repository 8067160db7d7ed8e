package library

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes durable which names are in a directory. File systems that have no such thing are believed.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // one of our own trees
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	err = dir.Sync()
	return ignore(err, syscall.EINVAL, syscall.ENOTSUP)
}

// ignore returns err, or nil if it is one of those.
func ignore(err error, those ...error) error {
	for _, e := range those {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
