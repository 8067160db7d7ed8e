package access

import (
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// AuditCmd shows who has changed what.
type AuditCmd struct {
	Since  grammar.When `placeholder:"WHEN" help:"Only changes of then or later: an age as 30d, or a time as 2026-03-01T09:00:00Z."`
	Until  grammar.When `placeholder:"WHEN" help:"Only changes of before."`
	Who    string       `placeholder:"WHO" help:"Only those of this one, as the list has them: 'token NAME', 'user NAME (uid)'."`
	Via    string       `placeholder:"WAY" enum:",cli,api,scalelite,process" default:"" help:"Only those that came in by cli, api, scalelite or process."`
	Action string       `placeholder:"VERB" help:"Only those that did this, as add or set."`
	Kind   string       `placeholder:"KIND" help:"Only those of what is of this kind, as server, tenant, recording or token."`
	ID     string       `name:"id" placeholder:"ID" help:"Only those of what has this ID."`
	Tenant string       `placeholder:"ID" help:"Only those of what is this tenant's."`
	Limit  int          `default:"100" help:"How many of them, the newest."`
}

// auditPage is how many entries are asked for at once.
const auditPage = 1000

// Run prints a table, the newest on top, or an array in JSON, which has what there was before and after in full.
func (c *AuditCmd) Run(env *cli.Env) error {
	now := env.Time()
	filter := v1.AuditFilter{
		Since: c.Since.At(now), Until: c.Until.At(now), Who: c.Who, Via: c.Via, Action: c.Action, Kind: c.Kind, Object: c.ID,
		Tenant: c.Tenant,
	}
	switch {
	case c.Limit < 1:
		return grammar.Misused("--limit: want a number from 1")
	case !filter.Until.IsZero() && !filter.Until.After(filter.Since):
		return grammar.Misused("--until: want a time after --since")
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := c.read(env, pool, filter)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		if len(list) == 0 {
			return terminal.Say(env.Out, "nothing was changed\n")
		}
		return auditTable(env, list)
	})
}

// read reads page by page.
func (c *AuditCmd) read(env *cli.Env, pool *cli.Connection, filter v1.AuditFilter) ([]v1.AuditEntry, error) {
	list := []v1.AuditEntry{}
	for len(list) < c.Limit {
		filter.Limit = min(auditPage, c.Limit-len(list))
		page, err := pool.Audit.List(env.Ctx, filter)
		if err != nil {
			return nil, err
		}
		list = append(list, page...)
		if len(page) < filter.Limit {
			break
		}
		filter.After = page[len(page)-1].ID
	}
	return list, nil
}

func auditTable(env *cli.Env, list []v1.AuditEntry) error {
	rows := make([][]string, 0, len(list))
	for _, e := range list {
		via := e.Via
		if e.From != "" {
			via += " " + e.From
		}
		what := strings.TrimSpace(e.Kind + " " + terminal.MiddleCut(e.Object, widest))
		rows = append(rows, []string{e.At.UTC().Format(time.RFC3339), e.Who, via, e.Action, what, e.Tenant, difference(e)})
	}
	return terminal.Table(env.Out, "AT WHO VIA ACTION WHAT TENANT CHANGE", rows)
}
