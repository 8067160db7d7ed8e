package tenants

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// Limits are flags for what a tenant may have.
type Limits struct {
	MaxMeetings      *int           `placeholder:"N" help:"Meetings at once; 0 lifts the limit, as with the others."`
	MaxPeople        *int           `placeholder:"N" help:"People at once, in all its meetings."`
	MaxMeetingPeople *int           `placeholder:"N" help:"People at once, in one meeting."`
	MaxPerHour       *int           `placeholder:"N" help:"Meetings begun within an hour."`
	MaxDuration      *time.Duration `placeholder:"TIME" help:"Longest duration of a meeting, in whole minutes, as 90m."`
	Recording        *bool          `negatable:"" help:"Let its meetings be recorded, or not."`
	Servers          *string        `placeholder:"TAG,…" help:"Servers that its meetings may be on: those with one of these tags; none are those without. An empty one lifts it."`
	Requests         *float64       `placeholder:"N" help:"Calls a second."`
	Statuses         *bool          `negatable:"" help:"Have HTTP say what was wrong, too: 401 for a checksum, 429 for too much."`
}

// change is what the flags ask for; nil where they ask for nothing.
func (l Limits) change() (*v1.LimitChange, error) {
	if l == (Limits{}) {
		return nil, nil //nolint:nilnil // there is nothing to change
	}
	c := v1.LimitChange{
		Meetings: l.MaxMeetings, People: l.MaxPeople, MeetingPeople: l.MaxMeetingPeople, PerHour: l.MaxPerHour,
		Recording: l.Recording, Requests: l.Requests, Statuses: l.Statuses,
	}
	if l.Servers != nil {
		tags := words(*l.Servers)
		c.Servers = &tags
	}
	if l.Requests != nil && (math.IsNaN(*l.Requests) || math.IsInf(*l.Requests, 0)) {
		return nil, grammar.Misused("--requests: want a number of calls a second")
	}
	if l.MaxDuration != nil {
		if *l.MaxDuration%time.Minute != 0 {
			return nil, grammar.Misused("--max-duration: want whole minutes, as 90m")
		}
		n := int(*l.MaxDuration / time.Minute)
		c.DurationMinutes = &n
	}
	return &c, nil
}

// Branding are flags for what a tenant's meetings look like.
type Branding struct {
	Logo             *string `placeholder:"URL" help:"Logo of its meetings, unless a create has one; an empty one takes it away, as with the others."`
	BannerText       *string `placeholder:"TEXT" help:"Text of the banner."`
	BannerColor      *string `placeholder:"COLOR" help:"Colour of the banner, as #ff0000."`
	Presentation     *string `placeholder:"URL" help:"Slides that its meetings begin with."`
	PresentationName *string `placeholder:"NAME" help:"How their file is called, which tells what it is, as slides.pdf."`
}

// branding is what the flags ask for; nil where they ask for nothing.
func (b Branding) branding() *v1.Branding {
	if b == (Branding{}) {
		return nil
	}
	asked := v1.Branding(b)
	return &asked
}

// words are those of a list with commas.
func words(text string) []string {
	list := []string{}
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			list = append(list, word)
		}
	}
	return list
}

// AddCmd adds a tenant.
type AddCmd struct {
	ID          string    `arg:"" help:"ID of the tenant: a-z, 0-9 and '-'. It is in the address /t/ID/bigbluebutton/api, too."`
	Name        string    `placeholder:"NAME" help:"Name for people; the ID by default. With MULTITENANCY_ENABLED it is the first label of the host."`
	Host        []string  `placeholder:"HOST" help:"Host that names the tenant, as a.example.edu, or *.example.edu for all below it; may be given several times."`
	URL         string    `placeholder:"URL" help:"Its public address, which links begin with, as https://a.example.edu."`
	Scoped      bool      `negatable:"" default:"true" help:"Give its meetings IDs of their own on the servers, so that two tenants may both have room-1."`
	Secret      v1.Secret `placeholder:"SECRET" env:"BBBPOOL_TENANT_SECRET" help:"Its first secret; - reads it from the standard input. Made by default."`
	Tag         string    `placeholder:"TAG" help:"Tag of the servers for its meetings, where a create asks for none, as in meta_server-tag."`
	IgnoreHints bool      `help:"Do not believe what its front ends announce as the size of a meeting."`
	Branding
	Callbacks
	Limits
}

// Run prints the ID of the new tenant, and what comes next beside it on the standard error.
func (c *AddCmd) Run(env *cli.Env) error {
	limits, err := c.change()
	if err != nil {
		return err
	}
	secret, err := env.Secret(c.Secret)
	if err != nil {
		return err
	}
	n := v1.NewTenant{
		ID: c.ID, Name: c.Name, Hosts: c.Host, URL: c.URL, Scoped: &c.Scoped, Tag: c.Tag, IgnoreHints: c.IgnoreHints,
		Branding: c.branding(), Limits: limits, Callbacks: c.callbacks(),
	}
	if secret != "" {
		n.Secrets = []v1.NewTenantSecret{{Name: "first", Secret: secret}}
	}
	return env.With(cli.Begin, func(pool *cli.Connection) error {
		result, err := pool.Tenants.Add(env.Ctx, n)
		if err != nil {
			return err
		}
		if err := caution(env, result.Warning); err != nil {
			return err
		}
		id := terminal.Printable(result.ID)
		err = terminal.Say(env.Err, "its secret: bbbpool tenant secret show %s; its address ends in /t/%s/bigbluebutton/api, or in "+
			"/bigbluebutton/api at a host of its own\n", id, id)
		if env.Options.JSON {
			return errors.Join(err, terminal.PrintJSON(env.Out, result))
		}
		return errors.Join(err, terminal.Say(env.Out, "%s\n", id))
	})
}

func caution(env *cli.Env, warning string) error {
	if warning == "" {
		return nil
	}
	return terminal.Say(env.Err, "warning: %s\n", terminal.Printable(warning))
}

// SetCmd changes a tenant.
type SetCmd struct {
	ID          string   `arg:"" help:"ID of the tenant; the first one is called default."`
	Name        *string  `placeholder:"NAME" help:"Name for people."`
	Host        []string `placeholder:"HOST" help:"Host that names the tenant, instead of those that do now; may be given several times."`
	NoHosts     bool     `help:"Have no host name it."`
	URL         *string  `placeholder:"URL" help:"Its public address; an empty one is the pool's."`
	Scoped      *bool    `negatable:"" help:"Give its new meetings IDs of their own on the servers, or leave them as they are."`
	Tag         *string  `placeholder:"TAG" help:"Tag of the servers for its meetings, where a create asks for none, as in meta_server-tag; an empty one takes it away."`
	IgnoreHints *bool    `negatable:"" help:"Do not believe what its front ends announce as the size of a meeting, or believe it again."`
	Branding
	Callbacks
	Limits
	LRS

	DropGenerated bool `help:"Forget the secret that was made on the first start, for good. There must be another, of LOADBALANCER_SECRET or of its own."`
}

// Run makes the change.
func (c *SetCmd) Run(env *cli.Env) error {
	wanted, err := c.wanted(env)
	if err != nil {
		return err
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Tenants.Change(env.Ctx, c.ID, wanted)
		return report(env, result, err, "changed")
	})
}

func (c *SetCmd) wanted(env *cli.Env) (w v1.TenantChange, err error) {
	w = v1.TenantChange{
		Name: c.Name, URL: c.URL, Scoped: c.Scoped, Tag: c.Tag, IgnoreHints: c.IgnoreHints, Branding: c.branding(),
		Callbacks: c.callbacks(), DropGenerated: c.DropGenerated,
	}
	switch {
	case c.NoHosts && len(c.Host) > 0:
		return w, grammar.Misused("--no-hosts: want it without --host")
	case c.NoHosts:
		w.Hosts = &[]string{}
	case len(c.Host) > 0:
		w.Hosts = &c.Host
	}
	if w.LRS, err = c.lrs(env); err != nil {
		return w, err
	}
	if w.Limits, err = c.change(); err == nil && w == (v1.TenantChange{}) {
		err = grammar.Misused("nothing to change: pass --name, --host, --url, --scoped, --tag, --ignore-hints, --logo or another of " +
			"what its meetings look like, --analytics or a --callback-…, an --lrs-…, --drop-generated or a limit")
	}
	return w, err
}

// report says what has become of a tenant.
func report(env *cli.Env, result v1.TenantResult, err error, what string) error {
	if err != nil {
		return err
	}
	if err := caution(env, result.Warning); err != nil {
		return err
	}
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, result)
	}
	return terminal.Say(env.Out, "tenant %s: %s\n", terminal.Printable(result.ID), what)
}

// EnableCmd lets the front ends of a tenant in again.
type EnableCmd struct {
	ID string `arg:"" help:"ID of the tenant."`
}

// Run enables the tenant.
func (c *EnableCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Tenants.Enable(env.Ctx, c.ID)
		return report(env, result, err, "enabled")
	})
}

// DisableCmd keeps the front ends of a tenant out.
type DisableCmd struct {
	ID string `arg:"" help:"ID of the tenant."`
}

// Run disables the tenant, which ends nothing.
func (c *DisableCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		result, err := pool.Tenants.Disable(env.Ctx, c.ID)
		if err == nil && result.Used.Meetings > 0 {
			err = terminal.Say(env.Err, "note: %s go on until they end, and nobody can join them through the pool meanwhile\n",
				v1.Running(result.Used.Meetings, result.Used.People))
		}
		return report(env, result, err, "disabled: its calls fail as with a wrong checksum, its recordings play on")
	})
}

// RemoveCmd removes a tenant.
type RemoveCmd struct {
	ID string `arg:"" help:"ID of the tenant."`
	cli.Sure
}

// Run removes the tenant, which needs a yes, and force while meetings of its run. Then there is no question first: the pool
// refuses whatever the answer is.
func (c *RemoveCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		t, err := pool.Tenants.Show(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if t.Used.Meetings == 0 {
			text := append([]string{fmt.Sprintf("Tenant %s (%s) and its secrets go.", t.ID, t.Name)}, sentences(t.Used.Left())...)
			if err := env.Confirm(c.Sure, terminal.Printable(strings.Join(text, " "))); err != nil {
				return err
			}
		}
		removed, err := pool.Tenants.Remove(env.Ctx, c.ID, c.Force)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, removed)
		}
		text := append([]string{"tenant " + removed.ID + ": removed"}, removed.Left...)
		return terminal.Say(env.Out, "%s\n", terminal.Printable(strings.Join(text, "; ")))
	})
}

func sentences(list []string) []string {
	for i, s := range list {
		list[i] = s + "."
	}
	return list
}
