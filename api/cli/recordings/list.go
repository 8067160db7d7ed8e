package recordings

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ListCmd lists the recordings.
type ListCmd struct {
	Tenant  string            `placeholder:"ID" help:"Only those of this tenant."`
	State   []string          `placeholder:"STATE" enum:"processing,processed,published,unpublished,deleted,any" help:"Only those in these states; all but deleted by default."`
	Meeting []string          `placeholder:"ID" sep:"none" help:"Only those of meetings with this ID."`
	Meta    map[string]string `placeholder:"KEY=VALUE" mapsep:"none" help:"Only those with this metadata; % at either end of the value stands for anything."`
	Limit   int               `default:"100" help:"Show at most this many; 0 shows all."`
	Owed    bool              `help:"Those that servers have still to deliver, the most overdue first."`
}

// Run prints a table, or an array in JSON.
func (c *ListCmd) Run(env *cli.Env) error {
	if c.Limit < 0 {
		return grammar.Misused("--limit: want a number from 0 (all) on")
	}
	if c.Owed && (len(c.State) > 0 || len(c.Meeting) > 0 || len(c.Meta) > 0) {
		return grammar.Misused("--owed goes with --tenant alone")
	}
	return env.With(cli.Look, func(pool *cli.Connection) error {
		if c.Owed {
			return printOwed(env, pool, c.Tenant)
		}
		list, total, err := c.fetch(env, pool)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, list)
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(env.Out, "no recordings")
			return err
		}
		if err := recordingTable(env.Out, list); err != nil || total <= len(list) {
			return err
		}
		_, err = fmt.Fprintf(env.Err, "note: these are %d of %d; --limit 0 shows all\n", len(list), total)
		return err
	})
}

func (c *ListCmd) filter() v1.RecordingFilter {
	f := v1.RecordingFilter{Tenant: c.Tenant, MeetingIDs: c.Meeting}
	f.States = append(f.States, c.State...)
	for _, key := range slices.Sorted(maps.Keys(c.Meta)) {
		f.Meta = append(f.Meta, v1.MetaMatch{Key: key, Value: c.Meta[key]})
	}
	return f
}

// pageSize is how many recordings are asked for at a time.
const pageSize = 1000

// fetch reads page after page.
func (c *ListCmd) fetch(env *cli.Env, pool *cli.Connection) (list []v1.Recording, total int, err error) {
	f, list := c.filter(), []v1.Recording{}
	for {
		f.Offset, f.Limit = len(list), pageSize
		if c.Limit > 0 {
			f.Limit = min(pageSize, c.Limit-len(list))
		}
		page, err := pool.Recordings.List(env.Ctx, f)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, page.Recordings...)
		if len(page.Recordings) < f.Limit || len(list) == c.Limit {
			return list, page.Total, nil
		}
	}
}

func recordingTable(w io.Writer, list []v1.Recording) error {
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		state := r.State
		if r.Protected {
			state += ",protected"
		}
		rows = append(rows, []string{
			r.RecordID, r.Tenant, r.MeetingID, r.Name, state, strings.Join(r.Formats, ","), terminal.Moment(r.Start),
			terminal.Size(r.Size),
		})
	}
	return terminal.Table(w, "RECORDING TENANT MEETING NAME STATE FORMATS START SIZE", rows)
}

func printOwed(env *cli.Env, pool *cli.Connection, tenant string) error {
	owed, err := pool.Recordings.Owed(env.Ctx, tenant)
	if err != nil {
		return err
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, owed)
	}
	if len(owed) == 0 {
		_, err := fmt.Fprintln(env.Out, "no server owes a recording")
		return err
	}
	rows := make([][]string, 0, len(owed))
	for _, o := range owed {
		var by v1.Owed
		if o.Owed != nil {
			by = *o.Owed
		}
		rows = append(rows, []string{
			o.RecordID, o.Tenant, o.MeetingID, by.Server, by.Step, terminal.Span(o.Step), terminal.Span(o.Age), terminal.YesNo(o.Overdue),
			strings.Join(by.Formats, ","),
		})
	}
	return terminal.Table(env.Out, "RECORDING TENANT MEETING SERVER STEP FOR AGE OVERDUE FORMATS", rows)
}

// ShowCmd shows one recording.
type ShowCmd struct {
	ID string `arg:"" help:"ID of the recording."`
}

// Run prints all that is known of the recording.
func (c *ShowCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		r, err := pool.Recordings.Show(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, r)
		}
		return terminal.Sheet(env.Out, recordingSheet(r)...)
	})
}

func recordingSheet(r v1.RecordingDetails) [][2]string {
	d := r.Details
	pairs := [][2]string{
		{"recording", r.RecordID},
		{"tenant", r.Tenant},
		{"meeting", r.MeetingID},
		{"name", r.Name},
		{"state", r.State},
		{"changed", terminal.Moment(d.Changed)},
		{"protected", terminal.YesNo(r.Protected)},
		{"start", terminal.Moment(r.Start)},
		{"end", terminal.Moment(r.End)},
		{"participants", strconv.Itoa(r.Participants)},
		{"raw size", terminal.Size(r.RawSize)},
		{"size", terminal.Size(r.Size)},
		{"server", d.Server},
		{"imported", terminal.Moment(d.Imported)},
	}
	if d.Behind != "" {
		pairs = append(pairs, [2]string{"files", "not where they belong: " + d.Behind})
	}
	if d.Claimed != "" {
		pairs = append(pairs, [2]string{"tenant named", d.Claimed + ", which does not have it: bbbpool recording assign gives it"})
	}
	if d.Breakout != "" {
		pairs = append(pairs, [2]string{"breakout room of", d.Breakout})
	}
	for _, id := range d.BreakoutRooms {
		pairs = append(pairs, [2]string{"breakout room", id})
	}
	for _, f := range d.Formats {
		length := time.Duration(f.Length) * time.Second
		pairs = append(pairs, [2]string{"format", fmt.Sprintf("%s, %s, %s, %s", f.Type, length, terminal.Size(f.Bytes), f.Link)})
	}
	for _, key := range slices.Sorted(maps.Keys(d.Meta)) {
		pairs = append(pairs, [2]string{"meta " + key, d.Meta[key]})
	}
	if edits := editsOf(d.Edits); edits != "" {
		pairs = append(pairs, [2]string{"changed by people", edits})
	}
	if o := d.Owed; o != nil {
		pairs = append(pairs, [2]string{"owed by", o.Server}, [2]string{"owed step", o.Step + " since " + terminal.Moment(o.Since)})
		if len(o.Formats) > 0 {
			pairs = append(pairs, [2]string{"owed formats", strings.Join(o.Formats, ", ")})
		}
	}
	return pairs
}

func editsOf(e v1.Edits) string {
	var list []string
	if e.State {
		list = append(list, "state")
	}
	if e.Protected {
		list = append(list, "protection")
	}
	for _, key := range slices.Sorted(maps.Keys(e.Meta)) {
		list = append(list, "meta "+key)
	}
	return strings.Join(list, ", ")
}
