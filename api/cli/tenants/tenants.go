// Package tenants is the commands about tenants: who they are, what verifies them, what is set for them and what they may
// have. It never decides anything: the pool does, and is asked through its client.
package tenants

import (
	"fmt"
	"strconv"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Commands are the commands about tenants.
type Commands struct {
	List ListCmd `cmd:"" help:"List the tenants."`
	Show ShowCmd `cmd:"" help:"Show a tenant, its secrets, and how front ends use them."`
	Set  SetCmd  `cmd:"" help:"Change a tenant."`

	Param ParamCommands `cmd:"" help:"Rules for the parameters of its calls."`
}

// ListCmd lists the tenants.
type ListCmd struct{}

// Run prints a table, or an array in JSON; without the secrets.
func (c *ListCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		tenants, err := pool.Tenants.List(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, tenants)
		}
		if len(tenants) == 0 {
			_, err := fmt.Fprintln(env.Out, "no tenants yet: bbbpool serve makes the first one")
			return err
		}
		rows := make([][]string, 0, len(tenants))
		for _, t := range tenants {
			rows = append(rows, []string{t.ID, t.Name, strconv.Itoa(len(t.Secrets)), t.Source, t.Tag, hints(t)})
		}
		return terminal.Table(env.Out, "ID NAME SECRETS SOURCE TAG HINTS", rows)
	})
}

// ShowCmd shows a tenant with its secrets.
type ShowCmd struct {
	ID string `arg:"" help:"ID of the tenant; the first one is called default."`
}

// Run prints the secrets in clear: that is what it is for.
func (c *ShowCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		t, err := pool.Tenants.Reveal(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, t)
		}
		return printTenant(env, t)
	})
}

func printTenant(env *cli.Env, t v1.Tenant) error {
	pairs := [][2]string{{"id", t.ID}, {"name", t.Name}, {"tag", t.Tag}, {"hints", hints(t)}}
	for _, secret := range t.Secrets {
		pairs = append(pairs, [2]string{"secret", secret})
	}
	if len(t.Secrets) == 0 {
		pairs = append(pairs, [2]string{"secret", ""})
	}
	if err := terminal.Sheet(env.Out, pairs...); err != nil {
		return err
	}
	if len(t.Secrets) == 0 {
		return terminal.Say(env.Err,
			"it has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for bbbpool serve, "+
				"and restart it\n")
	}
	if t.Generated && t.Source == "environment" {
		err := terminal.Say(env.Err, "note: the secret of the first start is kept, for when LOADBALANCER_SECRET gives none: "+
			"`bbbpool tenant set %s --drop-generated` forgets it\n", terminal.Printable(t.ID))
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(env.Out, `
Give this secret to the front end, together with the address of this pool:
  Moodle      BigBlueButton server URL: https://POOL/bigbluebutton/, and the shared secret
  Greenlight  BIGBLUEBUTTON_ENDPOINT=https://POOL/bigbluebutton/api and BIGBLUEBUTTON_SECRET
  others      https://POOL/bigbluebutton/api, or without /api: both work
`)
	return err
}

// hints says what becomes of the sizes that a tenant announces for its meetings.
func hints(t v1.Tenant) string {
	if t.IgnoreHints {
		return "ignored"
	}
	return "believed"
}

// SetCmd changes a tenant.
type SetCmd struct {
	ID          string  `arg:"" help:"ID of the tenant; the first one is called default."`
	Tag         *string `placeholder:"TAG" help:"Tag of the servers for its meetings, where a create asks for none, as in meta_server-tag; an empty one takes it away."`
	IgnoreHints *bool   `negatable:"" help:"Do not believe what its front ends announce as the size of a meeting, or believe it again."`

	DropGenerated bool `help:"Forget the secret that was made on the first start, for good. LOADBALANCER_SECRET must give another."`
}

// Run makes the change.
func (c *SetCmd) Run(env *cli.Env) error {
	if c.Tag == nil && c.IgnoreHints == nil && !c.DropGenerated {
		return grammar.Misused("nothing to change: pass --tag, --ignore-hints or --drop-generated")
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		t, err := pool.Tenants.Change(env.Ctx, c.ID, v1.TenantChange{
			Tag: c.Tag, IgnoreHints: c.IgnoreHints, DropGenerated: c.DropGenerated,
		})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, t)
		}
		return terminal.Say(env.Out, "tenant %s: changed\n", terminal.Printable(t.ID))
	})
}
