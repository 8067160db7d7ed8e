package cli

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// RecordingImportCmd imports recordings.
type RecordingImportCmd struct {
	Paths  []string `arg:"" name:"path" help:"Archives, or directories of archives or of recordings, on the machine of the pool."`
	Tenant string   `placeholder:"ID" help:"Tenant of the recordings that do not tell."`
	Force  bool     `help:"Bring back what was deleted."`
}

// Run imports one path after the other, and fails if anything could not be imported.
func (c *RecordingImportCmd) Run(env *Env) error {
	paths := make([]string, 0, len(c.Paths))
	for _, path := range c.Paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("find %s: %w", path, err)
		}
		paths = append(paths, absolute)
	}
	return env.with(change, func(pool *connection) error {
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
func (c *RecordingImportCmd) one(env *Env, pool *connection, path string) (v1.ImportReport, error) {
	var at v1.Progress
	said := env.now()
	report, err := watched(env, "recordings", func(tell func(v1.Progress)) (v1.ImportReport, error) {
		options := v1.ImportOptions{Path: path, Tenant: c.Tenant, Force: c.Force}
		return pool.Imports.Import(env.Ctx, options, func(p v1.Progress) {
			at = p
			if now := env.now(); !env.Watched && now.Sub(said) >= time.Minute {
				said = now
				_ = say(env.Err, "%s: at %d of %d\n", printable(path), p.Done, p.Total) // nobody is left to tell
			}
			tell(p)
		})
	})
	if errors.Is(err, errCutShort) && at.Total > 0 {
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
func printImport(env *Env, all v1.ImportReport) error {
	err := listImport(env, all)
	if err == nil && len(all.Failed) > 0 {
		err = errors.New("not everything could be imported")
	}
	return err
}

func listImport(env *Env, all v1.ImportReport) error {
	if env.Options.JSON {
		return printJSON(env.Out, all)
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
	return errors.Join(table(env.Out, "", rows), say(env.Out, "%s imported, %d there already%s, %d failed\n",
		plural(len(all.Imported), "recording"), all.Same, skipped, len(all.Failed)))
}

// RecordingVerifyCmd compares the index of the recordings with the disk.
type RecordingVerifyCmd struct {
	Repair bool `help:"Mend what is misplaced or left over, and forget formats whose files are gone."`
	Adopt  bool `help:"Take into the index what only the disk has."`
	Mark   bool `help:"Take the volume that is mounted now for the right one."`
	Yes    bool `short:"y" help:"Do not ask."`
}

// Run looks first, and changes nothing before somebody has seen what there is. It fails if anything remains.
func (c *RecordingVerifyCmd) Run(env *Env) error {
	in := look
	if c.Repair || c.Adopt || c.Mark {
		in = change
	}
	return env.with(in, func(pool *connection) error {
		if c.Mark {
			err := env.confirm(Sure{Yes: c.Yes}, "The volume that is mounted now is taken for the one with the recordings.")
			if err != nil {
				return err
			}
		}
		mends := c.Repair || c.Adopt
		report, err := verify(env, pool, v1.VerifyOptions{Mark: c.Mark})
		if err != nil {
			return err
		}
		if mends && len(report.Findings) > 0 {
			report, err = c.mend(env, pool, report)
			if err != nil {
				return err
			}
		}
		return c.print(env, report)
	})
}

func verify(env *Env, pool *connection, o v1.VerifyOptions) (v1.VerifyReport, error) {
	return watched(env, "recordings", func(tell func(v1.Progress)) (v1.VerifyReport, error) {
		return pool.Recordings.Verify(env.Ctx, o, tell)
	})
}

// mend asks and repairs.
func (c *RecordingVerifyCmd) mend(env *Env, pool *connection, seen v1.VerifyReport) (
	v1.VerifyReport, error,
) {
	if !c.Yes {
		if err := findings(env.Err, seen.Findings); err != nil {
			return seen, err
		}
	}
	err := env.confirm(Sure{Yes: c.Yes}, fmt.Sprintf("%s: what can be mended of that is mended.",
		plural(len(seen.Findings), "finding")))
	if err != nil {
		return seen, err
	}
	return verify(env, pool, v1.VerifyOptions{Repair: c.Repair, Adopt: c.Adopt})
}

func (c *RecordingVerifyCmd) print(env *Env, report v1.VerifyReport) error {
	left := 0
	for _, f := range report.Findings {
		if !f.Repaired {
			left++
		}
	}
	if env.Options.JSON {
		if err := printJSON(env.Out, report); err != nil {
			return err
		}
	} else {
		err := errors.Join(findings(env.Out, report.Findings), say(env.Out, "%s in the index, %s on the disk: %s\n",
			plural(report.Recordings, "recording"), plural(report.Formats, "format"), verdictOf(report, left)))
		if err != nil {
			return err
		}
	}
	switch {
	case left == 0:
		return nil
	case c.Repair && c.Adopt:
		return errors.New("not everything could be mended")
	}
	return errors.New("not everything is as it should be: --repair mends what is misplaced, missing or left over, " +
		"--adopt takes in orphans, and `bbbpool recording retry` what is stuck")
}

func verdictOf(report v1.VerifyReport, left int) string {
	if len(report.Findings) == 0 {
		return "nothing is wrong"
	}
	kinds := map[string]int{}
	for _, f := range report.Findings {
		kinds[f.Kind]++
	}
	var tallies []tally
	for kind, n := range kinds {
		tallies = append(tallies, tally{printable(kind), n})
	}
	slices.SortFunc(tallies, func(a, b tally) int { return strings.Compare(a.what, b.what) })
	return fmt.Sprintf("%s; %d repaired, %d left", some(tallies...), len(report.Findings)-left, left)
}
