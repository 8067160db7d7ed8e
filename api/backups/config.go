// Package backups makes the backups of a running pool: one whenever an operator asks, and by itself as often as it was told,
// each proven before it counts.
//
// It owns the directory that they are in: what the files there are called, how many are kept, and the record of how the last
// ones went, which all instances of a pool read. It never knows what is in a backup (packages backup and moving do), and never
// touches a file there that it has not made.
package backups

import (
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store/backup"
)

// Config is what is to be backed up by itself, as flags.
type Config struct {
	Dir        string        `name:"backup-dir" placeholder:"DIR" env:"BBBPOOL_BACKUP_DIR" help:"Directory for backups that are made by themselves, which all instances share; none by default."`
	Every      time.Duration `name:"backup-every" placeholder:"TIME" default:"24h" env:"BBBPOOL_BACKUP_EVERY" help:"How often one is made."`
	Keep       int           `name:"backup-keep" placeholder:"N" default:"7" env:"BBBPOOL_BACKUP_KEEP" help:"How many of them are kept."`
	Recipients []string      `name:"backup-recipient" placeholder:"age1…" sep:"," env:"BBBPOOL_BACKUP_RECIPIENTS" help:"Public key of age that they are encrypted to; may be given more than once. Not encrypted by default."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Every < time.Minute || c.Every > 366*24*time.Hour {
		errs = append(errs, fmt.Errorf("--backup-every %s: want 1m to a year", c.Every))
	}
	if c.Keep < 1 || c.Keep > 10_000 {
		errs = append(errs, fmt.Errorf("--backup-keep %d: want 1 to 10000", c.Keep))
	}
	if _, err := backup.Recipients(c.Recipients); err != nil {
		errs = append(errs, fmt.Errorf("--backup-recipient: %w", err))
	}
	return errors.Join(errs...)
}
