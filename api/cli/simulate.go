package cli

import (
	"bufio"
	"errors"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/placement/simulate"
)

// SimulateCmd replays a day against placement rules. It needs no pool.
type SimulateCmd struct {
	simulate.Options `embed:""`

	Write bool `help:"Print the trace of the generated day, one meeting a line, and replay nothing."`
}

// Run prints how the rules did.
func (c *SimulateCmd) Run(env *Env) error {
	err := c.run(env)
	if err != nil {
		return terminal.PrintableError(err)
	}
	return nil
}

func (c *SimulateCmd) run(env *Env) error {
	if c.Write {
		out := bufio.NewWriter(env.Out)
		return errors.Join(simulate.Generate(c.Options, out), out.Flush())
	}
	report, err := Watched(env, "replays", func(tell func(v1.Progress)) (simulate.Report, error) {
		return simulate.Run(env.Ctx, c.Options, env.In, func(done, total int) {
			tell(v1.Progress{Done: done, Total: total})
		})
	})
	if errors.Is(err, ErrCutShort) {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, report)
	}
	return report.Table(env.Out)
}
