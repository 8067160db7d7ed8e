package recordings

import (
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// JobsCmd lists the imports.
type JobsCmd struct {
	State []string `placeholder:"STATE" enum:"waiting,importing,placing,done,failed,dropped,ignored" help:"Only those in these states; those that are open, have failed or are ignored by default."`
	All   bool     `help:"Those that are done, too."`
}

// openStates are those of imports that are not over, or over in no good way, and of what nothing takes out of the spool.
var openStates = []string{"waiting", "importing", "placing", "failed", "ignored"}

// Run prints a table, or an array in JSON.
func (c *JobsCmd) Run(env *cli.Env) error {
	states := c.State
	switch {
	case c.All && len(states) > 0:
		return grammar.Misused("--all and --state do not go together")
	case len(states) == 0 && !c.All:
		states = openStates
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		jobs, err := pool.Imports.List(env.Ctx, states...)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, jobs)
		}
		if len(jobs) == 0 {
			return terminal.Say(env.Out, "no imports\n")
		}
		rows := jobRows(jobs)
		if !env.Shown || !shorten(rows) {
			return terminal.Table(env.Out, jobHeadings, rows)
		}
		if err := terminal.Table(env.Out, jobHeadings, rows); err != nil {
			return err
		}
		_, err = fmt.Fprintln(env.Err, "note: some names are cut in the middle; --json shows them whole")
		return err
	})
}

// longestJob is how much of the name of an import a terminal shows. What an operator has imported is called by its path.
const longestJob = 60

// shorten cuts the names of imports, and tells whether any was cut.
func shorten(rows [][]string) (cut bool) {
	for _, row := range rows {
		name := row[0]
		row[0] = terminal.MiddleCut(terminal.Printable(name), longestJob)
		cut = cut || row[0] != terminal.Printable(name)
	}
	return cut
}

const jobHeadings = "JOB STATE ATTEMPTS NEXT SIZE SOURCE SERVER CHANGED REASON"

func jobRows(jobs []v1.Job) [][]string {
	rows := make([][]string, 0, len(jobs))
	for _, j := range jobs {
		rows = append(rows, []string{
			j.ID, j.State, strconv.Itoa(j.Attempts), terminal.Moment(j.Next), terminal.Size(j.Bytes), j.Source, j.Server,
			terminal.Moment(j.Changed),
			j.Reason,
		})
	}
	return rows
}

// RetryCmd has imports tried again.
type RetryCmd struct {
	IDs []string `arg:"" optional:"" name:"job" help:"Imports that have failed, or wait; recording jobs lists them."`
	All bool     `help:"All that have failed, or wait for another try."`
}

// Run has them tried now.
func (c *RetryCmd) Run(env *cli.Env) error {
	if (len(c.IDs) > 0) == c.All {
		return grammar.Misused("name imports, or pass --all")
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		ids := c.IDs
		if c.All {
			jobs, err := pool.Imports.List(env.Ctx, "failed", "waiting")
			if err != nil {
				return err
			}
			for _, j := range jobs {
				if j.State == "failed" || j.Attempts > 0 || j.Reason != "" {
					ids = append(ids, j.ID)
				}
			}
		}
		if len(ids) == 0 && !env.Options.JSON {
			return terminal.Say(env.Out, "no imports have failed\n")
		}
		return each(env, "import", ids, "tried again", func(id string) (v1.Job, error) {
			return pool.Imports.Retry(env.Ctx, id)
		})
	})
}

// DropCmd forgets imports that have failed.
type DropCmd struct {
	IDs []string `arg:"" name:"job" help:"Imports that have failed; recording jobs lists them."`
	Yes bool     `short:"y" help:"Do not ask."`
}

// Run forgets them and removes their archives, once it has named them and somebody has said yes.
func (c *DropCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		named, err := c.named(env, pool)
		if err != nil {
			return err
		}
		if !c.Yes {
			list := make([]v1.Job, 0, len(c.IDs))
			for _, id := range c.IDs {
				list = append(list, named[id])
			}
			if err := terminal.Table(env.Err, jobHeadings, jobRows(list)); err != nil {
				return err
			}
		}
		err = env.Confirm(cli.Sure{Yes: c.Yes}, fmt.Sprintf("%s forgotten, and removed from quarantine: what was recorded is "+
			"lost unless it is elsewhere.", terminal.Plural(len(c.IDs), "archive")+" "+terminal.IsAre(len(c.IDs))))
		if err != nil {
			return err
		}
		return each(env, "import", c.IDs, "dropped", func(id string) (v1.Job, error) {
			return named[id], pool.Imports.Drop(env.Ctx, id)
		})
	})
}

// named returns the imports that are meant, or says which of them have not failed.
func (c *DropCmd) named(env *cli.Env, pool *cli.Connection) (map[string]v1.Job, error) {
	jobs, err := pool.Imports.List(env.Ctx, "failed")
	if err != nil {
		return nil, err
	}
	named := make(map[string]v1.Job, len(jobs))
	for _, j := range jobs {
		named[j.ID] = j
	}
	var missing []string
	for _, id := range c.IDs {
		if _, ok := named[id]; !ok {
			missing = append(missing, id)
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("no import that has failed: %s; recording jobs lists them", strings.Join(missing, ", "))
	}
	return named, nil
}
