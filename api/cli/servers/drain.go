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

// DrainCmd takes a server out of use once its meetings are over and its recordings are here.
type DrainCmd struct {
	ID                string        `arg:"" help:"ID of the server."`
	Wait              bool          `help:"Wait until it is disabled."`
	RecordingsTimeout time.Duration `default:"24h" help:"How long to wait for recordings after the last meeting, at most 336h; 0 does not wait for any."`
	Force             bool          `help:"Drain it even if the others lack room for its people."`
	Yes               bool          `short:"y" help:"Do not ask, which it does not do anyway."`
}

// Run drains the server. That harms nobody, so it does not ask.
func (c *DrainCmd) Run(env *cli.Env) error {
	if c.RecordingsTimeout < 0 {
		return grammar.Misused("--recordings-timeout: want a duration, as 24h, or 0")
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		if c.Wait && pool.Stopped != "" {
			return errors.New("nobody would see the meetings end: " + pool.Stopped)
		}
		wanted := v1.Drain{RecordingsTimeout: &c.RecordingsTimeout, Force: c.Force}
		begun, err := pool.Servers.Drain(env.Ctx, c.ID, wanted, func(v1.Progress) {})
		if err != nil && env.Ctx.Err() != nil { // it may have begun, and only the answer was not waited for
			return c.interrupted()
		}
		if err != nil {
			return err
		}
		if !c.Wait || begun.Done {
			return c.print(env, begun)
		}
		if err := printRoom(env, begun.Room); err != nil {
			return err
		}
		wanted.Wait = true
		done, err := followed(env, "server "+c.ID, func(tell func(v1.Progress)) (v1.Drained, error) {
			return pool.Servers.Drain(env.Ctx, c.ID, wanted, tell)
		})
		if errors.Is(err, cli.ErrCutShort) {
			return c.interrupted()
		}
		if err != nil {
			return err
		}
		return c.printDone(env, done)
	})
}

// interrupted says what becomes of a drain that nobody waits for any more.
func (c *DrainCmd) interrupted() error {
	return fmt.Errorf("interrupted: server %s goes on draining; `bbbpool server drain %s --wait` waits again, "+
		"`bbbpool server enable %s` takes it back", c.ID, c.ID, c.ID)
}

// print says how far a drain is that nobody waits for.
func (c *DrainCmd) print(env *cli.Env, d v1.Drained) error {
	if err := printRoom(env, d.Room); err != nil || d.Done {
		return errors.Join(err, c.printDone(env, d))
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, d)
	}
	return errors.Join(notMade(env, d),
		terminal.Say(env.Out, "server %s: %s, %s left\n", terminal.Printable(d.ID), terminal.Printable(d.State), left(d)),
		terminal.Say(env.Err, "nobody disables it when that is over: bbbpool server drain %s --wait does\n", terminal.Printable(d.ID)))
}

func left(d v1.Drained) string {
	text := present(d.Server)
	if d.Owed > 0 {
		text += " and " + terminal.Plural(d.Owed, "recording")
	}
	return text
}

// printDone says how a drain has ended. Recordings that never came are for somebody to look after.
func (c *DrainCmd) printDone(env *cli.Env, d v1.Drained) error {
	if env.Options.JSON {
		return errors.Join(terminal.PrintJSON(env.Out, d), c.missing(env, d))
	}
	if err := notMade(env, d); err != nil {
		return err
	}
	for _, id := range d.Missing {
		if err := terminal.Say(env.Out, "missing  %s\n", terminal.Printable(id)); err != nil {
			return err
		}
	}
	return errors.Join(terminal.Say(env.Out, "server %s: drained and %s\n", terminal.Printable(d.ID), terminal.Printable(d.State)),
		c.missing(env, d))
}

// notMade names the recordings that a drain does not wait for, because their server has none of them.
func notMade(env *cli.Env, d v1.Drained) error {
	for _, id := range d.NotMade {
		if err := terminal.Say(env.Out, "not made  %s\n", terminal.Printable(id)); err != nil {
			return err
		}
	}
	if n := len(d.NotMade); n > 0 {
		return terminal.Say(env.Err, "note: the server does not know %s, which nobody waits for: mostly, nobody pressed the button\n",
			terminal.Plural(n, "recording"))
	}
	return nil
}

// missing fails for recordings that did not arrive, unless that was not to be waited for.
func (c *DrainCmd) missing(env *cli.Env, d v1.Drained) error {
	const more = "`bbbpool recording list --owed` tells more"
	switch n := terminal.Plural(len(d.Missing), "recording"); {
	case len(d.Missing) == 0:
		return nil
	case c.RecordingsTimeout == 0:
		return terminal.Say(env.Err, "note: not waited for %s: %s\n", n, more)
	default:
		return fmt.Errorf("%s did not arrive in time: %s", n, more)
	}
}

// printRoom says beside the answer what the others have left.
func printRoom(env *cli.Env, r v1.Room) error {
	if r.Server == "" {
		return nil
	}
	return terminal.Say(env.Err, "without %s %s\n", terminal.Printable(r.Server), roomWords(r))
}

// roomWords say what draining a server leaves.
func roomWords(r v1.Room) string {
	now, tightest := people(r.Now), people(r.Tightest)
	switch {
	case now < 0:
		return fmt.Sprintf("there is not enough room: %s too many now", v1.People(-now))
	case tightest < 0:
		return fmt.Sprintf("the others could carry %d more now, but there are %d too many at the tightest hour of the next day",
			now, -tightest)
	case tightest >= now:
		return fmt.Sprintf("the others could carry %d more now", now)
	}
	return fmt.Sprintf("the others could carry %d more now, %d more at the tightest hour of the next day", now, tightest)
}

// people is a whole number of people, on the safe side of a number of people that fit.
func people(n float64) int { return int(math.Floor(n)) }
