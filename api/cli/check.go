package cli

import (
	"errors"
	"fmt"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// CheckCmd asks every server whether it is fit for the pool.
type CheckCmd struct {
	DryRun bool `help:"Say only what the next start would do to the databases, as after an update, and open none."`
}

var errUnfit = errors.New("not everything is as it should be")

// Run prints a line for each server, and fails if anything is wrong.
func (c *CheckCmd) Run(env *Env) error {
	if c.DryRun {
		return c.plan(env)
	}
	return env.With(Report, func(pool *Connection) error {
		outcome, err := pool.Check(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			err = terminal.PrintJSON(env.Out, outcome)
		} else {
			err = printCheck(env, outcome)
		}
		if err == nil && !outcome.OK {
			err = errUnfit
		}
		return err
	})
}

// plan prints a line for each database.
func (c *CheckCmd) plan(env *Env) error {
	list, err := env.Plan(env.Options.DataDir())
	if err != nil {
		return terminal.PrintableError(err)
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, list)
	}
	for _, text := range list {
		if err := terminal.Say(env.Out, "%s\n", terminal.Printable(text)); err != nil {
			return err
		}
	}
	return nil
}

func printCheck(env *Env, outcome v1.Check) error {
	rows := make([][]string, 0, len(outcome.Servers)+len(outcome.Problems)+len(outcome.Advice))
	for _, problem := range outcome.Problems {
		rows = append(rows, []string{"WRONG", "bbbpool", problem})
	}
	for _, advice := range outcome.Advice {
		rows = append(rows, []string{"note", "bbbpool", advice})
	}
	for _, note := range outcome.Notes {
		rows = append(rows, []string{"note", "recordings", note})
	}
	rows = append(rows, checkedRecordings(outcome.Recordings)...)
	rows = append(rows, serverNotes(outcome.Servers)...)
	for _, s := range outcome.Servers {
		rows = append(rows, []string{verdict(s), s.ID, finding(s)})
	}
	if len(outcome.Servers) == 0 {
		rows = append(rows, []string{"ok", "bbbpool", NoServers})
	}
	return terminal.Table(env.Out, "", rows)
}

// serverNotes says each thing once of all servers that it is to be said of: most servers of a pool are of one release.
func serverNotes(servers []v1.Checked) (rows [][]string) {
	of := map[string][]string{}
	var notes []string // in the order of the servers
	for _, s := range servers {
		for _, note := range s.Notes {
			if of[note] == nil {
				notes = append(notes, note)
			}
			of[note] = append(of[note], s.ID)
		}
	}
	for _, note := range notes {
		who := of[note][0]
		if more := len(of[note]) - 1; more > 0 {
			note, who = note+" ("+strings.Join(of[note], ", ")+")", quantity.Count(more+1, "server", "servers")
		}
		rows = append(rows, []string{"note", who, note})
	}
	return rows
}

// checkedRecordings marks what the notes are about.
func checkedRecordings(sums *v1.RecordingSums) (rows [][]string) {
	for _, pair := range recordingSums(sums) {
		verdict := "ok"
		if pair[0] == "imports" && sums.Failed > 0 || pair[0] == "owed" && sums.Overdue > 0 {
			verdict = "note"
		}
		rows = append(rows, []string{verdict, pair[0], pair[1]})
	}
	return rows
}

func verdict(s v1.Checked) string {
	switch {
	case s.OK:
		return "ok"
	case s.Unfit():
		return "WRONG"
	}
	return "off"
}

func finding(s v1.Checked) string {
	if !s.OK && !s.Unfit() {
		return s.State + ": " + s.Error
	}
	if !s.OK || s.Diagnosis == nil {
		return s.Error
	}
	return fmt.Sprintf("%s, %s; %s, %s", s.State, s.URL, s.Diagnosis.Product(),
		v1.Running(s.Diagnosis.Meetings, s.Diagnosis.People))
}
