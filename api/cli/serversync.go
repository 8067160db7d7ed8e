package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/serverlist"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ServerSyncCmd makes the servers of the pool those of a list.
type ServerSyncCmd struct {
	File   string `arg:"" placeholder:"FILE" help:"List of servers in YAML, as Scalelite's servers:sync takes it; - reads the standard input."`
	Mode   string `enum:"keep,cordon,force" default:"cordon" help:"What becomes of servers that are not listed: keep them; remove those without meetings and cordon the others; or end the meetings of all (force) and remove them."`
	DryRun bool   `help:"Show what would be done, and do nothing."`
	Yes    bool   `short:"y" help:"Do not ask."`
}

// Run shows what is to be done, asks if servers are to be removed or none is to take new meetings, and does it. It fails
// if any of it did.
func (c *ServerSyncCmd) Run(env *Env) error {
	servers, err := c.read(env)
	if err != nil {
		return terminal.PrintableError(fmt.Errorf("%s: %w", c.File, err))
	}
	in := Change
	if c.DryRun {
		in = Look
	}
	wanted := v1.Sync{Mode: c.Mode, DryRun: true, Servers: servers}
	return env.With(in, func(pool *Connection) error {
		seen, err := pool.Servers.Sync(env.Ctx, wanted, func(v1.Progress) {})
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
		done, err := Watched(env, "servers", func(tell func(v1.Progress)) (v1.Synced, error) {
			return pool.Servers.Sync(env.Ctx, wanted, tell)
		})
		if err != nil {
			return err
		}
		return printSync(env, done)
	})
}

func (c *ServerSyncCmd) read(env *Env) ([]v1.SyncServer, error) {
	if c.File == "-" {
		return serverlist.Read(env.In)
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, errors.Unwrap(err) // without the name
	}
	defer func() { _ = file.Close() }()
	return serverlist.Read(file)
}

// confirm asks before servers go, or nobody is left to take new meetings, and shows all that would be done then.
func (c *ServerSyncCmd) confirm(env *Env, seen v1.Synced) error {
	var gone []string
	meetings, people := 0, 0
	for _, change := range seen.Changes {
		if change.Action == "removed" {
			gone = append(gone, change.ID)
		}
		meetings, people = meetings+change.Meetings, people+change.People
	}
	if len(gone) == 0 && seen.Warning == "" || c.Yes {
		return nil
	}
	if err := syncLines(env.Err, seen); err != nil {
		return err
	}
	var text []string
	if n := len(gone); n > 0 {
		text = append(text, fmt.Sprintf("%s %s not listed and %s removed: %s.", terminal.Plural(n, "server"),
			terminal.IsAre(n), terminal.IsAre(n),
			strings.Join(gone, ", ")))
		if c.Mode == "force" && meetings > 0 {
			text = append(text, fmt.Sprintf("It ends %s, for everybody.", v1.Running(meetings, people)))
		}
	}
	if seen.Warning != "" {
		text = append(text, "Then "+seen.Warning+".")
	}
	return env.Confirm(Sure{}, strings.Join(text, " "))
}

func printSync(env *Env, s v1.Synced) error {
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
	case failed > 0 && s.DryRun:
		return fmt.Errorf("%s could not be made as listed", terminal.Plural(failed, "server"))
	case failed > 0:
		return fmt.Errorf("%s %s not as listed: correct what is wrong and run this again", terminal.Plural(failed, "server"),
			terminal.IsAre(failed))
	case s.DryRun && len(s.Changes) > 0 && !env.Options.JSON:
		return terminal.Say(env.Err, "note: nothing was done, for this was a dry run\n")
	}
	return nil
}

// plans are the actions of a sync as they are told of before.
var plans = map[string]string{
	"created": "would create", "updated": "would update", "enabled": "would enable", "cordoned": "would cordon",
	"removed": "would remove",
}

// action says what was done about a server, or would be, and whom that puts out.
func action(c v1.SyncChange, dry bool) string {
	ended := v1.Running(c.Meetings, c.People)
	switch {
	case dry && c.Meetings > 0:
		return plans[c.Action] + ", and end " + ended
	case dry && plans[c.Action] != "":
		return plans[c.Action]
	case c.Meetings > 0:
		return c.Action + ", which ended " + ended
	}
	return c.Action
}

// syncLines prints a line for each change, as Scalelite logs it.
func syncLines(w io.Writer, s v1.Synced) error {
	if len(s.Changes) == 0 {
		return terminal.Say(w, "nothing to change: the pool has the servers that are listed\n")
	}
	for _, change := range s.Changes {
		line := fmt.Sprintf("[%s] %s", change.ID, action(change, s.DryRun))
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
	if s.Warning != "" {
		return terminal.Say(w, "warning: %s\n", terminal.Printable(s.Warning))
	}
	return nil
}
