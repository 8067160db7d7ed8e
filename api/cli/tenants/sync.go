package tenants

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
	list, err := c.read(env)
	if err != nil {
		return terminal.PrintableError(fmt.Errorf("%s: %w", c.File, err))
	}
	in := cli.Change
	if c.DryRun {
		in = cli.Look
	}
	wanted := v1.TenantSync{Mode: c.Mode, DryRun: true, Tenants: list}
	return env.With(in, func(pool *cli.Connection) error {
		seen, err := pool.Tenants.Sync(env.Ctx, wanted, func(v1.Progress) {})
		if wrong, ok := errors.AsType[*v1.Error](err); ok && wrong.Code == v1.CodeInvalid {
			return fmt.Errorf("%s: %s", c.File, wrong.Message) // the list is wrong, and not the command line
		}
		if err != nil {
			return err
		}
		if c.DryRun || len(seen.Changes) == 0 {
			return printSync(env, seen)
		}
		if err := c.confirm(env, seen); err != nil {
			return err
		}
		wanted.DryRun = false
		done, err := cli.Watched(env, "tenants", func(tell func(v1.Progress)) (v1.Synced, error) {
			return pool.Tenants.Sync(env.Ctx, wanted, tell)
		})
		if err != nil {
			return err
		}
		return printSync(env, done)
	})
}

func (c *SyncCmd) read(env *cli.Env) ([]v1.SyncTenant, error) {
	if c.File == "-" {
		return Read(env.In, os.LookupEnv)
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, errors.Unwrap(err) // without the name
	}
	defer func() { _ = file.Close() }()
	return Read(file, os.LookupEnv)
}

// confirm asks before front ends are shut out, and shows all that would be done then.
func (c *SyncCmd) confirm(env *cli.Env, seen v1.Synced) error {
	var gone []string
	for _, change := range seen.Changes {
		if change.Action == "removed" || change.Action == "disabled" {
			gone = append(gone, change.ID)
		}
	}
	if len(gone) == 0 || c.Yes {
		return nil
	}
	if err := syncLines(env.Err, seen); err != nil {
		return err
	}
	return env.Confirm(cli.Sure{}, terminal.Printable(fmt.Sprintf("The front ends of %s are shut out: %s.",
		terminal.Plural(len(gone), "tenant"), quantity.Some(gone))))
}

func printSync(env *cli.Env, s v1.Synced) error {
	if env.Options.JSON {
		if err := terminal.PrintJSON(env.Out, s); err != nil {
			return err
		}
	} else if err := syncLines(env.Out, s); err != nil {
		return err
	}
	failed := 0
	for _, change := range s.Changes {
		if change.Error != "" {
			failed++
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%s %s not as listed: correct what is wrong and run this again", terminal.Plural(failed, "tenant"),
			terminal.IsAre(failed))
	case s.DryRun && len(s.Changes) > 0 && !env.Options.JSON:
		return terminal.Say(env.Err, "note: nothing was done, for this was a dry run\n")
	}
	return nil
}

// plans are the actions of a sync as they are told of before.
var plans = map[string]string{
	"created": "would create", "updated": "would update", "enabled": "would enable", "disabled": "would disable",
	"removed": "would remove",
}

// syncLines prints a line for each change.
func syncLines(w io.Writer, s v1.Synced) error {
	if len(s.Changes) == 0 {
		return terminal.Say(w, "nothing to change: the pool has the tenants that are listed\n")
	}
	for _, change := range s.Changes {
		action := change.Action
		if s.DryRun && plans[action] != "" {
			action = plans[action]
		}
		line := fmt.Sprintf("[%s] %s", change.ID, action)
		if len(change.Fields) > 0 {
			line += ": " + strings.Join(change.Fields, ", ")
		}
		if change.Error != "" {
			line += ": " + change.Error
		}
		if change.Warning != "" {
			line += "; warning: " + change.Warning
		}
		if err := terminal.Say(w, "%s\n", terminal.Printable(line)); err != nil {
			return err
		}
	}
	return nil
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
