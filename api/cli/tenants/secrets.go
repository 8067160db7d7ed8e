package tenants

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// environment is where secrets come from that nobody changes here.
const environment = "environment"

// SecretCommand is the commands about the secrets of a tenant.
type SecretCommand struct {
	List   SecretListCmd   `cmd:"" help:"List the secrets of a tenant: when they were made, when they were last used, when they expire."`
	Show   SecretShowCmd   `cmd:"" help:"Print one secret in clear. The audit log says who did."`
	Add    SecretAddCmd    `cmd:"" help:"Add a secret, beside those that there are."`
	Retire SecretRetireCmd `cmd:"" help:"Take a secret away, at once."`
	Rotate SecretRotateCmd `cmd:"" help:"Add a secret, and let the others expire when front ends have had time to change over."`
}

// about says what there is to say about a secret, but not the secret.
func about(s v1.TenantSecret) string {
	said := []string{"***"}
	if s.Created != nil {
		said = append(said, "made "+terminal.Moment(s.Created))
	}
	if s.LastUsed != nil {
		said = append(said, "last used "+terminal.Moment(s.LastUsed))
	}
	if s.Expires != nil {
		said = append(said, "expires "+terminal.Moment(s.Expires))
	}
	if s.Source == environment {
		said = append(said, "from the environment")
	}
	return strings.Join(said, ", ")
}

// SecretListCmd lists the secrets of a tenant.
type SecretListCmd struct {
	ID string `arg:"" help:"ID of the tenant; the first one is called default."`
}

// Run prints a table, or an array in JSON; without the secrets themselves.
func (c *SecretListCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := pool.Tenants.Secrets(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		return table(env, list)
	})
}

func table(env *cli.Env, list []v1.TenantSecret) error {
	rows := make([][]string, 0, len(list))
	for _, s := range list {
		rows = append(rows, []string{
			s.Name, s.Source, terminal.Moment(s.Created), terminal.Moment(s.LastUsed), terminal.Moment(s.Expires),
		})
	}
	return terminal.Table(env.Out, "NAME SOURCE MADE LAST-USED EXPIRES", rows)
}

// SecretShowCmd prints a secret.
type SecretShowCmd struct {
	ID   string `arg:"" help:"ID of the tenant; the first one is called default."`
	Name string `arg:"" optional:"" help:"Name of the secret; by default the one to give to a front end, which is the newest that lasts."`
}

// inClear is a secret in JSON, in clear.
type inClear struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

// Run prints the secret alone, in clear: that is what it is for.
func (c *SecretShowCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		s, err := pool.Tenants.Reveal(env.Ctx, c.ID, c.Name)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, inClear{c.ID, s.Name, s.Secret.Reveal()})
		}
		return terminal.Say(env.Out, "%s\n", terminal.Printable(s.Secret.Reveal()))
	})
}

// SecretAddCmd adds a secret.
type SecretAddCmd struct {
	ID      string       `arg:"" help:"ID of the tenant; the first one is called default."`
	Name    string       `arg:"" optional:"" help:"Name of the secret; the day by default."`
	Secret  v1.Secret    `placeholder:"SECRET" env:"BBBPOOL_TENANT_SECRET" help:"The secret; - reads it from the standard input. Made by default."`
	Expires *grammar.Age `placeholder:"TIME" help:"How long it verifies, as 30d; for good by default."`
}

// Run adds it, and says how to see it.
func (c *SecretAddCmd) Run(env *cli.Env) error {
	secret, err := env.Secret(c.Secret)
	if err != nil {
		return err
	}
	n := v1.NewTenantSecret{Name: c.Name, Secret: secret}
	if c.Expires != nil {
		end := env.Time().Add(time.Duration(*c.Expires))
		n.Expires = &end
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		changed, err := pool.Tenants.AddSecret(env.Ctx, c.ID, n)
		return secretsChanged(env, changed, err, "added: "+seen(c.ID, changed.Name))
	})
}

// seen says how to see a secret.
func seen(id, name string) string {
	return "bbbpool tenant secret show " + id + " " + name + " prints it"
}

// secretsChanged says what has become of a secret.
func secretsChanged(env *cli.Env, c v1.ChangedSecrets, err error, what string) error {
	if err != nil {
		return err
	}
	if err := caution(env, c.Warning); err != nil {
		return err
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, c)
	}
	return terminal.Say(env.Out, "%s\n", terminal.Printable("tenant "+c.Tenant+": secret "+c.Name+" "+what))
}

// SecretRetireCmd takes a secret away.
type SecretRetireCmd struct {
	ID   string `arg:"" help:"ID of the tenant; the first one is called default."`
	Name string `arg:"" help:"Name of the secret."`
	cli.Sure
}

// Run retires the secret, which needs a yes: nobody can bring back one that was made here, and front ends may use it still.
func (c *SecretRetireCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		list, err := pool.Tenants.Secrets(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(s v1.TenantSecret) bool { return s.Name == c.Name })
		if i >= 0 { // else the pool says what is wrong
			used := "never used"
			if list[i].LastUsed != nil {
				used = "last used " + terminal.Moment(list[i].LastUsed)
			}
			err = env.Confirm(c.Sure, terminal.Printable(fmt.Sprintf("Secret %s of tenant %s goes, which was %s: calls that it signs "+
				"fail from then on.", c.Name, c.ID, used)))
		}
		if err != nil {
			return err
		}
		changed, err := pool.Tenants.RetireSecret(env.Ctx, c.ID, c.Name, c.Force)
		return secretsChanged(env, changed, err, "retired: calls that it signs fail from now on")
	})
}

// SecretRotateCmd adds a secret and lets the others expire.
type SecretRotateCmd struct {
	ID     string       `arg:"" help:"ID of the tenant; the first one is called default."`
	Name   string       `arg:"" optional:"" help:"Name of the new secret; the day by default."`
	Secret v1.Secret    `placeholder:"SECRET" env:"BBBPOOL_TENANT_SECRET" help:"The new secret; - reads it from the standard input. Made by default."`
	Keep   quantity.Age `placeholder:"TIME" default:"7d" help:"How long the others verify as well, as 7d; 0s retires them at once."`
	Yes    bool         `short:"y" help:"Do not ask, as is done where the others are retired at once."`
}

// Run rotates, and shows who has the former secrets still: one that was used lately is in some front end.
func (c *SecretRotateCmd) Run(env *cli.Env) error {
	secret, err := env.Secret(c.Secret)
	if err != nil {
		return err
	}
	keep := time.Duration(c.Keep)
	return env.With(cli.Change, func(pool *cli.Connection) error {
		if keep == 0 {
			err := env.Confirm(cli.Sure{Yes: c.Yes}, terminal.Printable("All other secrets of tenant "+c.ID+" go: calls that they sign "+
				"fail from then on."))
			if err != nil {
				return err
			}
		}
		changed, err := pool.Tenants.RotateSecret(env.Ctx, c.ID, v1.Rotation{Name: c.Name, Secret: secret, Keep: &keep})
		err = secretsChanged(env, changed, err, "added: "+seen(c.ID, changed.Name))
		if err != nil || env.Options.JSON {
			return err
		}
		return errors.Join(
			terminal.Say(env.Out, "give it to the front ends before the others expire; tenant secret list shows which are in use still\n"),
			table(env, changed.Secrets))
	})
}
