package meetings

import (
	"fmt"
	"strconv"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// FindCmd finds a meeting that is over, or is not.
type FindCmd struct {
	ID     string `arg:"" help:"Any ID that it has been told by: meetingID, internal meeting ID, recordID."`
	Tenant string `placeholder:"ID" help:"Only those of this tenant."`
}

// Run prints a table, the last one on top, or an array in JSON.
func (c *FindCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := pool.History.Find(env.Ctx, c.ID, c.Tenant)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		if len(list) == 0 {
			return fmt.Errorf("nothing is known of %s: neither as a meetingID nor as an internal meeting ID nor as a recordID; what is "+
				"over is known for --history-days", c.ID)
		}
		rows := make([][]string, 0, len(list))
		for _, m := range list {
			rows = append(rows, []string{
				m.Tenant, m.MeetingID, m.InternalID, m.Server, terminal.Moment(m.Start), ended(m), strconv.Itoa(m.Peak),
				strconv.Itoa(m.Joins), m.Reason, ofRecording(m),
			})
		}
		return terminal.Table(env.Out, "TENANT MEETING INTERNAL-ID SERVER START END PEAK JOINS OVER RECORDING", rows)
	})
}

func ended(m v1.FoundMeeting) string {
	if m.Running {
		return "running, " + v1.People(m.People)
	}
	return terminal.Moment(m.End)
}

// ofRecording is the state of a meeting's recording.
func ofRecording(m v1.FoundMeeting) string {
	switch {
	case m.Recording != nil:
		return m.Recording.State
	case m.Recorded && m.Running:
		return "recorded"
	case m.Recorded:
		return "none"
	}
	return ""
}
