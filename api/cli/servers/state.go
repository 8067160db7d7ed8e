package servers

import (
	"errors"
	"fmt"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// EnableCmd lets a server take meetings.
type EnableCmd struct {
	ID string `arg:"" help:"ID of the server."`
	cli.Sure
}

// Run enables the server, if it is fit for that.
func (c *EnableCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Servers.Enable(env.Ctx, c.ID, c.Force)
		if err != nil {
			return err
		}
		return changed(env, result, "enabled")
	})
}

// CordonCmd lets a server keep its meetings and take no new ones.
type CordonCmd struct {
	ID string `arg:"" help:"ID of the server."`
	cli.Sure
}

// Run cordons the server.
func (c *CordonCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Servers.Cordon(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		return changed(env, result, "cordoned, "+present(result.Server)+" left")
	})
}

// present says who is on a server, or how much nothing that is.
func present(s v1.Server) string {
	if s.Meetings == 0 && s.Users > 0 {
		return v1.People(s.Users) + " in copies of meetings that run elsewhere"
	}
	return v1.Running(s.Meetings, s.Users)
}

// DisableCmd takes a server out of use.
type DisableCmd struct {
	ID string `arg:"" help:"ID of the server."`
	cli.Sure
}

// Run disables the server, which nobody is asked about: the pool refuses it while somebody is there, unless forced.
func (c *DisableCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Servers.Disable(env.Ctx, c.ID, c.Force)
		if err != nil {
			return err
		}
		if n := result.Owed; n > 0 {
			err = terminal.Say(env.Err, "note: it owes %s, which it can deliver while it is disabled, as long as it runs: "+
				"`bbbpool recording list --owed` tells more\n", terminal.Plural(n, "recording"))
		}
		return errors.Join(err, changed(env, result, "disabled"))
	})
}

// removedServer is what is left of a server, in JSON.
type removedServer struct {
	ID      string `json:"id"`
	Removed bool   `json:"removed"`
}

// RemoveCmd takes a server out of the pool.
type RemoveCmd struct {
	ID string `arg:"" help:"ID of the server."`
	cli.Sure
}

// Run removes the server, which needs a yes, and force where it has meetings, or owes recordings. Then there is no
// question first: the pool refuses whatever the answer is.
func (c *RemoveCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		s, err := pool.Servers.Show(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if s.Present() == "" && s.Owed == 0 {
			err = env.Confirm(c.Sure, fmt.Sprintf("Server %s (%s) leaves the pool. No meetings run there.", s.ID, s.URL))
		}
		if err != nil {
			return err
		}
		if err := pool.Servers.Remove(env.Ctx, c.ID, c.Force); err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, removedServer{ID: c.ID, Removed: true})
		}
		_, err = fmt.Fprintf(env.Out, "server %s: removed\n", terminal.Printable(c.ID))
		return err
	})
}
