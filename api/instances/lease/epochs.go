package lease

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/store/files"
)

// maxEpoch is what scripts of a store that counts in floating point can still tell from its neighbours.
const maxEpoch = 1 << 53

// file is where an instance keeps the largest epoch that it has had, in its data directory: a store that was emptied, and a
// clock that was set back, must not make it use one twice.
const file = "epoch"

// epochs keeps the largest epoch in a directory; with an empty name of it, nowhere.
type epochs struct{ dir string }

// read returns the epoch that was kept; 0 where none was.
func (e epochs) read() (uint64, error) {
	if e.dir == "" {
		return 0, nil
	}
	root, err := os.OpenRoot(e.dir)
	if err != nil {
		return 0, fmt.Errorf("read the epoch: %w", err)
	}
	defer func() { _ = root.Close() }()
	text, err := root.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the epoch: %w", err)
	}
	epoch, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || epoch > maxEpoch {
		return 0, fmt.Errorf("the file %s in %s is no epoch: remove it while no instance runs", file, e.dir)
	}
	return epoch, nil
}

// keep writes an epoch down, before it is used.
func (e epochs) keep(epoch uint64) error {
	if e.dir == "" {
		return nil
	}
	root, err := os.OpenRoot(e.dir)
	if err != nil {
		return fmt.Errorf("keep the epoch: %w", err)
	}
	defer func() { _ = root.Close() }()
	next := file + ".next" // a crash leaves the old number or the new one, and never half of one
	err = files.Write(root, next, []byte(strconv.FormatUint(epoch, 10)+"\n"))
	if err == nil {
		err = root.Rename(next, file)
	}
	if err == nil {
		err = files.SyncDirIfAble(e.dir)
	}
	if err != nil {
		return fmt.Errorf("keep the epoch: %w", err)
	}
	return nil
}
