package servers

import (
	"errors"
	"fmt"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// PanicCmd ends all meetings on a server at once.
type PanicCmd struct {
	ID           string `arg:"" help:"ID of the server."`
	SkipEndCalls bool   `help:"Do not call the server, but only forget its meetings: for one that is dead."`
	KeepState    bool   `help:"Do not disable it."`
	Yes          bool   `short:"y" help:"Do not ask."`
}

// Run ends the meetings, which always needs a yes.
func (c *PanicCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		s, err := pool.Servers.Show(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if err := env.Confirm(cli.Sure{Yes: c.Yes}, c.question(s)); err != nil {
			return err
		}
		wanted := v1.Panic{SkipEndCalls: c.SkipEndCalls, KeepState: c.KeepState}
		done, err := cli.Watched(env, "meetings", func(tell func(v1.Progress)) (v1.Panicked, error) {
			return pool.Servers.Panic(env.Ctx, c.ID, wanted, tell)
		})
		if errors.Is(err, cli.ErrCutShort) {
			return fmt.Errorf("interrupted: the pool goes on with it; `bbbpool server show %s` tells how far that is", c.ID)
		}
		if err != nil {
			return err
		}
		return c.print(env, done)
	})
}

func (c *PanicCmd) question(s v1.Server) string {
	text := fmt.Sprintf("Server %s has %s. ", s.ID, present(s))
	if c.SkipEndCalls {
		text += "The meetings are forgotten, without a word to the server: nobody can join them any more."
	} else {
		text += "The meetings end for everybody, at once."
	}
	if !c.KeepState && s.State != "disabled" {
		text += " The server is disabled."
	}
	return text
}

func (c *PanicCmd) print(env *cli.Env, p v1.Panicked) error {
	if env.Options.JSON {
		if err := terminal.PrintJSON(env.Out, p); err != nil {
			return err
		}
	} else {
		for _, failed := range p.Failed {
			if err := terminal.Say(env.Out, "not ended  %s\n", terminal.Printable(failed)); err != nil {
				return err
			}
		}
		what := terminal.Plural(p.Ended, "meeting") + " ended"
		switch {
		case p.Forgotten > 0 && c.SkipEndCalls:
			what += fmt.Sprintf(", %d forgotten", p.Forgotten)
		case p.Forgotten > 0:
			what += fmt.Sprintf(", %d still to end there", p.Forgotten)
		}
		err := terminal.Say(env.Out, "server %s: %s, %s\n", terminal.Printable(p.ID), terminal.Printable(p.State), what)
		if err != nil {
			return err
		}
	}
	if len(p.Failed) > 0 {
		return errors.New("not everything was ended there: what was claimed is over for the pool, and ends there once the " +
			"server is enabled and answers; what else is named may go on there")
	}
	return nil
}
