package meetings

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ListCmd lists the meetings that run.
type ListCmd struct {
	Tenant string `placeholder:"ID" help:"Only those of this tenant."`
	Server string `placeholder:"ID" help:"Only those on this server."`
}

// Run prints a table, or an array in JSON.
func (c *ListCmd) Run(env *cli.Env) error {
	return cli.Show(env, func(pool *cli.Connection) ([]v1.Meeting, error) {
		return pool.Meetings.List(env.Ctx, c.Tenant, c.Server)
	}, printMeetings)
}

func printMeetings(env *cli.Env, meetings []v1.Meeting) error {
	if len(meetings) == 0 {
		_, err := fmt.Fprintln(env.Out, "no meetings")
		return err
	}
	rows := make([][]string, 0, len(meetings))
	for _, m := range meetings {
		rows = append(rows, []string{
			m.Tenant, m.MeetingID, whereabouts(m), strconv.Itoa(m.People), strconv.Itoa(m.Peak), terminal.Moment(&m.Placed),
			terminal.YesNo(m.Recorded),
		})
	}
	return terminal.Table(env.Out, "TENANT MEETING SERVER PEOPLE PEAK PLACED RECORDED", rows)
}

// MeetingRef names a meeting as its front end does.
type MeetingRef struct {
	ID     string `arg:"" help:"ID of the meeting."`
	Tenant string `placeholder:"ID" default:"default" help:"Tenant that it belongs to."`
}

func (r MeetingRef) key() v1.MeetingKey {
	return v1.MeetingKey{Tenant: r.Tenant, MeetingID: r.ID}
}

// ShowCmd shows one meeting.
type ShowCmd struct{ MeetingRef }

// Run prints what the pool knows of the meeting.
func (c *ShowCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		m, err := pool.Meetings.Show(env.Ctx, c.key())
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, m)
		}
		created := ""
		if m.CreateTime > 0 {
			created = time.UnixMilli(m.CreateTime).UTC().Format(time.RFC3339)
		}
		return terminal.Sheet(env.Out, [][2]string{
			{"meeting", m.MeetingID},
			{"tenant", m.Tenant},
			{"server", m.Server + gone(m.OfflineSince)},
			{"internal ID", m.InternalID},
			{"placed", terminal.Moment(&m.Placed)},
			{"created", created},
			{"people", strconv.Itoa(m.People)},
			{"peak", strconv.Itoa(m.Peak)},
			{"joins", strconv.Itoa(m.Joins)},
			{"recorded", terminal.YesNo(m.Recorded)},
		}...)
	})
}

// whereabouts is where a meeting is, in a table.
func whereabouts(m v1.Meeting) string {
	if m.OfflineSince != nil {
		return m.Server + " (offline)"
	}
	return m.Server
}

// gone says beside a meeting's server since when that has been offline, and what follows; "" where it is not.
func gone(since *time.Time) string {
	if since == nil {
		return ""
	}
	return ", offline since " + terminal.Moment(since) + ": nobody can join until it is back, or the next create makes the " +
		"meeting anew elsewhere"
}

// endedMeeting is what is left of a meeting, in JSON.
type endedMeeting struct {
	MeetingID  string `json:"meetingID"`
	Tenant     string `json:"tenant"`
	Server     string `json:"server"`
	InternalID string `json:"internalMeetingID"`
	Ended      bool   `json:"ended"`

	Owed []string `json:"owed"` // the servers that end it when they answer again, and why they did not
}

// EndCmd ends a meeting for everybody.
type EndCmd struct {
	MeetingRef
	cli.Sure
}

// Run ends the meeting on every server that may have it, which always needs a yes.
func (c *EndCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		m, err := pool.Meetings.Show(env.Ctx, c.key())
		if err != nil {
			return err
		}
		err = env.Confirm(c.Sure, fmt.Sprintf("Meeting %s on server %s ends for %s.", m.MeetingID, m.Server,
			v1.People(m.People)))
		if err != nil {
			return err
		}
		ended, err := pool.Meetings.End(env.Ctx, c.key(), c.Force)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, endedMeeting{m.MeetingID, m.Tenant, m.Server, m.InternalID, true, ended.Owed})
		}
		err = terminal.Say(env.Out, "meeting %s: ended\n", terminal.Printable(m.MeetingID))
		for _, server := range ended.Owed {
			err = errors.Join(err,
				terminal.Say(env.Out, "owed  %s; it ends the meeting when it answers again\n", terminal.Printable(server)))
		}
		return err
	})
}
