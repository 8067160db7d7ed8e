package servers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// TestCmd tests whether a server is fit for meetings.
type TestCmd struct {
	ID          string `arg:"" help:"ID of the server."`
	Meetings    int    `default:"20" help:"Meetings of the load test."`
	Concurrency int    `default:"5" help:"How many of them at once."`
	Short       bool   `help:"Leave out the load test."`
	Admit       bool   `negatable:"" default:"true" help:"Let the server take meetings if it is disabled and passes for the first time."`
}

// Run tests the server, prints what was found, and fails if anything speaks against the server.
func (c *TestCmd) Run(env *cli.Env) error {
	wanted := v1.Trial{Meetings: c.Meetings, Concurrency: c.Concurrency, Admit: c.Admit}
	switch {
	case c.Short:
		wanted.Meetings, wanted.Concurrency = 0, 0
	case c.Meetings < 1 || c.Concurrency < 1:
		return grammar.Misused("--meetings and --concurrency: want numbers from 1 on; --short leaves out the load test")
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		tried, err := cli.Watched(env, "steps", func(tell func(v1.Progress)) (v1.Tried, error) {
			return pool.Servers.Test(env.Ctx, c.ID, wanted, tell)
		})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			err = terminal.PrintJSON(env.Out, tried)
		} else {
			err = c.print(env, tried)
		}
		if err == nil && !tried.Passed {
			err = fmt.Errorf("server %s is not fit for the pool", c.ID)
		}
		return err
	})
}

func (c *TestCmd) print(env *cli.Env, tried v1.Tried) error {
	rows := make([][]string, 0, len(tried.Checks))
	var failed []string
	for _, check := range tried.Checks {
		rows = append(rows, []string{check.Name, check.Level, check.Detail})
		if check.Level == v1.Fail {
			failed = append(failed, check.Name)
		}
	}
	if err := errors.Join(terminal.Table(env.Out, "CHECK RESULT DETAIL", rows), printLoad(env, tried.Load)); err != nil {
		return err
	}
	last := "passed"
	switch {
	case !tried.Passed:
		last = "failed: " + strings.Join(failed, ", ")
	case tried.Admitted:
		last = "passed: the server takes meetings from now on"
	}
	return terminal.Say(env.Out, "%s\n", terminal.Printable(last))
}

// printLoad prints how long the calls of a load test took, in milliseconds.
func printLoad(env *cli.Env, load *v1.LoadReport) error {
	if load == nil {
		return nil
	}
	ms := func(took float64) string { return strconv.FormatFloat(took, 'f', 1, 64) }
	rows := make([][]string, 0, len(load.Calls))
	for _, call := range load.Calls {
		pool := ""
		if call.Pool > 0 {
			pool = ms(call.Pool)
		}
		rows = append(rows, []string{
			call.Call, strconv.Itoa(call.Count), strconv.Itoa(call.Failed), ms(call.P50), ms(call.P95), ms(call.P99),
			ms(call.Max), pool,
		})
	}
	return errors.Join(
		terminal.Say(env.Out, "\n%s, %d at once, in milliseconds:\n", terminal.Plural(load.Meetings, "meeting"), load.Concurrency),
		terminal.Table(env.Out, "CALL COUNT FAILED P50 P95 P99 MAX POOL-P50", rows), terminal.Say(env.Out, "\n"))
}
