// Package usage is the commands about what is kept of tenants and of people: what they have used, and what a person wants
// forgotten. It never decides anything: the pool does, and is asked through its client.
package usage

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Cmd shows what tenants have used.
type Cmd struct {
	Tenant string `placeholder:"ID" help:"Only that of this tenant."`
	From   string `placeholder:"DAY" help:"From this day on, as 2026-09-01, or from the first of a month, as 2026-09. The last 30 days by default."`
	To     string `placeholder:"DAY" help:"Up to this day, which is included, or to the last of a month."`
	By     string `default:"day" enum:"day,month,tenant" help:"Over what it is summed: day, month, or tenant over all of the time."`
	CSV    bool   `name:"csv" help:"Print CSV, with a header that only ever gets columns at its end."`
}

// lately is how far back usage is shown where nobody has said.
const lately = 30 * 24 * time.Hour

// Run prints a table, CSV, or an array in JSON.
func (c *Cmd) Run(env *cli.Env) error {
	q := v1.UsageQuery{Tenant: c.Tenant, By: c.By}
	var err error
	if q.From, err = bound("--from", c.From, func(month time.Time) time.Time { return month }); err != nil {
		return err
	}
	if q.To, err = bound("--to", c.To, func(month time.Time) time.Time { return month.AddDate(0, 1, -1) }); err != nil {
		return err
	}
	switch {
	case c.CSV && env.Options.JSON:
		return grammar.Misused("--csv and --json: want one of them")
	case q.From != "" && q.To != "" && q.To < q.From:
		return grammar.Misused("--to: want a day that is not before --from")
	case q.From == "" && q.To == "":
		q.From = env.Time().Add(-lately).Format(time.DateOnly)
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		list, err := pool.Usage.List(env.Ctx, q)
		switch {
		case err != nil:
			return err
		case env.Options.JSON:
			return terminal.PrintJSON(env.Out, list)
		case c.CSV:
			return printCSV(env.Out, list)
		case len(list) == 0:
			_, err := fmt.Fprintln(env.Out, "nothing was used")
			return err
		}
		return printTable(env.Out, list)
	})
}

// bound reads a day, or makes one of a month.
func bound(flag, text string, ofMonth func(time.Time) time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if month, err := time.Parse("2006-01", text); err == nil {
		return ofMonth(month).Format(time.DateOnly), nil
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", grammar.Misused("%s: want a day as 2026-09-01, or a month as 2026-09", flag)
	}
	return text, nil
}

func printTable(w io.Writer, list []v1.Usage) error {
	rows := make([][]string, 0, len(list)+1)
	var total v1.Usage
	for _, u := range list {
		rows = append(rows, row(u, strconv.Itoa(u.PeakMeetings), strconv.Itoa(u.PeakPeople)))
		total.Meetings += u.Meetings
		total.Joins += u.Joins
		total.PeopleMinutes += u.PeopleMinutes
		total.Recordings += u.Recordings
		total.Bytes += u.Bytes
	}
	if len(list) > 1 {
		total.Day = "total"
		rows = append(rows, row(total, "", ""))
	}
	return terminal.Table(w, "DAY TENANT MEETINGS JOINS PEOPLE-MINUTES MEETINGS-AT-ONCE PEOPLE-AT-ONCE RECORDINGS SIZE", rows)
}

func row(u v1.Usage, meetings, people string) []string {
	return []string{
		u.Day, u.Tenant, strconv.Itoa(u.Meetings), strconv.Itoa(u.Joins), strconv.FormatFloat(u.PeopleMinutes, 'f', 0, 64), meetings,
		people, strconv.Itoa(u.Recordings), terminal.Size(u.Bytes),
	}
}

// header is what scripts go by: columns are added at the end alone.
var header = []string{
	"day", "tenant", "meetings", "joins", "people_minutes", "peak_meetings", "peak_people", "recordings", "bytes",
}

func printCSV(w io.Writer, list []v1.Usage) error {
	out := csv.NewWriter(w)
	_ = out.Write(header) // what goes wrong is known in the end
	for _, u := range list {
		_ = out.Write([]string{
			cell(u.Day), cell(u.Tenant), strconv.Itoa(u.Meetings), strconv.Itoa(u.Joins),
			strconv.FormatFloat(u.PeopleMinutes, 'f', 1, 64), strconv.Itoa(u.PeakMeetings), strconv.Itoa(u.PeakPeople),
			strconv.Itoa(u.Recordings), strconv.FormatInt(u.Bytes, 10),
		})
	}
	out.Flush()
	return out.Error()
}

// cell is a text that no spreadsheet takes for a formula.
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if strings.ContainsRune("=+-@", rune(append([]byte(strings.TrimSpace(text)), ' ')[0])) {
		return "'" + text
	}
	return text
}
