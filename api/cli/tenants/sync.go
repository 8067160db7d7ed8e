package tenants

import (
	"context"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// SyncCmd makes the tenants of the pool those of a list.
type SyncCmd struct {
	File   string `arg:"" placeholder:"FILE" help:"List of tenants in YAML, as tenant export prints it; - reads the standard input."`
	Mode   string `enum:"keep,disable,remove" default:"keep" help:"What becomes of tenants that are not listed: keep them; disable them; or remove them, and disable those with meetings."`
	DryRun bool   `help:"Show what would be done, and do nothing."`
	Yes    bool   `short:"y" help:"Do not ask."`
}

// Run shows what is to be done, asks if tenants are to be removed or disabled, and does it. It fails if any of it did.
func (c *SyncCmd) Run(env *cli.Env) error {
	list, err := cli.ReadList(env, c.File, func(r io.Reader) ([]v1.SyncTenant, error) { return Read(r, os.LookupEnv) })
	if err != nil {
		return err
	}
	return cli.Syncing{
		Noun: "tenant", File: c.File, DryRun: c.DryRun,
		Do: func(ctx context.Context, pool *cli.Connection, dryRun bool, tell func(v1.Progress)) (v1.Synced, error) {
			return pool.Tenants.Sync(ctx, v1.TenantSync{Mode: c.Mode, DryRun: dryRun, Tenants: list}, tell)
		},
		Question: c.question, Yes: c.Yes,
	}.Run(env)
}

// question is asked before front ends are shut out.
func (c *SyncCmd) question(seen v1.Synced) string {
	var gone []string
	for _, change := range seen.Changes {
		if change.Action == "removed" || change.Action == "disabled" {
			gone = append(gone, change.ID)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	return fmt.Sprintf("The front ends of %s are shut out: %s.", terminal.Plural(len(gone), "tenant"), quantity.Some(gone))
}

// ExportCmd prints the tenants as a list that tenant sync reads.
type ExportCmd struct {
	Secrets bool `help:"With the secrets, in clear. Without them such a list leaves the secrets of tenants as they are."`
}

// Run prints the list.
func (c *ExportCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		get := pool.Tenants.List
		if c.Secrets {
			get = pool.Tenants.RevealAll
		}
		list, err := get(env.Ctx)
		if err != nil {
			return err
		}
		text, err := Write(list, c.Secrets)
		if err != nil {
			return err
		}
		if !env.Options.JSON {
			_, err = io.WriteString(env.Out, terminal.HarmlessYAML(string(text)))
			return err
		}
		var all any
		if err := yaml.Unmarshal(text, &all); err != nil {
			return err
		}
		return terminal.PrintJSON(env.Out, all)
	})
}
