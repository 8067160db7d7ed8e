package moving

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/files"
)

// roomy refuses what can never fit on the disk of a file that is to be filled, before anything is taken away there: a small file
// may say a lot. What fits just so may need more in the end, and is found out on the way.
func roomy(list []group, sums []backup.Sum) error {
	need, at := map[string]int64{}, ""
	for _, g := range list {
		if !filepath.IsAbs(g.at) { // a database elsewhere
			continue
		}
		at = g.at
		for _, s := range sums {
			if stateKind[s.Kind] == g.state {
				need[at] += s.Bytes
			}
		}
	}
	free, known := files.Room(filepath.Dir(at))
	if info, err := os.Stat(at); err == nil {
		free += uint64(max(0, info.Size())) // as much of it is used again
	}
	if at != "" && known && free < uint64(max(0, need[at])) {
		return fmt.Errorf("%s: %w: %d MB are free, and %d are needed at least", filepath.Dir(at), ErrNoRoom, free>>20, need[at]>>20)
	}
	return nil
}
