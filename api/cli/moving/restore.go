package moving

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// progress hears how far something is.
type progress = func(v1.Progress)

func told(tell progress) func(done, total int) {
	return func(done, total int) { tell(v1.Progress{Done: done, Total: total}) }
}

// patiently does what may have to wait for a lease first, and says so. It waits no longer once records are written.
func patiently[R any](env *cli.Env, shared bool, do func(told func(done, total int)) (R, error)) (R, error) {
	end := env.Patiently(shared)
	defer end()
	return cli.Watched(env, "records", func(tell progress) (R, error) {
		return do(func(done, total int) {
			end()
			told(tell)(done, total)
		})
	})
}

// reading is a backup in a file, with what opens it. The file is opened now: root may act as somebody else later on.
func reading(path, identity string) (moving.File, error) {
	keys, err := backup.Identities(identity)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path) //nolint:gosec // the operator's own file; it is read until the command ends
	if err != nil {
		return nil, err
	}
	return func() (io.ReadCloser, error) {
		content, err := backup.Unseal(io.NewSectionReader(file, 0, 1<<62), keys)
		return io.NopCloser(content), err
	}, nil
}

// spooled is a backup in a file without a name.
func spooled(file *os.File) moving.File {
	return func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, 1<<62)), nil }
}

// RestoreCmd puts a backup into the stores that serve would open.
type RestoreCmd struct {
	File     string `arg:"" help:"The backup."`
	Identity string `placeholder:"FILE" help:"File with a key of age that opens it, if it is encrypted."`
	Force    bool   `help:"Take away for good what is there."`
}

// Run restores it, compares, and prints what is there then.
func (c *RestoreCmd) Run(env *cli.Env) error {
	file, err := reading(c.File, c.Identity)
	if err != nil {
		return err
	}
	if _, err := file.Check(env.Ctx); err != nil { // before anything is made for it
		return terminal.PrintableError(err)
	}
	config := driver.Config{Data: env.Options.DataDir(), Owned: true, Mover: true}
	if err := cli.Defaults(&config.Settings); err != nil {
		return err
	}
	stores, err := opened(config)
	if err != nil {
		return err
	}
	m, err := patiently(env, config.RedisURL != "", func(told func(done, total int)) (backup.Manifest, error) {
		return moving.Restore(env.Ctx, file, stores, "restore of "+c.File, c.Force, told)
	})
	if err := errors.Join(advised(err), stores.Close()); err != nil {
		return terminal.PrintableError(err)
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, m)
	}
	if err := printSums(env, m.Sums); err != nil {
		return err
	}
	return terminal.Say(env.Out, "\n%s restored, compared, and in their place: %s and %s\n", terminal.Plural(m.Rows, "record"),
		terminal.Printable(stores.StateAt), terminal.Printable(stores.IndexAt))
}

// advised says what to do about what was interrupted.
func advised(err error) error {
	if errors.Is(err, cli.ErrCutShort) {
		return fmt.Errorf("%w; run this again, to its end: what is not whole until then nothing opens", err)
	}
	return err
}

// opened opens stores that nobody else works on.
func opened(c driver.Config) (*driver.Stores, error) {
	stores, err := driver.Open(c)
	if errors.Is(err, store.ErrLocked) {
		err = fmt.Errorf("%s: %w", c.Data, err)
	}
	if err != nil {
		return nil, terminal.PrintableError(err)
	}
	return stores, nil
}

func printSums(env *cli.Env, sums []backup.Sum) error {
	rows := make([][]string, 0, len(sums))
	for _, s := range sums {
		rows = append(rows, []string{s.Kind, strconv.Itoa(s.Rows), terminal.Size(s.Bytes), s.SHA256[:min(16, len(s.SHA256))]})
	}
	return terminal.Table(env.Out, "KIND RECORDS SIZE DIGEST", rows)
}
