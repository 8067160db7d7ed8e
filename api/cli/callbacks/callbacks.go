// Package callbacks is the commands about what front ends are told. It never decides anything: the pool does, and is asked
// through its client.
package callbacks

import (
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Commands are the commands about callbacks.
type Commands struct {
	List  ListCmd  `cmd:"" help:"List what front ends are told: what waits, what was given up, what was delivered."`
	Show  ShowCmd  `cmd:"" help:"Show everything about a callback, but for what is sent."`
	Retry RetryCmd `cmd:"" help:"Have callbacks tried at once, also those that were given up."`
	Drop  DropCmd  `cmd:"" help:"Have callbacks never sent."`
}

// ListCmd lists callbacks.
type ListCmd struct {
	State   string `placeholder:"STATE" enum:",waiting,dead,done" default:"" help:"Only those that are waiting, dead or done."`
	Kind    string `placeholder:"KIND" enum:",ended,end,ready,analytics,event" default:"" help:"Only those of a kind: ended, end, ready, analytics or event."`
	Tenant  string `placeholder:"ID" help:"Only those of this tenant."`
	Meeting string `placeholder:"ID" help:"Only those of the meetings with this ID."`
	Host    string `placeholder:"HOST" help:"Only those to this host, as the list has it."`
	Limit   int    `default:"100" help:"How many of them, the oldest."`
}

// page is how many are asked for at once.
const page = 1000

// Run prints a table, the oldest on top, or an array in JSON.
func (c *ListCmd) Run(env *cli.Env) error {
	if c.Limit < 1 {
		return grammar.Misused("--limit: want a number from 1")
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := c.read(env, pool)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		if len(list) == 0 {
			return terminal.Say(env.Out, "no callbacks\n")
		}
		return table(env, list)
	})
}

// read reads page by page.
func (c *ListCmd) read(env *cli.Env, pool *cli.Connection) ([]v1.Callback, error) {
	filter := v1.CallbackFilter{State: c.State, Kind: c.Kind, Tenant: c.Tenant, Meeting: c.Meeting, Host: c.Host}
	list := []v1.Callback{}
	for len(list) < c.Limit {
		filter.Limit = min(page, c.Limit-len(list))
		some, err := pool.Callbacks.List(env.Ctx, filter)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
		if len(some) < filter.Limit {
			break
		}
		filter.After = some[len(some)-1].ID
	}
	return list, nil
}

func table(env *cli.Env, list []v1.Callback) error {
	rows := make([][]string, 0, len(list))
	for _, c := range list {
		rows = append(rows, []string{
			c.ID, c.State, c.Kind, c.Tenant, c.MeetingID, c.Host, strconv.Itoa(c.Attempts), terminal.Moment(&c.Created),
			terminal.Moment(c.Due), c.Outcome,
		})
	}
	return terminal.Table(env.Out, "ID STATE KIND TENANT MEETING HOST TRIED CREATED DUE OUTCOME", rows)
}

// ShowCmd shows one.
type ShowCmd struct {
	ID     string `arg:"" help:"Its ID, as in callback list."`
	Reveal bool   `help:"Show its whole address, which may have secrets of the front end in it."`
}

// Run prints what there is, a line each, or an object in JSON.
func (c *ShowCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		one, err := pool.Callbacks.Show(env.Ctx, c.ID, c.Reveal)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, one)
		}
		return details(env, one)
	})
}

func details(env *cli.Env, c v1.Callback) error {
	rows := [][]string{
		{"id", c.ID},
		{"kind", c.Kind},
		{"state", c.State},
		{"tenant", c.Tenant},
		{"meeting", c.MeetingID},
		{"tells of", c.Subject},
		{"to", c.URL},
		{"attempts", strconv.Itoa(c.Attempts)},
		{"outcome", c.Outcome},
		{"created", terminal.Moment(&c.Created)},
		{"due", terminal.Moment(c.Due)},
		{"until", terminal.Moment(c.Until)},
		{"changed", terminal.Moment(&c.Changed)},
		{"secret", c.Signer},
		{"not accepted", strings.Join(c.Tried, ", ")},
		{"marks", c.Marks},
		{"reason", c.Reason},
		{"webhook", c.Hook},
		{"body", strconv.Itoa(c.Bytes) + " bytes"},
	}
	shown := rows[:0]
	for _, row := range rows {
		if row[1] != "" && row[1] != "0 bytes" {
			shown = append(shown, row)
		}
	}
	return terminal.Table(env.Out, "", shown)
}

// RetryCmd has callbacks tried at once.
type RetryCmd struct {
	IDs    []string `arg:"" optional:"" name:"id" help:"IDs of callbacks."`
	All    bool     `help:"All that were given up, or wait after an attempt that failed."`
	Host   string   `placeholder:"HOST" help:"All of these that go to this host, as the list has it."`
	Tenant string   `placeholder:"ID" help:"With --all or --host: only those of this tenant."`
}

// Run says what is tried.
func (c *RetryCmd) Run(env *cli.Env) error {
	many := c.All || c.Host != ""
	switch {
	case many == (len(c.IDs) > 0):
		return grammar.Misused("callback retry: want IDs, or --all, or --host HOST")
	case c.Tenant != "" && !many:
		return grammar.Misused("--tenant goes with --all or --host")
	case !many:
		return each(env, c.IDs, "tried at once", func(pool *cli.Connection, id string) (v1.Callback, error) {
			return pool.Callbacks.Retry(env.Ctx, id)
		})
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		done, err := pool.Callbacks.RetryAll(env.Ctx, v1.CallbackRetry{Tenant: c.Tenant, Host: c.Host})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, done)
		}
		return terminal.Say(env.Out, "%d tried at once\n", done.Count)
	})
}

// each does the same with each of several callbacks.
func each(env *cli.Env, ids []string, what string, do func(*cli.Connection, string) (v1.Callback, error)) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		list := make([]v1.Callback, 0, len(ids))
		for _, id := range ids {
			one, err := do(pool, id)
			if err != nil {
				return err
			}
			list = append(list, one)
			if env.Options.JSON {
				continue
			}
			if err := terminal.Say(env.Out, "callback %s: %s\n", terminal.Printable(id), what); err != nil {
				return err
			}
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		return nil
	})
}

// DropCmd has callbacks never sent.
type DropCmd struct {
	IDs []string `arg:"" name:"id" help:"IDs of callbacks."`
	Yes bool     `short:"y" help:"Do not ask."`
}

// Run drops them, once somebody has said yes.
func (c *DropCmd) Run(env *cli.Env) error {
	err := env.Confirm(cli.Sure{Yes: c.Yes}, fmt.Sprintf("%s %s dropped: who was to be told is not. There is no way back.",
		terminal.Printable(strings.Join(c.IDs, ", ")), terminal.IsAre(len(c.IDs))))
	if err != nil {
		return err
	}
	return each(env, c.IDs, "dropped", func(pool *cli.Connection, id string) (v1.Callback, error) {
		return pool.Callbacks.Drop(env.Ctx, id)
	})
}
