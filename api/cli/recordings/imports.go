package recordings

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ImportCmd imports recordings.
type ImportCmd struct {
	Paths  []string `arg:"" name:"path" help:"Archives, or directories of archives or of recordings, on the machine of the pool."`
	Tenant string   `placeholder:"ID" help:"Tenant of the recordings that do not tell."`
	Force  bool     `help:"Bring back what was deleted."`
	Notify bool     `help:"Tell the front ends that have asked to be told of recordings, unless they were told before."`
}

// Run imports one path after the other, and fails if anything could not be imported.
func (c *ImportCmd) Run(env *cli.Env) error {
	paths := make([]string, 0, len(c.Paths))
	for _, path := range c.Paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("find %s: %w", path, err)
		}
		paths = append(paths, absolute)
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		all := v1.ImportReport{Imported: []string{}, Failed: []v1.Finding{}}
		for _, path := range paths {
			report, err := c.one(env, pool, path)
			if err != nil && path != paths[0] { // what became of those before it would not be told any more
				return errors.Join(listImport(env, all), err)
			}
			if err != nil {
				return err
			}
			all.Imported, all.Same = append(all.Imported, report.Imported...), all.Same+report.Same
			all.Failed, all.Skipped = append(all.Failed, report.Failed...), append(all.Skipped, report.Skipped...)
		}
		return printImport(env, all)
	})
}

// one imports one path. That it cannot be read does not stand in the way of the next. Where nobody watches, there is a line
// a minute that says how far it is.
func (c *ImportCmd) one(env *cli.Env, pool *cli.Connection, path string) (v1.ImportReport, error) {
	var at v1.Progress
	said := env.Time()
	report, err := cli.Watched(env, "recordings", func(tell func(v1.Progress)) (v1.ImportReport, error) {
		options := v1.ImportOptions{Path: path, Tenant: c.Tenant, Force: c.Force, Notify: c.Notify}
		return pool.Imports.Import(env.Ctx, options, func(p v1.Progress) {
			at = p
			if now := env.Time(); !env.Watched && now.Sub(said) >= time.Minute {
				said = now
				_ = terminal.Say(env.Err, "%s: at %d of %d\n", terminal.Printable(path), p.Done, p.Total) // nobody is left to tell
			}
			tell(p)
		})
	})
	if errors.Is(err, cli.ErrCutShort) && at.Total > 0 {
		err = fmt.Errorf("interrupted at %d of %d: what was done by then stays done, and the same command goes on from there",
			at.Done, at.Total)
	}
	if e, ok := errors.AsType[*v1.Error](err); ok && e.Code == "path" {
		report.Failed = []v1.Finding{{Kind: "unreadable", Path: path, Text: e.Message}}
		return report, nil
	}
	return report, err
}

// printImport prints what has become of everything, and fails where something could not be imported.
func printImport(env *cli.Env, all v1.ImportReport) error {
	err := listImport(env, all)
	if err == nil && len(all.Failed) > 0 {
		err = errors.New("not everything could be imported")
	}
	return err
}

func listImport(env *cli.Env, all v1.ImportReport) error {
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, all)
	}
	rows := make([][]string, 0, len(all.Failed)+len(all.Skipped))
	for _, f := range all.Skipped {
		rows = append(rows, []string{"skipped", cmp.Or(f.Path, f.RecordID), f.Text})
	}
	for _, f := range all.Failed {
		rows = append(rows, []string{"failed", cmp.Or(f.Path, f.RecordID), f.Text})
	}
	skipped := ""
	if n := len(all.Skipped); n > 0 {
		skipped = fmt.Sprintf(", %d skipped", n)
	}
	return errors.Join(terminal.Table(env.Out, "", rows), terminal.Say(env.Out, "%s imported, %d there already%s, %d failed\n",
		terminal.Plural(len(all.Imported), "recording"), all.Same, skipped, len(all.Failed)))
}
