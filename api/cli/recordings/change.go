package recordings

import (
	"fmt"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// PublishCmd lets recordings play.
type PublishCmd struct {
	IDs []string `arg:"" name:"id" help:"IDs of recordings."`
}

// Run publishes them.
func (c *PublishCmd) Run(env *cli.Env) error {
	return editEach(env, c.IDs, "published", func(pool *cli.Connection, id string) (v1.RecordingDetails, error) {
		return pool.Recordings.Publish(env.Ctx, id, true)
	})
}

// UnpublishCmd lets recordings play for nobody.
type UnpublishCmd struct {
	IDs []string `arg:"" name:"id" help:"IDs of recordings."`
}

// Run takes them back.
func (c *UnpublishCmd) Run(env *cli.Env) error {
	return editEach(env, c.IDs, "unpublished", func(pool *cli.Connection, id string) (v1.RecordingDetails, error) {
		return pool.Recordings.Publish(env.Ctx, id, false)
	})
}

// RestoreCmd brings deleted recordings back.
type RestoreCmd struct {
	IDs []string `arg:"" name:"id" help:"IDs of recordings."`
}

// Run restores them, if their files are still there.
func (c *RestoreCmd) Run(env *cli.Env) error {
	return editEach(env, c.IDs, "restored", func(pool *cli.Connection, id string) (v1.RecordingDetails, error) {
		return pool.Recordings.Restore(env.Ctx, id)
	})
}

// AssignCmd gives recordings to another tenant.
type AssignCmd struct {
	IDs    []string `arg:"" name:"id" help:"IDs of recordings."`
	Tenant string   `required:"" placeholder:"ID" help:"Tenant that they are to belong to."`
}

// Run assigns them.
func (c *AssignCmd) Run(env *cli.Env) error {
	done := "belongs to " + terminal.Printable(c.Tenant)
	return editEach(env, c.IDs, done, func(pool *cli.Connection, id string) (v1.RecordingDetails, error) {
		return pool.Recordings.Assign(env.Ctx, id, c.Tenant)
	})
}

func editEach(env *cli.Env, ids []string, done string, do func(*cli.Connection, string) (v1.RecordingDetails, error)) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		return each(env, "recording", ids, done, func(id string) (v1.RecordingDetails, error) { return do(pool, id) })
	})
}

// each does something to every one of the IDs, also to those that come after an error.
func each[T any](env *cli.Env, what string, ids []string, done string, do func(id string) (T, error)) error {
	all, failed := []T{}, 0
	for _, id := range ids {
		if env.Ctx.Err() != nil {
			return env.Ctx.Err()
		}
		changed, err := do(id)
		if err == nil {
			all = append(all, changed)
			if !env.Options.JSON {
				_, err = fmt.Fprintf(env.Out, "%s %s: %s\n", what, terminal.Printable(id), done)
			}
		}
		if err != nil && len(ids) == 1 {
			return err
		}
		if err != nil {
			failed++
			_, _ = fmt.Fprintln(env.Err, "bbbpool: "+terminal.Printable(err.Error()))
		}
	}
	if env.Options.JSON {
		if err := terminal.PrintJSON(env.Out, all); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("not done for %d of %d", failed, len(ids))
	}
	return nil
}

// DeleteCmd deletes recordings.
type DeleteCmd struct {
	IDs []string `arg:"" name:"id" help:"IDs of recordings."`
	Yes bool     `short:"y" help:"Do not ask."`
}

// Run deletes them, once it has named them and somebody has said yes.
func (c *DeleteCmd) Run(env *cli.Env) error {
	return env.With(cli.Change, func(pool *cli.Connection) error {
		list, bytes, named := []v1.Recording{}, int64(0), map[string]v1.Recording{}
		for _, id := range c.IDs {
			r, err := pool.Recordings.Show(env.Ctx, id)
			if err != nil {
				return err
			}
			list, bytes, named[id] = append(list, r.Recording), bytes+r.Size, r.Recording
		}
		if !c.Yes {
			if err := recordingTable(env.Err, list); err != nil {
				return err
			}
		}
		err := env.Confirm(cli.Sure{Yes: c.Yes}, fmt.Sprintf("%s %s deleted. What serve --keep-deleted keeps can be restored.",
			recordingCount(len(list), bytes), terminal.IsAre(len(list))))
		if err != nil {
			return err
		}
		return each(env, "recording", c.IDs, "deleted", func(id string) (v1.Recording, error) {
			return named[id], pool.Recordings.Delete(env.Ctx, id)
		})
	})
}

func recordingCount(n int, bytes int64) string {
	return fmt.Sprintf("%s with %s", terminal.Plural(n, "recording"), terminal.Size(bytes))
}

// Which names recordings, or means all of them.
type Which struct {
	IDs    []string `arg:"" optional:"" name:"id" help:"IDs of recordings."`
	All    bool     `help:"All recordings."`
	Tenant string   `placeholder:"ID" help:"With --all: those of this tenant."`
	Yes    bool     `short:"y" help:"With --all: do not ask."`
}

func (w Which) check() error {
	if (len(w.IDs) > 0) == w.All {
		return grammar.Misused("name recordings, or pass --all")
	}
	if w.Tenant != "" && !w.All {
		return grammar.Misused("--tenant goes with --all")
	}
	return nil
}

// ProtectCmd lets recordings play for those alone whom the front end lets in.
type ProtectCmd struct{ Which }

// Run protects them.
func (c *ProtectCmd) Run(env *cli.Env) error {
	return c.protect(env, true, "protected", "from then on they play through the links alone that front ends get")
}

// UnprotectCmd lets recordings play for everybody who has the link.
type UnprotectCmd struct{ Which }

// Run takes the protection away.
func (c *UnprotectCmd) Run(env *cli.Env) error {
	return c.protect(env, false, "unprotected", "from then on they play for everybody who has the link")
}

func (w Which) protect(env *cli.Env, protect bool, done, then string) error {
	if err := w.check(); err != nil {
		return err
	}
	if !w.All {
		return editEach(env, w.IDs, done, func(pool *cli.Connection, id string) (v1.RecordingDetails, error) {
			return pool.Recordings.Protect(env.Ctx, id, protect)
		})
	}
	return env.With(cli.Change, func(pool *cli.Connection) error {
		page, err := pool.Recordings.List(env.Ctx, v1.RecordingFilter{
			Tenant: w.Tenant, States: []string{v1.Published, v1.Unpublished}, Limit: 1,
		})
		if err != nil {
			return err
		}
		of := "of all tenants"
		if w.Tenant != "" {
			of = "of tenant " + w.Tenant
		}
		err = env.Confirm(cli.Sure{Yes: w.Yes}, fmt.Sprintf("%s %s %s %s: %s.", terminal.Plural(page.Total, "recording"), of,
			terminal.IsAre(page.Total), done, then))
		if err != nil {
			return err
		}
		report, err := cli.Watched(env, "recordings", func(tell func(v1.Progress)) (v1.ProtectReport, error) {
			return pool.Recordings.ProtectAll(env.Ctx, v1.Protection{Tenant: w.Tenant, Protect: protect}, tell)
		})
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, report)
		}
		return terminal.Say(env.Out, "%s: %s\n", terminal.Plural(report.Changed, "recording"), done)
	})
}
