package recordings

import (
	"errors"
	"io/fs"
	"os"
)

// renameLooked renames a file after a look at whether somebody has the name, for file systems that cannot do both in one
// step.
func renameLooked(from, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist})
	}
	return os.Rename(from, to)
}
