package meetings

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ExplainCmd tells why a meeting is, or was, where it is.
type ExplainCmd struct {
	ID     string `arg:"" help:"ID of the meeting, or the internal ID of one of its sessions."`
	Tenant string `placeholder:"ID" help:"Tenant that it belongs to; the default one by default."`
}

// Run prints every session of the room that is known, the newest first, with the numbers that its server was chosen by.
func (c *ExplainCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		told, err := pool.Meetings.Explain(env.Ctx, v1.MeetingKey{Tenant: c.Tenant, MeetingID: c.ID})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, told)
		}
		for _, s := range told.Sessions {
			err := terminal.Say(env.Out, "%s\n  %s\n", terminal.Printable(course(s)), terminal.Printable("placed on "+s.Why))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// course says how a session went, or goes.
func course(s v1.ExplainedAt) string {
	recorded := ""
	if s.Recorded {
		recorded = ", recorded"
	}
	if s.End == nil {
		away := ""
		if s.OfflineSince != nil {
			away = "; server " + s.Server + gone(s.OfflineSince)
		}
		return fmt.Sprintf("since %s: %s now, %d at most%s%s", terminal.Moment(&s.Start), v1.People(s.People), s.Peak, recorded,
			away)
	}
	length := s.End.Sub(s.Start).Round(time.Second)
	return fmt.Sprintf("from %s for %s: %s at most%s; over: %s", terminal.Moment(&s.Start), length, v1.People(s.Peak), recorded,
		s.Reason)
}

// DryRunCmd tells where a create would go.
type DryRunCmd struct {
	MeetingRef
	Hint int    `placeholder:"N" help:"People that the create announces, as in meta_bbb-meeting-size-hint."`
	Tag  string `placeholder:"TAG" help:"Tag that the create asks for, as in meta_server-tag."`
}

var errNowhere = errors.New("no server takes the meeting")

// Run prints the server, why, and how all servers stand to that. It fails where none takes the meeting.
func (c *DryRunCmd) Run(env *cli.Env) error {
	if c.Hint < 0 {
		return grammar.Misused("--hint: want a number of people")
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		p, err := pool.Pool.DryRun(env.Ctx, v1.DryRun{Tenant: c.Tenant, MeetingID: c.ID, Hint: c.Hint, Tag: c.Tag})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			err = terminal.PrintJSON(env.Out, p)
		} else {
			err = printPlacement(env, p)
		}
		if err == nil && p.Server == "" {
			err = errNowhere
		}
		return err
	})
}

func printPlacement(env *cli.Env, p v1.Placement) error {
	what := "it would go to "
	switch {
	case p.Known:
		what += p.Server + ": "
	case p.Server == "":
		what = "it would fail: "
	}
	rows := make([][]string, 0, len(p.Servers))
	for _, s := range p.Servers {
		rows = append(rows, []string{
			s.ID, s.Standing, s.Tag, strconv.Itoa(s.Here), terminal.Number(s.Expected), terminal.Number(s.Kept), terminal.Number(s.Weight),
			terminal.Number(s.After), terminal.YesNo(s.Full),
		})
	}
	err := terminal.Say(env.Out, "%s\n", terminal.Printable(what+p.Why))
	if len(rows) == 0 {
		return errors.Join(err, terminal.Say(env.Out, "%s\n", cli.NoServers))
	}
	return errors.Join(err, terminal.Say(env.Out, "\n"),
		terminal.Table(env.Out, "SERVER STANDING TAG HERE EXPECTED KEPT WEIGHT AFTER FULL", rows))
}
