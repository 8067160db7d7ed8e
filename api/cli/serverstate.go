package cli

import (
	"fmt"

	"github.com/bbbpool/bbbpool/api/admin"
)

// ServerEnableCmd lets a server take meetings.
type ServerEnableCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run enables the server, if it is fit for that.
func (c *ServerEnableCmd) Run(env *Env) error {
	return env.with(change, func(pool *connection) error {
		result, err := pool.EnableServer(env.Ctx, c.ID, c.Force)
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
	return env.with(change, func(pool *connection) error {
		result, err := pool.CordonServer(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		return env.changed(result, "cordoned, "+present(result.Server)+" left")
	})
}

// present says who is on a server, or how much nothing that is.
func present(s admin.Server) string {
	if s.Meetings == 0 && s.Users > 0 {
		return admin.People(s.Users) + " in copies of meetings that run elsewhere"
	}
	return admin.Running(s.Meetings, s.Users)
}

// ServerDisableCmd takes a server out of use.
type ServerDisableCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run disables the server. While somebody is there that needs a yes.
func (c *ServerDisableCmd) Run(env *Env) error {
	return env.with(change, func(pool *connection) error {
		s, err := pool.Server(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		sure, err := env.cutOff(c.Sure, s, "Disabling it", "")
		if err != nil {
			return err
		}
		result, err := pool.DisableServer(env.Ctx, c.ID, sure)
		if err != nil {
			return err
		}
		return env.changed(result, "disabled")
	})
}

// cutOff asks whether the meetings on a server, or the people in copies there, are to be given up. Where there are none,
// there is nothing to ask; then the pool itself refuses if one has come in between.
func (e *Env) cutOff(sure Sure, s admin.Server, what, more string) (bool, error) {
	there := s.Present()
	if there == "" {
		return sure.Yes || sure.Force, nil
	}
	follows := "nobody can join them any more, and the next create makes them anew on another server"
	if s.Meetings == 0 {
		follows = "nobody ends the copies, or looks after them, any more"
	}
	err := e.confirm(sure, fmt.Sprintf("Server %s has %s. %s cuts them off: %s.%s", s.ID, there, what, follows, more))
	return err == nil, err
}

// ServerRemoveCmd takes a server out of the pool.
type ServerRemoveCmd struct {
	ID string `arg:"" help:"ID of the server."`
	Sure
}

// Run removes the server, which always needs a yes.
func (c *ServerRemoveCmd) Run(env *Env) error {
	return env.with(change, func(pool *connection) error {
		s, err := pool.Server(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		owes := ""
		if s.Owed > 0 {
			owes = fmt.Sprintf(" It owes %s, which nobody waits for then.", plural(s.Owed, "recording"))
		}
		sure, err := env.cutOff(c.Sure, s, "Removing it", owes)
		switch {
		case s.Present() != "":
		case s.Owed > 0:
			err = env.confirm(c.Sure, fmt.Sprintf("Server %s (%s) leaves the pool.%s", s.ID, s.URL, owes))
			sure = err == nil
		default:
			err = env.confirm(c.Sure, fmt.Sprintf("Server %s (%s) leaves the pool. No meetings run there.", s.ID, s.URL))
		}
		if err != nil {
			return err
		}
		if err := pool.RemoveServer(env.Ctx, c.ID, sure); err != nil || env.Options.JSON {
			return err
		}
		_, err = fmt.Fprintf(env.Out, "server %s: removed\n", printable(c.ID))
		return err
	})
}
