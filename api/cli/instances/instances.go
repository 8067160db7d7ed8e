// Package instances is the commands about the processes that serve one pool together. It never decides anything: the pool does,
// and is asked through its client.
package instances

import (
	"errors"
	"strconv"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Commands are the commands about instances.
type Commands struct {
	List     ListCmd     `cmd:"" help:"List the processes that serve the pool together: who decides, and how far behind the others are."`
	StepDown StepDownCmd `cmd:"" name:"step-down" help:"Have an instance hand on the lead, as before it is stopped for long. No request fails."`
}

// ListCmd lists the instances.
type ListCmd struct{}

// Run prints a table, or an array in JSON.
func (c *ListCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := pool.Instances.List(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		if len(list) == 0 {
			return terminal.Say(env.Out, "this pool has one process, which shares its records with nobody\n")
		}
		return table(env, list)
	})
}

func table(env *cli.Env, list []v1.Instance) error {
	rows := make([][]string, 0, len(list))
	for _, one := range list {
		name := one.ID
		if one.Self {
			name += " *"
		}
		rows = append(rows, []string{name, one.State, lag(one), one.Address, one.Version, strconv.Itoa(len(one.Problems))})
	}
	if err := terminal.Table(env.Out, "INSTANCE STATE BEHIND ADDRESS VERSION PROBLEMS", rows); err != nil || leader(list) != "" {
		return err
	}
	return terminal.Say(env.Out, "\nnone of them leads: new meetings wait until one does; bbbpool status says why\n")
}

// lag says how old the news of an instance is.
func lag(one v1.Instance) string {
	if one.LagMS == nil {
		return "-"
	}
	return strconv.FormatFloat(*one.LagMS, 'f', 0, 64) + " ms"
}

// StepDownCmd has an instance hand on the lead.
type StepDownCmd struct {
	ID string `arg:"" optional:"" help:"Which one; the one that leads by default."`
}

var errNobody = errors.New("no instance leads at the moment; bbbpool status says why")

// Run returns when another instance leads.
func (c *StepDownCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		id := c.ID
		if id == "" {
			list, err := pool.Instances.List(env.Ctx)
			if err != nil {
				return err
			}
			if id = leader(list); id == "" {
				return errNobody
			}
		}
		if err := pool.Instances.StepDown(env.Ctx, id); err != nil {
			return err
		}
		list, err := pool.Instances.List(env.Ctx)
		if err != nil {
			return err
		}
		now := leader(list)
		if now == "" {
			return terminal.Say(env.Out, "the lead was handed on, and who has it does not answer from here; see bbbpool instance list\n")
		}
		return terminal.Say(env.Out, "%s leads\n", terminal.Printable(now))
	})
}

// leader is the ID of the one that leads; empty where none does.
func leader(list []v1.Instance) string {
	for _, one := range list {
		if one.State == v1.Leading {
			return one.ID
		}
	}
	return ""
}
