package recordings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/imports/sources"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/recordings/volume"
)

// Config is what an operator may set, as flags. The environment names are Scalelite's where it has one.
type Config struct {
	Root        string        `name:"recordings-dir" placeholder:"DIR" env:"BBBPOOL_RECORDINGS_DIR,SCALELITE_RECORDING_DIR" help:"Where recordings are kept: published, unpublished, deleted and the spool below it. In the data directory by default."`
	Spool       string        `name:"spool-dir" placeholder:"DIR" env:"BBBPOOL_SPOOL_DIR,RECORDING_SPOOL_DIR" help:"Where archives arrive; spool in the recordings directory by default."`
	Published   string        `name:"publish-dir" placeholder:"DIR" env:"BBBPOOL_PUBLISH_DIR,RECORDING_PUBLISH_DIR" help:"Recordings that play; published in the recordings directory by default."`
	Unpublished string        `name:"unpublish-dir" placeholder:"DIR" env:"BBBPOOL_UNPUBLISH_DIR,RECORDING_UNPUBLISH_DIR" help:"Recordings that do not; unpublished in the recordings directory by default."`
	Trash       string        `name:"trash-dir" placeholder:"DIR" env:"BBBPOOL_TRASH_DIR" help:"Deleted recordings, while they are kept; deleted in the recordings directory by default."`
	KeepDeleted quantity.Age  `name:"keep-deleted" placeholder:"AGE" default:"0" env:"BBBPOOL_KEEP_DELETED" help:"How long a deleted recording can be restored, as 30d. By default its files are gone at once."`
	Interval    time.Duration `name:"spool-interval" default:"60s" env:"BBBPOOL_SPOOL_INTERVAL,RECORDING_IMPORT_POLL_INTERVAL" help:"How often the spool is looked through, for file systems that do not tell of new files."`
	Rest        time.Duration `name:"spool-rest" default:"5s" env:"BBBPOOL_SPOOL_REST" help:"How long an archive must not have grown before it is taken."`
	Parallel    int           `name:"imports" default:"2" env:"BBBPOOL_IMPORTS" help:"Archives imported at the same time."`
	Retry       time.Duration `name:"import-retry" default:"10s" env:"BBBPOOL_IMPORT_RETRY" help:"Pause before an import is tried again; it doubles with every attempt, up to 15 minutes."`
	Hidden      bool          `name:"import-unpublished" env:"BBBPOOL_IMPORT_UNPUBLISHED,RECORDING_IMPORT_UNPUBLISHED" help:"New recordings do not play before somebody publishes them."`
	Protect     bool          `name:"protect-recordings" env:"BBBPOOL_PROTECT_RECORDINGS,PROTECTED_RECORDINGS_ENABLED" help:"New recordings play only through the links that the front end gets for one viewing."`
	Precompress bool          `name:"precompress" default:"true" negatable:"" env:"BBBPOOL_PRECOMPRESS" help:"Keep large texts of recordings compressed as well, for quick delivery."`
	MaxBytes    quantity.Size `name:"max-recording" default:"200GiB" env:"BBBPOOL_MAX_RECORDING" help:"Largest size that an archive may unpack to."`
	MaxFiles    int           `name:"max-recording-files" default:"100000" env:"BBBPOOL_MAX_RECORDING_FILES" help:"Most files that an archive may hold."`
	Overdue     quantity.Age  `name:"recordings-overdue" default:"24h" env:"BBBPOOL_RECORDINGS_OVERDUE" help:"How long after its meeting a recording may be on its way before that is reported."`
	MaxAge      quantity.Age  `name:"retention-age" placeholder:"AGE" default:"0" env:"BBBPOOL_RETENTION_AGE" help:"Delete recordings this long after their meetings, as 180d. Never by default."`
	Volume      volume.Config `embed:""`
	Upload      upload.Config `embed:""`
	MaxSize     quantity.Size `name:"retention-size" placeholder:"SIZE" default:"0" env:"BBBPOOL_RETENTION_SIZE" help:"Delete the oldest recordings beyond this size, as 2TiB. Never by default."`
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Interval < time.Second {
		wrong("--spool-interval %s: want at least 1s", c.Interval)
	}
	if c.Rest < 0 || c.Rest > time.Hour {
		wrong("--spool-rest %s: want 0s to 1h", c.Rest)
	}
	if c.Parallel < 1 || c.Parallel > 64 {
		wrong("--imports %d: want 1 to 64", c.Parallel)
	}
	if c.Retry <= 0 || c.Retry > imports.MaxPause {
		wrong("--import-retry %s: want more than 0s, at most %s", c.Retry, imports.MaxPause)
	}
	if c.MaxBytes < 1<<20 {
		wrong("--max-recording %d: want at least 1MiB", c.MaxBytes)
	}
	if c.MaxFiles < 1 {
		wrong("--max-recording-files %d: want at least 1", c.MaxFiles)
	}
	if c.Overdue <= 0 {
		wrong("--recordings-overdue %s: want more than 0s", c.Overdue)
	}
	return errors.Join(errs...)
}

// In completes the directories by those in a data directory.
func (c Config) In(data string) Config {
	in := func(dir *string, parent, name string) {
		if *dir == "" {
			*dir = filepath.Join(parent, name)
		}
	}
	in(&c.Root, data, "recordings")
	in(&c.Spool, c.Root, "spool")
	in(&c.Published, c.Root, "published")
	in(&c.Unpublished, c.Root, "unpublished")
	in(&c.Trash, c.Root, "deleted")
	return c
}

// Dirs are the directories of the library.
func (c Config) Dirs() library.Dirs {
	return library.Dirs{Published: c.Published, Unpublished: c.Unpublished, Deleted: c.Trash}
}

// imports is what of it concerns the importer.
func (c Config) imports() imports.Config {
	return imports.Config{
		Spool: c.Spool, Interval: c.Interval, Rest: c.Rest, Retry: c.Retry, Parallel: c.Parallel, Hidden: c.Hidden,
		Protect: c.Protect, Precompress: c.Precompress, MaxBytes: int64(c.MaxBytes), MaxFiles: c.MaxFiles,
	}
}

// markedDirs are the directories that the guard watches, with the mark that tells each from an empty mount point, see
// [volume.Marked]. It may wait for the disk, and marks it on the first start.
func (c Config) markedDirs(data string) ([]volume.Dir, error) {
	dirs, err := volume.Marked(data,
		volume.Dir{Name: "published", Path: c.Published, Whole: true},
		volume.Dir{Name: "unpublished", Path: c.Unpublished, Whole: true},
		volume.Dir{Name: "spool", Path: c.Spool},
	)
	if err != nil {
		err = fmt.Errorf("know the volume of the recordings again: %w", library.Explain(err))
	}
	return dirs, err
}

// inLibrary tells whether a directory, by its real path, is one of the library's, or in one.
func (c Config) inLibrary(path string) bool {
	if path == sources.Resolved(c.Root) {
		return true
	}
	for _, dir := range []string{c.Published, c.Unpublished, c.Trash} {
		if sources.Within(sources.Resolved(dir), path) {
			return true
		}
	}
	return false
}

// settingsFile is the file in the data directory that tells with which settings the pool was served last: commands that
// work while it is not served must not take another directory for it, or delete what it would keep.
const settingsFile = "recordings.json"

// remember writes the settings down.
func (c Config) remember(data string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(data, settingsFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) { //nolint:gosec // in the data directory
		return nil
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Last returns the settings with which the pool in a data directory was served last, or c where it never was.
func (c Config) Last(data string) (Config, error) {
	text, err := os.ReadFile(filepath.Join(data, settingsFile)) //nolint:gosec // in the data directory
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fmt.Errorf("read the settings of the recordings: %w", err)
	}
	return c, nil
}
