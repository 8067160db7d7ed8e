// Package tenants is the commands about tenants: who they are, what verifies them, what is set for them and what they may
// have. It never decides anything: the pool does, and is asked through its client.
package tenants

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Commands are the commands about tenants.
type Commands struct {
	List    ListCmd       `cmd:"" help:"List the tenants."`
	Show    ShowCmd       `cmd:"" help:"Show a tenant: what is set for it, what it has and may have, and which secrets there are."`
	Add     AddCmd        `cmd:"" help:"Add a tenant, with a secret of its own. Prints its ID."`
	Set     SetCmd        `cmd:"" help:"Change a tenant."`
	Remove  RemoveCmd     `cmd:"" help:"Remove a tenant."`
	Enable  EnableCmd     `cmd:"" help:"Let the front ends of a tenant in again."`
	Disable DisableCmd    `cmd:"" help:"Keep the front ends of a tenant out. Its recordings play on."`
	Secret  SecretCommand `cmd:"" help:"Look after the secrets of a tenant."`
	Param   ParamCommands `cmd:"" help:"Rules for the parameters of its calls."`
	Sync    SyncCmd       `cmd:"" help:"Make the tenants those of a list in YAML."`
	Export  ExportCmd     `cmd:"" help:"Print the tenants in YAML, as tenant sync takes it."`
}

// ListCmd lists the tenants.
type ListCmd struct{}

// Run prints a table, or an array in JSON.
func (c *ListCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		tenants, err := pool.Tenants.List(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, tenants)
		}
		if len(tenants) == 0 {
			_, err := fmt.Fprintln(env.Out, "no tenants yet: bbbpool serve makes the first one")
			return err
		}
		rows := make([][]string, 0, len(tenants))
		for _, t := range tenants {
			rows = append(rows, []string{
				t.ID, t.Name, t.State, strings.Join(t.Hosts, ","), strconv.Itoa(len(t.Secrets)), t.Source,
				share(t.Used.Meetings, t.Limits.Meetings), share(t.Used.People, t.Limits.People), t.Tag, hints(t),
			})
		}
		return terminal.Table(env.Out, "ID NAME STATE HOSTS SECRETS SOURCE MEETINGS PEOPLE TAG HINTS", rows)
	})
}

// share is how much of a limit is used, as "3/10"; without a limit it is just how much there is.
func share(used, limit int) string {
	if limit == 0 {
		return strconv.Itoa(used)
	}
	return fmt.Sprintf("%d/%d", used, limit)
}

// ShowCmd shows a tenant.
type ShowCmd struct {
	ID string `arg:"" help:"ID of the tenant; the first one is called default."`
}

// Run prints everything that is known of the tenant, but not its secrets.
func (c *ShowCmd) Run(env *cli.Env) error {
	return env.With(cli.Look, func(pool *cli.Connection) error {
		t, err := pool.Tenants.Show(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, t)
		}
		return printTenant(env, t)
	})
}

func printTenant(env *cli.Env, t v1.Tenant) error {
	pairs := [][2]string{
		{"id", t.ID},
		{"name", t.Name},
		{"state", t.State},
		{"hosts", strings.Join(t.Hosts, " ")},
		{"url", t.URL},
		{"meeting IDs", scoped(t)},
		{"tag", t.Tag},
		{"hints", hints(t)},
	}
	pairs = append(append(pairs, limits(t)...), calledBack(t.Callbacks)...)
	pairs = append(pairs, recordStore(t.LRS)...)
	for _, r := range t.Params {
		pairs = append(pairs, [2]string{"parameter", strings.TrimSpace(r.Call + " " + r.Op + " " + r.Name + " " + r.Value)})
	}
	for _, s := range t.Secrets {
		pairs = append(pairs, [2]string{"secret " + s.Name, about(s)})
	}
	if len(t.Secrets) == 0 {
		pairs = append(pairs, [2]string{"secret", ""})
	}
	return errors.Join(terminal.Sheet(env.Out, pairs...), advise(env, t))
}

// advise says what to do with the secrets of a tenant.
func advise(env *cli.Env, t v1.Tenant) error {
	id := terminal.Printable(t.ID)
	if len(t.Secrets) == 0 && t.ID == v1.DefaultTenant {
		return terminal.Say(env.Err,
			"it has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for bbbpool serve, "+
				"and restart it, or add one with `bbbpool tenant secret add %s`\n", id)
	}
	if len(t.Secrets) == 0 {
		return terminal.Say(env.Err, "it has no secret, every call of its front ends is refused: "+
			"`bbbpool tenant secret add %s` makes one\n", id)
	}
	if t.Generated && t.Source == environment {
		err := terminal.Say(env.Err, "note: the secret of the first start is kept, for when LOADBALANCER_SECRET gives none: "+
			"`bbbpool tenant set %s --drop-generated` forgets it\n", id)
		if err != nil {
			return err
		}
	}
	pool := "https://POOL"
	if t.URL != "" {
		pool = terminal.Printable(t.URL)
	}
	return terminal.Say(env.Out, `
bbbpool tenant secret show %s prints the secret. Give it to the front end, together with the address of this pool:
  Moodle      BigBlueButton server URL: %[2]s/bigbluebutton/, and the shared secret
  Greenlight  BIGBLUEBUTTON_ENDPOINT=%[2]s/bigbluebutton/api and BIGBLUEBUTTON_SECRET
  others      %[2]s/bigbluebutton/api, or without /api: both work
`, id, pool)
}

// limits says what a tenant has, and may have, a line each.
func limits(t v1.Tenant) [][2]string {
	l, u := t.Limits, t.Used
	of := func(used, limit int) string {
		return strconv.Itoa(used) + " / " + cmp.Or(terminal.Limit(limit), "no limit")
	}
	pairs := [][2]string{
		{"meetings", of(u.Meetings, l.Meetings)},
		{"people", of(u.People, l.People)},
		{"people per meeting", of(u.MeetingPeople, l.MeetingPeople)},
		{"meetings per hour", of(u.PerHour, l.PerHour)},
		{"recordings", strconv.Itoa(u.Recordings)},
	}
	if l.DurationMinutes > 0 {
		pairs = append(pairs, [2]string{"longest meeting", minutes(l.DurationMinutes)})
	}
	if !l.Recording {
		pairs = append(pairs, [2]string{"recording", "not allowed"})
	}
	if len(l.Servers) > 0 {
		pairs = append(pairs, [2]string{"servers", strings.Join(l.Servers, " ")})
	}
	if l.Requests > 0 {
		pairs = append(pairs, [2]string{"calls a second", terminal.Number(l.Requests)})
	}
	if l.Statuses {
		pairs = append(pairs, [2]string{"HTTP statuses", "say what was wrong"})
	}
	return pairs
}

// minutes are so many minutes, as people write them.
func minutes(n int) string {
	return strings.TrimSuffix((time.Duration(n) * time.Minute).String(), "0s")
}

// scoped says what becomes of the IDs of a tenant's meetings.
func scoped(t v1.Tenant) string {
	if t.Scoped {
		return "its own on the servers"
	}
	return "as they are"
}

// hints says what becomes of the sizes that a tenant announces for its meetings.
func hints(t v1.Tenant) string {
	if t.IgnoreHints {
		return "ignored"
	}
	return "believed"
}
