package recordings

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// PruneCmd deletes old recordings.
type PruneCmd struct {
	OlderThan grammar.Age  `placeholder:"AGE" help:"Delete those of meetings that ended longer ago than this, as 180d."`
	KeepUnder grammar.Size `placeholder:"SIZE" help:"Delete the oldest until the others take no more than this, as 500GiB."`
	Tenant    string       `placeholder:"ID" help:"Only those of this tenant; its size alone counts then."`
	DryRun    bool         `help:"Show what would be deleted, and do nothing."`
	Yes       bool         `short:"y" help:"Do not ask."`
}

// Run shows what would be deleted, asks, and deletes it.
func (c *PruneCmd) Run(env *cli.Env) error {
	options := v1.PruneOptions{
		OlderThan: quantity.Age(c.OlderThan), KeepUnder: int64(c.KeepUnder), Tenant: c.Tenant, DryRun: true,
	}
	if options.OlderThan == 0 && options.KeepUnder == 0 {
		return grammar.Misused("say what is too old or too much: --older-than 180d, --keep-under 500GiB")
	}
	in := cli.Change
	if c.DryRun {
		in = cli.Look
	}
	return env.With(in, func(pool *cli.Connection) error {
		report, err := prune(env, pool, options)
		if err != nil {
			return err
		}
		nothing := len(report.Deleted) == 0
		if c.DryRun || nothing {
			return printPruned(env, report, env.Out, "would be deleted")
		}
		if !env.Options.JSON || !c.Yes {
			w := env.Out
			if env.Options.JSON {
				w = env.Err
			}
			if err := pruneTable(w, report, "would be deleted"); err != nil {
				return err
			}
		}
		err = env.Confirm(cli.Sure{Yes: c.Yes}, recordingCount(len(report.Deleted), report.Bytes)+" "+
			terminal.IsAre(len(report.Deleted))+" deleted.")
		if err != nil {
			return err
		}
		options.DryRun = false
		if report, err = prune(env, pool, options); err != nil {
			return err
		}
		return printDeleted(env, report)
	})
}

// printDeleted prints what was deleted, and fails where files of it are still there.
func printDeleted(env *cli.Env, report v1.PruneReport) error {
	var err error
	if env.Options.JSON {
		err = terminal.PrintJSON(env.Out, report)
	} else {
		err = errors.Join(pruneSum(env.Out, report, "deleted"), findings(env.Err, report.Behind))
	}
	if n := len(report.Behind); err == nil && n > 0 {
		err = fmt.Errorf("files of %s could not be removed: that is tried again", terminal.Plural(n, "recording"))
	}
	return err
}

func prune(env *cli.Env, pool *cli.Connection, o v1.PruneOptions) (v1.PruneReport, error) {
	return cli.Watched(env, "recordings", func(tell func(v1.Progress)) (v1.PruneReport, error) {
		return pool.Recordings.Prune(env.Ctx, o, tell)
	})
}

func printPruned(env *cli.Env, report v1.PruneReport, w io.Writer, done string) error {
	if env.Options.JSON {
		return terminal.PrintJSON(w, report)
	}
	return pruneTable(w, report, done)
}

func pruneTable(w io.Writer, report v1.PruneReport, done string) error {
	rows := make([][]string, 0, len(report.Deleted))
	for _, p := range report.Deleted {
		rows = append(rows, []string{p.RecordID, p.Tenant, p.MeetingID, p.Name, terminal.Moment(&p.End), terminal.Size(p.Bytes)})
	}
	if len(rows) > 0 {
		if err := terminal.Table(w, "RECORDING TENANT MEETING NAME END SIZE", rows); err != nil {
			return err
		}
	}
	return pruneSum(w, report, done)
}

func pruneSum(w io.Writer, report v1.PruneReport, done string) error {
	kept := ""
	if report.Protected > 0 {
		kept = fmt.Sprintf("; %s kept by %s in the metadata", terminal.Plural(report.Protected, "recording"), v1.Keep)
	}
	if len(report.Deleted) == 0 {
		return terminal.Say(w, "nothing is old or large enough, %s remain%s\n", terminal.Size(report.Remaining), kept)
	}
	return terminal.Say(w, "%s %s, %s remain%s\n", recordingCount(len(report.Deleted), report.Bytes), done,
		terminal.Size(report.Remaining), kept)
}

// findings prints what a comparison has found, kind by kind.
func findings(w io.Writer, list []v1.Finding) error {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b v1.Finding) int { return strings.Compare(a.Kind, b.Kind) })
	rows := make([][]string, 0, len(list))
	for _, f := range list {
		rows = append(rows, []string{f.Kind, f.RecordID, f.Format, terminal.YesNo(f.Repaired), f.Path, f.Text})
	}
	return terminal.Table(w, "KIND RECORDING FORMAT REPAIRED PATH WHAT", rows)
}
