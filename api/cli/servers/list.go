package servers

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ListCmd lists the servers.
type ListCmd struct{}

// Run prints a table, or an array in JSON.
func (c *ListCmd) Run(env *cli.Env) error {
	return cli.Show(env, func(pool *cli.Connection) ([]v1.Server, error) {
		return pool.Servers.List(env.Ctx)
	}, printServers)
}

func printServers(env *cli.Env, servers []v1.Server) error {
	if len(servers) == 0 {
		_, err := fmt.Fprintln(env.Out, cli.NoServers)
		return err
	}
	rows := make([][]string, 0, len(servers))
	for _, s := range servers {
		rows = append(rows, []string{
			s.ID, s.State, s.Health, strconv.Itoa(s.Meetings), strconv.Itoa(s.Users), terminal.Number(s.Expected),
			terminal.Number(s.Kept),
			terminal.Number(s.Weight), capacity(s), age(env, s.LastPoll), s.Tag, s.URL,
		})
	}
	table := terminal.Table(env.Out, "ID STATE HEALTH MEETINGS HERE EXPECTED KEPT WEIGHT CAPACITY AGE TAG URL", rows)
	return errors.Join(table, secretChanges(env, servers))
}

// ShowCmd shows one server.
type ShowCmd struct {
	ID string `arg:"" help:"ID of the server."`
}

// Run prints everything that is known of the server, but not its secret.
func (c *ShowCmd) Run(env *cli.Env) error {
	return cli.Show(env, func(pool *cli.Connection) (v1.Server, error) {
		return pool.Servers.Show(env.Ctx, c.ID)
	}, printServer)
}

func printServer(env *cli.Env, s v1.Server) error {
	pairs := [][2]string{
		{"id", s.ID},
		{"url", s.URL},
		{"state", s.State},
		{"health", s.Health},
		{"admitted", admitted(s)},
		{"weight", terminal.Number(s.Weight)},
		{"capacity", capacity(s)},
		{"tag", s.Tag},
		{"checksum", s.Checksum},
		{"meetings", strconv.Itoa(s.Meetings)},
		{"users", strconv.Itoa(s.Users)},
		{"expected", terminal.Number(s.Expected)},
		{"kept", terminal.Number(s.Kept)},
		{"videos", strconv.Itoa(s.Videos)},
		{"largest meeting", strconv.Itoa(s.Largest)},
		{"last poll", terminal.Moment(s.LastPoll)},
	}
	if s.LastPoll != nil {
		pairs = append(pairs, [2]string{"latency", terminal.Number(s.LatencyMS) + " ms"}, [2]string{"clock", clock(s.SkewMS)})
	}
	if s.CertificateExpires != nil {
		pairs = append(pairs, [2]string{"certificate", "until " + terminal.Moment(s.CertificateExpires)})
	}
	if s.SecretChange != nil {
		pairs = append(pairs, [2]string{"secret", secretChange(env, s)})
	}
	if s.Owed > 0 {
		pairs = append(pairs, [2]string{"owed", terminal.Plural(s.Owed, "recording")})
	}
	if s.FailingSince != nil {
		pairs = append(pairs, [2]string{"failing since", terminal.Moment(s.FailingSince)})
	}
	if s.Reason != "" {
		pairs = append(pairs, [2]string{"reason", s.Reason})
	}
	for _, warning := range s.Warnings {
		pairs = append(pairs, [2]string{"warning", warning})
	}
	if err := terminal.Sheet(env.Out, pairs...); err != nil || len(s.Events) == 0 {
		return err
	}
	rows := make([][]string, 0, len(s.Events))
	for _, e := range s.Events {
		rows = append(rows, []string{terminal.Moment(&e.At), e.Kind, e.Text})
	}
	return errors.Join(terminal.Say(env.Out, "\n"), terminal.Table(env.Out, "WHEN WHAT TEXT", rows))
}

// secretChanges tells, beside a table of servers, whose secrets are being changed.
func secretChanges(env *cli.Env, servers []v1.Server) (err error) {
	for _, s := range servers {
		if s.SecretChange != nil {
			err = errors.Join(err, terminal.Say(env.Err, "note: the secret of server %s is being changed: %s\n",
				terminal.Printable(s.ID), secretChange(env, s)))
		}
	}
	return err
}

// secretChange says how far the change of a server's secret is.
func secretChange(env *cli.Env, s v1.Server) string {
	change := s.SecretChange
	switch {
	case change.AnswersTo == v1.FormerSecret && env.Time().After(change.Until):
		return "overdue: the server should have the new one since " + terminal.Moment(&change.Until) +
			", and has the former; run bbb-conf --setsecret there"
	case change.AnswersTo == v1.FormerSecret:
		return "waiting for the server, which has the former one: run bbb-conf --setsecret there before " +
			terminal.Moment(&change.Until)
	case change.Switched == nil: // seen just now, and not written down yet
		return "switched; the former one is forgotten after " + terminal.Moment(&change.Until)
	}
	return "switched at " + terminal.Moment(change.Switched) + "; the former one is forgotten after " +
		terminal.Moment(&change.Until)
}

// capacity is how many people a server should carry, and whether that is the last word.
func capacity(s v1.Server) string {
	if s.Hard {
		return terminal.Limit(s.Capacity) + " hard"
	}
	return terminal.Limit(s.Capacity)
}

// admitted says when a server has last passed its test at its address.
func admitted(s v1.Server) string {
	if s.Admitted == nil {
		return "not yet: bbbpool server test " + s.ID
	}
	return terminal.Moment(s.Admitted)
}

// clock says how far a server's clock is off, in milliseconds.
func clock(skew float64) string {
	off := time.Duration(skew * float64(time.Millisecond)).Round(100 * time.Millisecond)
	switch {
	case off > 0:
		return off.String() + " ahead"
	case off < 0:
		return (-off).String() + " behind"
	}
	return "right"
}

// age is how long ago something was. Clocks differ: what is yet to come is just now.
func age(env *cli.Env, t *time.Time) string {
	if t == nil {
		return ""
	}
	return terminal.Span(max(0, int64(env.Time().Sub(*t)/time.Second)))
}
