package meetings

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/cli"

	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// AnalyticsCmd shows who did what in a meeting that is over.
type AnalyticsCmd struct {
	ID     string `arg:"" help:"Its meetingID, or its internal meeting ID."`
	Tenant string `placeholder:"ID" help:"Only of this tenant."`
}

// Run prints a table of people, or the JSON that the server has sent, as it was passed on.
func (c *AnalyticsCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		a, err := pool.History.Analysis(env.Ctx, c.ID, c.Tenant)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.Say(env.Out, "%s\n", a.Analysis)
		}
		rows := make([][]string, 0, len(a.People))
		for _, p := range a.People {
			rows = append(rows, []string{
				p.Name, p.UserID, terminal.YesNo(p.Moderator), lasted(p.Seconds), lasted(p.Talked), strconv.Itoa(p.Chats),
				strconv.Itoa(p.Hands), strconv.Itoa(p.Emojis), strconv.Itoa(p.Votes),
			})
		}
		err = terminal.Say(env.Err, "%s, internal ID %s, of tenant %s: %s\n", terminal.Printable(a.MeetingID),
			terminal.Printable(a.InternalID), terminal.Printable(a.Tenant), lasted(a.Seconds))
		if len(a.Others) > 0 {
			err = errors.Join(err, terminal.Say(env.Err, "there are others by that meetingID, breakout rooms among them: %s\n",
				terminal.Printable(strings.Join(a.Others, " "))))
		}
		return errors.Join(err, terminal.Table(env.Out, "NAME USER MODERATOR THERE TALKED CHATS HANDS EMOJIS VOTES", rows))
	})
}

// lasted is a number of seconds, as people write it.
func lasted(seconds int) string { return (time.Duration(seconds) * time.Second).String() }
