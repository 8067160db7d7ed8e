package moving

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/handback"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// MigrateCmd takes the records of a pool to other databases.
type MigrateCmd struct {
	From   []string `placeholder:"URL|DIR" sep:"none" help:"Where the records are: a data directory, a Redis, a PostgreSQL, or one of each; where serve would have them by default. May be Scalelite's databases."`
	To     []string `placeholder:"URL|DIR" sep:"none" help:"Where they go: a data directory takes all, a Redis servers, tenants and claims, a PostgreSQL recordings and the history. What has no place there stays where it is."`
	Force  bool     `help:"Take away for good what is there."`
	Reopen bool     `help:"Take nothing anywhere: let what has moved be used again, as it was when it moved."`
}

// Help says which ways there are.
func (c *MigrateCmd) Help() string {
	return `Where from, where to, and what goes:

    from           to             what goes
    DIR            Redis          servers, tenants, claims; DIR keeps the rest
    DIR            PostgreSQL     recordings, history; DIR keeps the rest
    DIR            both           everything
    both           DIR            everything
    Redis and DIR  DIR            servers, tenants, claims come back to the rest
    Scalelite's    DIR, or both   its servers, tenants, meetings, recordings
    DIR, or both   Scalelite's    its keys and tables, as it writes them

Scalelite's databases are those that its environment names, and serve can use them where they are, too. What it has no
place for (scoped meetings, limits, history, jobs, tokens, the audit log, usage) lies beside its own there, and Scalelite
does not see it. An address has a password in it that others may see in the list of processes: the words REDIS_URL and
DATABASE_URL stand for those in the environment. Stop Scalelite, and every bbbpool, first. What was cut short goes on
when it is run again.`
}

// home is where one side of a migration is.
type home struct {
	driver.Config
	dir, redis, postgres bool // what was named
}

// Run takes them there, compares, and looks at the new home.
func (c *MigrateCmd) Run(env *cli.Env) (err error) {
	scratch, err := os.MkdirTemp("", "bbbpool-migrate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	from, err := where(env, "--from", c.From, scratch+"/from")
	if err != nil {
		return err
	}
	from.Source = from.dir
	if c.Reopen {
		return c.reopen(env, from)
	}
	if len(c.To) == 0 {
		return grammar.Misused("--to: say where the records are to go")
	}
	to, err := where(env, "--to", c.To, scratch+"/to")
	if err != nil {
		return err
	}
	state, index := to.redis || to.dir && !same(from, to, true), to.postgres || to.dir && !same(from, to, false)
	switch {
	case state && !from.redis && !from.dir, index && !from.postgres && !from.dir:
		return grammar.Misused("--from: say where all is that is to go: a data directory, or a Redis and a PostgreSQL")
	case !state && !index:
		return grammar.Misused("--to: they are there already")
	}
	part(&from, &to, state, index, scratch)
	sums, stateAt, indexAt, err := c.move(env, from, to, state, index)
	if err != nil {
		return terminal.PrintableError(advised(err))
	}
	return report(env, to, sums, stateAt, indexAt)
}

// where reads one side of a migration. What nothing was named for has a place that is thrown away.
func where(env *cli.Env, flag string, names []string, scratch string) (h home, err error) {
	h.Mover, h.Owned = true, true
	if err := cli.Defaults(&h.Settings); err != nil {
		return h, err
	}
	if len(names) == 0 {
		h.Data, h.redis, h.postgres = env.Options.DataDir(), h.RedisURL != "", h.DatabaseURL != ""
		h.dir = !h.redis || !h.postgres
		return h, nil
	}
	known := map[string]string{"REDIS_URL": h.RedisURL.Reveal(), "DATABASE_URL": h.DatabaseURL.Reveal()}
	h.RedisURL, h.DatabaseURL, h.Data = "", "", scratch
	for _, name := range names {
		if address, ok := known[name]; ok && address != "" {
			name = address
		} else if ok {
			return h, grammar.Misused("%s: there is no %s in the environment", flag, name)
		}
		state, index := driver.Address(name)
		var twice bool
		switch {
		case state:
			twice, h.redis, h.RedisURL = h.redis, true, store.Secret(name)
		case index:
			twice, h.postgres, h.DatabaseURL = h.postgres, true, store.Secret(name)
		default:
			twice, h.dir, h.Data = h.dir, true, name
		}
		if twice {
			return h, grammar.Misused("%s: want a directory, a Redis and a PostgreSQL at most, one of each", flag)
		}
	}
	return h, nil
}

// same tells whether both sides have a group in the same directory.
func same(from, to home, state bool) bool {
	elsewhere := from.postgres
	if state {
		elsewhere = from.redis
	}
	return !elsewhere && from.dir && sameDir(from, to)
}

// part has a directory that both sides name opened by one of them alone: what stays there is not touched.
func part(from, to *home, state, index bool, scratch string) {
	switch {
	case !from.dir || !to.dir || !sameDir(*from, *to):
	case (from.redis || !state) && (from.postgres || !index): // nothing is taken from it
		from.dir, from.Source, from.Data = false, false, scratch+"/from"
	case (to.redis || !state) && (to.postgres || !index): // nothing is put into it
		to.dir, to.Data = false, scratch+"/to"
	}
}

// sameDir tells whether both sides have one directory.
func sameDir(from, to home) bool {
	a, errA := os.Stat(from.Data)
	b, errB := os.Stat(to.Data)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

func (c *MigrateCmd) move(
	env *cli.Env, from, to home, state, index bool,
) (sums []backup.Sum, stateAt, indexAt string, err error) {
	a, b, err := both(from, to)
	if err != nil {
		return nil, "", "", err
	}
	defer func() { err = errors.Join(err, b.Close(), a.Close()) }()
	sums, err = patiently(env, from.redis || to.redis, func(told func(done, total int)) ([]backup.Sum, error) {
		return moving.Migration{From: a, To: b, State: state, Index: index, Force: c.Force, Tell: told}.Run(env.Ctx)
	})
	if err == nil && state && b.Redis != nil {
		observe(env, b)
	}
	if state {
		stateAt = b.StateAt
	}
	if index {
		indexAt = b.IndexAt
	}
	return sums, stateAt, indexAt, err
}

// observe writes how servers are where Scalelite looks for that, should it be the one to go on: it takes them for offline
// otherwise until it has looked itself. All records are in their place without it, so that what does not work is no failure.
func observe(env *cli.Env, to *driver.Stores) {
	servers, err := to.State.Servers(env.Ctx)
	if err != nil || len(servers) == 0 {
		return
	}
	seen := handback.Glance(env.Ctx, servers)
	ctx, release, err := moving.Hold(env.Ctx, to)
	if err != nil {
		return
	}
	defer release()
	_ = to.Redis.Observed(ctx, seen)
}

// both opens both sides. One that has no directory of its own comes first: behind the other root may act as somebody else.
func both(from, to home) (a, b *driver.Stores, err error) {
	if !from.dir {
		if a, err = opened(from.Config); err != nil {
			return nil, nil, err
		}
	}
	if b, err = opened(to.Config); err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	if from.dir {
		if a, err = opened(from.Config); err != nil {
			return nil, nil, errors.Join(err, b.Close())
		}
	}
	return a, b, nil
}

// report says what is where, and how the databases there are set up.
func report(env *cli.Env, to home, sums []backup.Sum, stateAt, indexAt string) error {
	findings, err := look(env, to)
	if err != nil {
		return terminal.PrintableError(err)
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, struct {
			State    string           `json:"state,omitempty"`
			Index    string           `json:"index,omitempty"`
			Sums     []backup.Sum     `json:"sums"`
			Findings []driver.Finding `json:"findings,omitempty"`
		}{stateAt, indexAt, sums, findings})
	}
	if err := printSums(env, sums); err != nil {
		return err
	}
	lines := []string{"\nall of them were compared, and are in their place:\n"}
	for _, group := range [][2]string{{"servers, tenants and claims", stateAt}, {"recordings and history", indexAt}} {
		if group[1] != "" {
			lines = append(lines, fmt.Sprintf("  %s: %s\n", group[0], terminal.Printable(group[1])))
		}
	}
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%s %s: %s\n", f.Verdict(), terminal.Printable(f.Place), terminal.Printable(f.Text)))
	}
	lines = append(lines, "next: "+next(to)+", then bbbpool check\n")
	return terminal.Say(env.Out, "%s", strings.Join(lines, ""))
}

// next says how serve finds them.
func next(to home) string {
	switch {
	case to.redis && to.postgres:
		return "set REDIS_URL and DATABASE_URL for bbbpool serve"
	case to.redis:
		return "set REDIS_URL for bbbpool serve"
	case to.postgres:
		return "set DATABASE_URL for bbbpool serve"
	}
	return "unset REDIS_URL and DATABASE_URL for bbbpool serve, with --data " + terminal.Printable(to.Data)
}

// look opens the new home, and asks its databases how they are set up.
func look(env *cli.Env, to home) ([]driver.Finding, error) {
	to.Mover = true // half of it may be a place that is thrown away
	stores, err := opened(to.Config)
	if err != nil {
		return nil, err
	}
	list := stores.Check(env.Ctx)
	return list, stores.Close()
}

func (c *MigrateCmd) reopen(env *cli.Env, at home) error {
	if len(c.To) > 0 {
		return grammar.Misused("--reopen: takes nothing anywhere; want no --to")
	}
	stores, err := opened(at.Config)
	if err != nil {
		return err
	}
	if err := errors.Join(moving.Reopen(env.Ctx, stores), stores.Close()); err != nil {
		return terminal.PrintableError(err)
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, struct {
			State string `json:"state"`
			Index string `json:"index"`
		}{stores.StateAt, stores.IndexAt})
	}
	return terminal.Say(env.Out, "they can be used again, as they were when they moved\n")
}
