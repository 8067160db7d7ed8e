package recordings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// VerifyCmd compares the index of the recordings with the disk.
type VerifyCmd struct {
	Repair bool `help:"Mend what is misplaced or left over, and forget formats whose files are gone."`
	Adopt  bool `help:"Take into the index what only the disk has."`
	Mark   bool `help:"Take the volume that is mounted now for the right one."`
	Yes    bool `short:"y" help:"Do not ask."`
}

// Run looks first, and changes nothing before somebody has seen what there is. It fails if anything remains.
func (c *VerifyCmd) Run(env *cli.Env) error {
	in := cli.Look
	if c.Repair || c.Adopt || c.Mark {
		in = cli.Change
	}
	return env.With(in, func(pool *cli.Connection) error {
		if c.Mark {
			err := env.Confirm(cli.Sure{Yes: c.Yes}, "The volume that is mounted now is taken for the one with the recordings.")
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

func verify(env *cli.Env, pool *cli.Connection, o v1.VerifyOptions) (v1.VerifyReport, error) {
	return cli.Watched(env, "recordings", func(tell func(v1.Progress)) (v1.VerifyReport, error) {
		return pool.Recordings.Verify(env.Ctx, o, tell)
	})
}

// mend asks and repairs.
func (c *VerifyCmd) mend(env *cli.Env, pool *cli.Connection, seen v1.VerifyReport) (
	v1.VerifyReport, error,
) {
	if !c.Yes {
		if err := findings(env.Err, seen.Findings); err != nil {
			return seen, err
		}
	}
	err := env.Confirm(cli.Sure{Yes: c.Yes}, fmt.Sprintf("%s: what can be mended of that is mended.",
		terminal.Plural(len(seen.Findings), "finding")))
	if err != nil {
		return seen, err
	}
	return verify(env, pool, v1.VerifyOptions{Repair: c.Repair, Adopt: c.Adopt})
}

func (c *VerifyCmd) print(env *cli.Env, report v1.VerifyReport) error {
	left := 0
	for _, f := range report.Findings {
		if !f.Repaired {
			left++
		}
	}
	if env.Options.JSON {
		if err := terminal.PrintJSON(env.Out, report); err != nil {
			return err
		}
	} else {
		err := errors.Join(findings(env.Out, report.Findings), terminal.Say(env.Out, "%s in the index, %s on the disk: %s\n",
			terminal.Plural(report.Recordings, "recording"), terminal.Plural(report.Formats, "format"), verdictOf(report, left)))
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
	tallies := make([]string, 0, len(kinds))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		tallies = append(tallies, fmt.Sprintf("%d %s", kinds[kind], terminal.Printable(kind)))
	}
	return fmt.Sprintf("%s; %d repaired, %d left", strings.Join(tallies, ", "), len(report.Findings)-left, left)
}
