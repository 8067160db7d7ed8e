package servers

import (
	"errors"
	"fmt"
	"math"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// AddCmd adds a server.
type AddCmd struct {
	URL      string    `arg:"" help:"Address of the server: its host, or what bbb-conf --secret prints there."`
	Secret   v1.Secret `placeholder:"SECRET" env:"BBBPOOL_SERVER_SECRET" help:"Its secret, as bbb-conf --secret prints it; - reads it from the standard input."`
	ID       string    `placeholder:"ID" help:"ID in the pool; made from the host's name by default."`
	Weight   float64   `placeholder:"W" default:"1" help:"How much it carries relative to others; 2 takes twice as much."`
	Capacity int       `placeholder:"N" help:"People it should carry at most; no limit by default."`
	Hard     bool      `help:"Let no new meeting go beyond the capacity; without it the server comes after all others then."`
	Tag      string    `placeholder:"TAG" help:"Tag for front ends to ask for, as in Scalelite."`
	Enable   bool      `help:"Let it take meetings at once."`
	Force    bool      `help:"Add it even if it cannot be reached, does not accept the secret, or fails its test."`
}

// Run prints the ID of the new server, and whatever else there is to say beside it on the standard error.
func (c *AddCmd) Run(env *cli.Env) error {
	if err := checkWeight(&c.Weight); err != nil {
		return err
	}
	secret, err := env.Secret(c.Secret)
	if err != nil {
		return err
	}
	if secret == "" {
		return grammar.Misused("the server's secret is missing: pass --secret SECRET, or --secret - to have it read from the " +
			"standard input, or set BBBPOOL_SERVER_SECRET; bbb-conf --secret prints it on the server")
	}
	return env.With(cli.Begin, func(pool *cli.Connection) error {
		result, err := pool.Servers.Add(env.Ctx, v1.NewServer{
			URL: c.URL, Secret: secret, ID: c.ID, Weight: &c.Weight, Capacity: c.Capacity, Hard: c.Hard, Tag: c.Tag,
			Enable: c.Enable, Force: c.Force,
		})
		if err != nil {
			return err
		}
		if err := note(env, result); err != nil {
			return err
		}
		if !c.Enable {
			_, err := fmt.Fprintln(env.Err, "it takes no meetings yet: bbbpool server enable", terminal.Printable(result.ID))
			if err != nil {
				return err
			}
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, result)
		}
		_, err = fmt.Fprintln(env.Out, terminal.Printable(result.ID))
		return err
	})
}

// SetCmd changes a server.
type SetCmd struct {
	ID       string         `arg:"" help:"ID of the server."`
	URL      *string        `placeholder:"URL" help:"New address. The server is asked whether it can be used there."`
	Secret   v1.Secret      `placeholder:"SECRET" help:"New secret, before or after bbb-conf --setsecret there; - reads it from the standard input."`
	Window   *time.Duration `placeholder:"24h" help:"How long the server may have its former secret as well; 0 changes it at once. Without --secret, the end of a change that is under way."`
	Weight   *float64       `placeholder:"W" help:"How much it carries relative to others."`
	Capacity *int           `placeholder:"N" help:"People it should carry at most; 0 is no limit."`
	Hard     *bool          `negatable:"" help:"Let no new meeting go beyond the capacity, or let it after all."`
	Tag      *string        `placeholder:"TAG" help:"Tag for front ends to ask for; an empty one takes it away."`
	Force    bool           `help:"Change it even if it cannot be reached then."`
}

// Run makes the change, and says nothing where there is nothing to say.
func (c *SetCmd) Run(env *cli.Env) error {
	if err := checkWeight(c.Weight); err != nil {
		return err
	}
	secret, err := env.Secret(c.Secret)
	if err != nil {
		return err
	}
	wanted := v1.Change{URL: c.URL, Window: c.Window, Weight: c.Weight, Capacity: c.Capacity, Hard: c.Hard, Tag: c.Tag}
	if secret != "" {
		wanted.Secret = &secret
	}
	if wanted == (v1.Change{}) {
		return grammar.Misused("nothing to change: pass --url, --secret, --window, --weight, --capacity, --hard or --tag")
	}
	wanted.Force = c.Force
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Servers.Change(env.Ctx, c.ID, wanted)
		if err != nil {
			return err
		}
		return changed(env, result, "changed")
	})
}

// changed reports what a server has become.
func changed(env *cli.Env, result v1.Result, what string) error {
	if err := note(env, result); err != nil {
		return err
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, result)
	}
	_, err := fmt.Fprintf(env.Out, "server %s: %s\n", terminal.Printable(result.ID), what)
	return err
}

// note tells what was found out about a server.
func note(env *cli.Env, result v1.Result) error {
	say := func(format string, args ...any) error {
		_, err := fmt.Fprintln(env.Err, terminal.Printable(fmt.Sprintf(format, args...)))
		return err
	}
	var errs []error
	if result.Warning != "" {
		errs = append(errs, say("warning: %s", result.Warning))
	}
	if d := result.Diagnosis; d != nil {
		errs = append(errs, say("%s answers at %s and accepts %s (%s)", d.Product(), result.URL, secretOf(result), d.Checksum))
		if d.Meetings > 0 {
			errs = append(errs, say("%s there already", v1.Running(d.Meetings, d.People)))
		}
	}
	if change := result.SecretChange; change != nil && change.AnswersTo == v1.FormerSecret && change.Until.After(env.Time()) {
		errs = append(errs, say("it is asked every second for its new secret, until %s: run bbb-conf --setsecret there",
			terminal.Moment(&change.Until)))
	}
	return errors.Join(errs...)
}

// secretOf is which secret a server has accepted.
func secretOf(result v1.Result) string {
	if change := result.SecretChange; change != nil {
		return "its " + change.AnswersTo + " secret"
	}
	return "the secret"
}

// checkWeight refuses what JSON has no form for, and leaves the rest to the pool.
func checkWeight(w *float64) error {
	if w != nil && (math.IsNaN(*w) || math.IsInf(*w, 0)) {
		return grammar.Misused("--weight: want a number above 0")
	}
	return nil
}
