package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Syncing makes what a pool has of something that which stands in a list: it shows what is to be done, asks where that needs
// a yes, and does it.
type Syncing struct {
	Noun   string // what the list is of: "server"
	File   string // the list, for errors
	DryRun bool   // show what would be done alone
	// Do compares the pool with the list and, where it is no dry run, makes the changes, telling of each.
	Do func(ctx context.Context, pool *Connection, dryRun bool, tell func(v1.Progress)) (v1.Synced, error)
	// Question is what somebody has to say yes to before the changes are made; "" where nobody is put out by them.
	Question func(seen v1.Synced) string
	Yes      bool // that was said
}

// Run does all of it. It fails if any of the changes did.
func (s Syncing) Run(env *Env) error {
	in := Change
	if s.DryRun {
		in = Look
	}
	return env.With(in, func(pool *Connection) error {
		seen, err := s.Do(env.Ctx, pool, true, func(v1.Progress) {})
		if wrong, ok := errors.AsType[*v1.Error](err); ok && wrong.Code == v1.CodeInvalid {
			return fmt.Errorf("%s: %s", s.File, wrong.Message) // the list is wrong, and not the command line
		}
		if err != nil {
			return err
		}
		if s.DryRun || len(seen.Changes) == 0 {
			return s.print(env, seen)
		}
		if err := s.confirm(env, seen); err != nil {
			return err
		}
		done, err := Watched(env, s.Noun+"s", func(tell func(v1.Progress)) (v1.Synced, error) {
			return s.Do(env.Ctx, pool, false, tell)
		})
		if err != nil {
			return err
		}
		return s.print(env, done)
	})
}

// confirm asks, if there is a question, and shows all that would be done then.
func (s Syncing) confirm(env *Env, seen v1.Synced) error {
	question := s.Question(seen)
	if question == "" || s.Yes {
		return nil
	}
	if err := s.lines(env.Err, seen); err != nil {
		return err
	}
	return env.Confirm(Sure{}, terminal.Printable(question))
}

// ReadList reads a list from a file, or from the standard input where that is "-".
func ReadList[T any](env *Env, path string, read func(io.Reader) (T, error)) (list T, err error) {
	if path == "-" {
		list, err = read(env.In)
	} else if file, failed := os.Open(path); failed != nil { //nolint:gosec // which the operator has named
		err = errors.Unwrap(failed) // without the name
	} else {
		list, err = read(file)
		_ = file.Close()
	}
	if err != nil {
		return list, terminal.PrintableError(fmt.Errorf("%s: %w", path, err))
	}
	return list, nil
}

func (s Syncing) print(env *Env, synced v1.Synced) error {
	if env.Options.JSON {
		if err := terminal.PrintJSON(env.Out, synced); err != nil {
			return err
		}
	} else if err := s.lines(env.Out, synced); err != nil {
		return err
	}
	failed := 0
	for _, change := range synced.Changes {
		if change.Error != "" {
			failed++
		}
	}
	switch {
	case failed > 0 && synced.DryRun:
		return fmt.Errorf("%s could not be made as listed", terminal.Plural(failed, s.Noun))
	case failed > 0:
		return fmt.Errorf("%s %s not as listed: correct what is wrong and run this again", terminal.Plural(failed, s.Noun),
			terminal.IsAre(failed))
	case synced.DryRun && len(synced.Changes) > 0 && !env.Options.JSON:
		return terminal.Say(env.Err, "note: nothing was done, for this was a dry run\n")
	}
	return nil
}

// plans are the actions of a sync as they are told of before.
var plans = map[string]string{
	"created": "would create", "updated": "would update", "enabled": "would enable", "cordoned": "would cordon",
	"disabled": "would disable", "removed": "would remove",
}

// action says what was done, or would be, and whom that puts out.
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

// lines prints a line for each change, as Scalelite logs it.
func (s Syncing) lines(w io.Writer, synced v1.Synced) error {
	if len(synced.Changes) == 0 {
		return terminal.Say(w, "nothing to change: the pool has the %ss that are listed\n", s.Noun)
	}
	for _, change := range synced.Changes {
		line := fmt.Sprintf("[%s] %s", change.ID, action(change, synced.DryRun))
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
	if synced.Warning != "" {
		return terminal.Say(w, "warning: %s\n", terminal.Printable(synced.Warning))
	}
	return nil
}
