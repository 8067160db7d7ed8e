package tenants

import (
	"cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ParamCommands are the commands about the rules for the parameters of a tenant's calls.
type ParamCommands struct {
	List  ParamListCmd  `cmd:"" help:"List the rules of a tenant."`
	Set   ParamSetCmd   `cmd:"" help:"Give a tenant a rule, in the place of one of that kind for the same parameter."`
	Unset ParamUnsetCmd `cmd:"" help:"Take a rule away."`
	Test  ParamTestCmd  `cmd:"" help:"Show what would become of a create or a join, and why. Nothing is sent anywhere."`
}

// ParamListCmd lists the rules of a tenant.
type ParamListCmd struct {
	ID string `arg:"" help:"ID of the tenant."`
}

// Run prints a table, or what the API answers in JSON.
func (c *ParamListCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := pool.Tenants.Params(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		if len(list.Rules) == 0 {
			return terminal.Say(env.Out, "no rules\n")
		}
		rows := make([][]string, 0, len(list.Rules))
		for _, r := range list.Rules {
			rows = append(rows, []string{r.Call, r.Name, r.Op, terminal.MiddleCut(r.Value, mostShown)})
		}
		if err := terminal.Table(env.Out, "CALL NAME OP VALUE", rows); err != nil {
			return err
		}
		return warnings(env, list.Warnings)
	})
}

// mostShown is how much of a value stands in a table; JSON has all of it.
const mostShown = 60

// ParamSetCmd gives a tenant a rule.
type ParamSetCmd struct {
	ID    string `arg:"" help:"ID of the tenant."`
	Call  string `arg:"" enum:"create,join" help:"create or join."`
	Name  string `arg:"" help:"Name of the parameter."`
	Op    string `arg:"" enum:"default,override,remove,add,take,cap" help:"default sets what the front end has not set, override what it has, too; remove takes it away; add and take change a list; cap bounds a number."`
	Value string `arg:"" optional:"" help:"Value; of a list, separated by commas; none for remove."`
}

// Run makes the change, and passes on what the pool warns of.
func (c *ParamSetCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		list, err := pool.Tenants.SetParam(env.Ctx, c.ID, v1.ParamRule{Call: c.Call, Op: c.Op, Name: c.Name, Value: c.Value})
		if err != nil {
			return err
		}
		return paramsChanged(env, c.ID, list)
	})
}

// ParamUnsetCmd takes a rule away.
type ParamUnsetCmd struct {
	ID   string `arg:"" help:"ID of the tenant."`
	Call string `arg:"" enum:"create,join" help:"create or join."`
	Name string `arg:"" help:"Name of the parameter."`
	Op   string `arg:"" optional:"" help:"Only the rule with this operator; all for that parameter without it."`
}

// Run makes the change.
func (c *ParamUnsetCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		list, err := pool.Tenants.UnsetParam(env.Ctx, c.ID, c.Call, c.Name, c.Op)
		if err != nil {
			return err
		}
		return paramsChanged(env, c.ID, list)
	})
}

func paramsChanged(env *cli.Env, id string, list v1.ParamRules) error {
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, list)
	}
	err := terminal.Say(env.Out, "tenant %s: %s for parameters, in force from the next call on\n",
		terminal.Printable(id), terminal.Plural(len(list.Rules), "rule"))
	return cmp.Or(err, warnings(env, list.Warnings))
}

// warnings says what may not do what was meant.
func warnings(env *cli.Env, list []string) error {
	for _, w := range list {
		if err := caution(env, w); err != nil {
			return err
		}
	}
	return nil
}

// ParamTestCmd shows what would become of a call.
type ParamTestCmd struct {
	ID    string `arg:"" help:"ID of the tenant."`
	Call  string `arg:"" enum:"create,join" help:"create or join."`
	Query string `arg:"" optional:"" help:"What the front end sends, as 'name=x&record=true', or the whole link."`
}

// Run prints what every rule changes, in order, and what the server would be sent.
func (c *ParamTestCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		answer, err := pool.Tenants.TestParams(env.Ctx, c.ID, v1.ParamQuestion{Call: c.Call, Query: c.Query})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, answer)
		}
		return printTested(env, answer)
	})
}

func printTested(env *cli.Env, answer v1.ParamAnswer) error {
	rows := make([][]string, 0, len(answer.Steps))
	for _, s := range answer.Steps {
		rows = append(rows, []string{
			s.Name, inTable(s.Before), inTable(s.After), s.Whose, terminal.MiddleCut(s.Rule, 2*mostShown),
		})
	}
	if len(rows) > 0 {
		if err := terminal.Table(env.Out, "PARAMETER BEFORE AFTER WHOSE RULE", rows); err != nil {
			return err
		}
	} else if err := terminal.Say(env.Out, "no rule changes anything\n"); err != nil {
		return err
	}
	if err := terminal.Say(env.Out, "\nthe server is sent\n"); err != nil {
		return err
	}
	rows = rows[:0]
	for _, p := range answer.Params {
		rows = append(rows, []string{p.Name, terminal.MiddleCut(p.Value, 2*mostShown)})
	}
	return terminal.Table(env.Out, "PARAMETER VALUE", rows)
}

// inTable is a value in a table; "-" where there is none.
func inTable(value *string) string {
	switch {
	case value == nil:
		return "-"
	case *value == "":
		return `""`
	}
	return terminal.MiddleCut(*value, mostShown)
}
