package cli

import (
	"errors"
	"fmt"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ServerEnableCmd lets a server take meetings.
type ServerEnableCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run enables the server, if it is fit for that.
func (c *ServerEnableCmd) Run(env *Env) error {
	return env.With(Change, func(pool *Connection) error {
		result, err := pool.Servers.Enable(env.Ctx, c.ID, c.Force)
		if err != nil {
			return err
		}
		return env.changed(result, "enabled")
	})
}

// ServerCordonCmd lets a server keep its meetings and take no new ones.
type ServerCordonCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run cordons the server.
func (c *ServerCordonCmd) Run(env *Env) error {
	return env.With(Change, func(pool *Connection) error {
		result, err := pool.Servers.Cordon(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		return env.changed(result, "cordoned, "+present(result.Server)+" left")
	})
}

// present says who is on a server, or how much nothing that is.
func present(s v1.Server) string {
	if s.Meetings == 0 && s.Users > 0 {
		return v1.People(s.Users) + " in copies of meetings that run elsewhere"
	}
	return v1.Running(s.Meetings, s.Users)
}

// ServerDisableCmd takes a server out of use.
type ServerDisableCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run disables the server, which nobody is asked about: the pool refuses it while somebody is there, unless forced.
func (c *ServerDisableCmd) Run(env *Env) error {
	return env.With(Change, func(pool *Connection) error {
		result, err := pool.Servers.Disable(env.Ctx, c.ID, c.Force)
		if err != nil {
			return err
		}
		if n := result.Owed; n > 0 {
			err = terminal.Say(env.Err, "note: it owes %s, which it can deliver while it is disabled, as long as it runs: "+
				"`bbbpool recording list --owed` tells more\n", terminal.Plural(n, "recording"))
		}
		return errors.Join(err, env.changed(result, "disabled"))
	})
}

// removedServer is what is left of a server, in JSON.
type removedServer struct {
	ID      string `json:"id"`
	Removed bool   `json:"removed"`
}

// ServerRemoveCmd takes a server out of the pool.
type ServerRemoveCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run removes the server, which needs a yes, and force where it has meetings, or owes recordings. Then there is no
// question first: the pool refuses whatever the answer is.
func (c *ServerRemoveCmd) Run(env *Env) error {
	return env.With(Change, func(pool *Connection) error {
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
