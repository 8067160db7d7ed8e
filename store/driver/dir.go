package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store/bolt"
)

// remains are files in a data directory that other parts of bbbpool make, none of them before there is a database: what
// the recordings' volume is known by, their last settings, and the key that links are signed with.
var remains = []string{"volume.id", "recordings.json", "playback.key"}

// checkDir tells whether a directory without a database may get a new one, if a group is kept there. Where a pool was, its
// database is missing: a new one would have another secret, no servers and no recordings, and nobody would know why. What is
// about to be filled from elsewhere bears a note until it is whole, so it may lie there.
func checkDir(c Config) error {
	database := filepath.Join(c.Data, bolt.File)
	if c.RedisURL != "" && c.DatabaseURL != "" {
		return nil
	}
	if _, err := os.Lstat(database); !errors.Is(err, fs.ErrNotExist) {
		return nil // the adapter sees what it is
	}
	switch {
	case c.Source:
		return fmt.Errorf("%s is missing, so there is nothing to take from %s: name the data directory of the pool", database, c.Data)
	case c.Mover:
		return nil
	}
	for _, name := range remains {
		path := filepath.Join(c.Data, name)
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s is missing, and %s tells that a pool was here: bbbpool restore puts a backup there; or put a copy "+
				"of the database there, or move that file away to begin a new pool", database, path)
		}
	}
	return nil
}

// restrict closes the database to others, and tells what is open that this cannot close. A directory is not ours to close:
// others may be meant to reach what lies in it, such as the library.
func restrict(dir string) (problems []string) {
	database := filepath.Join(dir, bolt.File)
	if info, err := os.Stat(database); err == nil && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(database, 0o600); err != nil {
			problems = append(problems, fmt.Sprintf("others can open %s, which has every secret of the pool (mode %04o): "+
				"its owner should run chmod 600 on it", database, info.Mode().Perm()))
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return problems
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o022 != 0:
		problems = append(problems, fmt.Sprintf("others can put files of theirs in the place of the pool's: "+
			"run chmod go-w %s (mode %04o)", dir, mode))
	case mode&0o055 != 0:
		problems = append(problems, fmt.Sprintf("others can look into the data directory, and read recordings in it: "+
			"run chmod 700 %s (mode %04o), unless another program delivers them from there", dir, mode))
	}
	return problems
}
