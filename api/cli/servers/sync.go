package servers

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/serverlist"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// SyncCmd makes the servers of the pool those of a list.
type SyncCmd struct {
	File   string `arg:"" placeholder:"FILE" help:"List of servers in YAML, as Scalelite's servers:sync takes it; - reads the standard input."`
	Mode   string `enum:"keep,cordon,force" default:"cordon" help:"What becomes of servers that are not listed: keep them; remove those without meetings and cordon the others; or end the meetings of all (force) and remove them."`
	DryRun bool   `help:"Show what would be done, and do nothing."`
	Yes    bool   `short:"y" help:"Do not ask."`
}

// Run shows what is to be done, asks if servers are to be removed or none is to take new meetings, and does it. It fails
// if any of it did.
func (c *SyncCmd) Run(env *cli.Env) error {
	servers, err := cli.ReadList(env, c.File, serverlist.Read)
	if err != nil {
		return err
	}
	return cli.Syncing{
		Noun: "server", File: c.File, DryRun: c.DryRun,
		Do: func(ctx context.Context, pool *cli.Connection, dryRun bool, tell func(v1.Progress)) (v1.Synced, error) {
			return pool.Servers.Sync(ctx, v1.Sync{Mode: c.Mode, DryRun: dryRun, Servers: servers}, tell)
		},
		Question: c.question, Yes: c.Yes,
	}.Run(env)
}

// question is asked before servers go, or nobody is left to take new meetings.
func (c *SyncCmd) question(seen v1.Synced) string {
	var gone, text []string
	meetings, people := 0, 0
	for _, change := range seen.Changes {
		if change.Action == "removed" {
			gone = append(gone, change.ID)
		}
		meetings, people = meetings+change.Meetings, people+change.People
	}
	if n := len(gone); n > 0 {
		text = append(text, fmt.Sprintf("%s %s not listed and %s removed: %s.", terminal.Plural(n, "server"),
			terminal.IsAre(n), terminal.IsAre(n), strings.Join(gone, ", ")))
		if c.Mode == "force" && meetings > 0 {
			text = append(text, fmt.Sprintf("It ends %s, for everybody.", v1.Running(meetings, people)))
		}
	}
	if seen.Warning != "" {
		text = append(text, "Then "+seen.Warning+".")
	}
	return strings.Join(text, " ")
}
