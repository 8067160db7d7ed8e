// Package moving is the commands that take all records of a pool somewhere: into a file, out of one, and to other databases.
// A backup is asked of the pool; what fills stores opens them itself, as no pool may run there meanwhile. The package never
// decides how that is done so that nothing is lost: packages backup and moving do.
package moving

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// BackupCommands are the commands about backups.
type BackupCommands struct {
	Make   BackupCmd `cmd:"" default:"withargs" help:"Write all records into one file, while the pool serves or not."`
	Verify VerifyCmd `cmd:"" help:"Restore a backup into a directory that is thrown away, and say what would be lost."`
}

// BackupCmd writes a backup.
type BackupCmd struct {
	File      string   `arg:"" help:"Where to, for its owner alone; - is the standard output. All secrets of the pool are in it."`
	Recipient []string `placeholder:"age1…" help:"Encrypt to this public key of age, as age-keygen prints it; may be given more than once."`
}

// Run writes the file, reads what it writes, and prints what is in it.
func (c *BackupCmd) Run(env *cli.Env) error {
	recipients, err := backup.Recipients(c.Recipient)
	if err != nil {
		return grammar.UsageError{Err: err}
	}
	var m backup.Manifest
	write := func(w io.Writer) error {
		sealed, err := backup.Seal(w, recipients)
		if err != nil {
			return err
		}
		m, err = fetch(env, sealed)
		return errors.Join(err, sealed.Close())
	}
	if c.File == "-" {
		if env.Shown && len(recipients) == 0 {
			return grammar.Misused("-: the terminal is no place for a backup: write to a file, or into a pipe")
		}
		return write(env.Out)
	}
	_ = backup.Sweep(filepath.Dir(c.File), leftovers) // of others it is theirs
	if err := backup.Create(c.File, write); err != nil {
		return terminal.PrintableError(err)
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, m)
	}
	return terminal.Say(env.Out, "%s: %s\n", terminal.Printable(c.File), terminal.Plural(m.Rows, "record"))
}

// leftovers is how old what a command has left must be that was killed. All secrets of a pool are in it.
const leftovers = time.Hour

// fetch writes a backup of the pool, and tells from what has passed that it is whole.
func fetch(env *cli.Env, w io.Writer) (m backup.Manifest, err error) {
	seen, passing := io.Pipe()
	read := make(chan error, 1)
	go func() {
		var err error
		m, err = backup.Read(env.Ctx, seen, nil)
		_ = seen.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // nobody waits for it
		read <- err
	}()
	err = env.With(cli.Report, func(pool *cli.Connection) error {
		return pool.Backups.Write(env.Ctx, io.MultiWriter(w, passing))
	})
	_ = passing.Close()
	if broken := <-read; err == nil || errors.Is(err, backup.ErrBroken) {
		err = broken
	}
	return m, err
}

// VerifyCmd proves that a backup can be restored.
type VerifyCmd struct {
	File     string `arg:"" help:"The backup; one that is called verify is ./verify."`
	Identity string `placeholder:"FILE" help:"File with a key of age that opens it, if it is encrypted."`
	Scratch  string `placeholder:"DIR" help:"Where it is restored to, and thrown away; the directory for temporary files by default."`
}

// verdict is what a backup is worth.
type verdict struct {
	backup.Manifest
	Against     string              `json:"against,omitempty"` // what it was compared with
	Differences []moving.Difference `json:"differences,omitempty"`
}

// Run restores it, opens it, and compares it with the pool, where there is one.
func (c *VerifyCmd) Run(env *cli.Env) error {
	file, err := reading(c.File, c.Identity)
	if err != nil {
		return err
	}
	dir := c.Scratch
	if dir == "" {
		dir = os.TempDir()
	}
	_ = backup.Sweep(dir, leftovers)
	v := verdict{}
	now, err := backup.Spool(dir)
	if err != nil {
		return err
	}
	defer func() { _ = now.Close() }()
	against := fetchNow(env, now)
	v.Manifest, err = cli.Watched(env, "records", func(tell progress) (backup.Manifest, error) {
		return moving.Prove(env.Ctx, file, dir, told(tell), func(restored *driver.Stores) (err error) {
			if against == nil {
				v.Against = "the pool as it is now"
				v.Differences, err = moving.Compare(env.Ctx, spooled(now).Rows, moving.Of(restored))
			}
			return err
		})
	})
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, moving.ErrNoRoom) {
		err = fmt.Errorf("%w: name another directory by --scratch, with room for what the backup has", err)
	}
	if err != nil {
		return terminal.PrintableError(err)
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, v)
	}
	return v.print(env, c.File, against)
}

// fetchNow writes what the pool has now, to compare with; an error where there is none.
func fetchNow(env *cli.Env, w io.Writer) error {
	quiet := *env
	quiet.Err = io.Discard
	_, err := fetch(&quiet, w)
	return err
}

func (v verdict) print(env *cli.Env, file string, against error) error {
	rows := make([][]string, 0, len(v.Sums))
	lost := 0
	for i, s := range v.Sums {
		row := []string{s.Kind, strconv.Itoa(s.Rows), terminal.Size(s.Bytes)}
		if i < len(v.Differences) {
			d := v.Differences[i]
			lost += d.Missing + d.Changed
			row = append(row, some(d.Missing), some(d.Changed), some(d.More))
		}
		rows = append(rows, row)
	}
	headings := "KIND RECORDS SIZE"
	if v.Differences != nil {
		headings += " LOST SET-BACK COME-BACK"
	}
	if err := terminal.Table(env.Out, headings, rows); err != nil {
		return err
	}
	text := fmt.Sprintf("\n%s is whole: %s of %s, by bbbpool %s, were restored, opened and compared\n", terminal.Printable(file),
		terminal.Plural(v.Rows, "record"), v.Made.UTC().Format("2006-01-02T15:04:05Z"), terminal.Printable(v.Version))
	switch {
	case against != nil:
		text += "not compared with the pool: " + terminal.Printable(firstLine(against)) + "\n"
	case lost == 0:
		text += "nothing of what the pool has now would be lost\n"
	default:
		text += fmt.Sprintf("to restore it now would lose or set back %s of what the pool has\n", terminal.Plural(lost, "record"))
	}
	return terminal.Say(env.Out, "%s", text)
}

func some(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
