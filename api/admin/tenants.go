package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/tenancy"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// maxList is how many bytes a list of all tenants may have: 10,000 with three secrets and a few rules each.
const maxList = 32 << 20

// Tenants answers what is asked of tenants, and has the tenancy do what is asked for.
type Tenants struct{ *tenancy.Tenancy }

func (t *Tenants) routes() frame.Routes {
	return frame.Routes{
		"GET /tenants":                        frame.Own(t.list, confine.ByQuery(), access.Read),
		"POST /tenants":                       frame.Whole(t.add, access.Admin),
		"GET /tenants/{id}":                   frame.Own(t.show, confine.ByPath(), access.Read),
		"PATCH /tenants/{id}":                 frame.Own(t.set, confine.ByPath().Sparing("branding"), access.Admin),
		"DELETE /tenants/{id}":                frame.Whole(t.remove, access.Admin),
		"POST /tenants/{id}/enable":           frame.Whole(t.enable, access.Admin),
		"POST /tenants/{id}/disable":          frame.Whole(t.disable, access.Admin),
		"POST /tenants/sync":                  frame.Whole(t.sync, access.Admin).UpTo(maxList),
		"GET /tenants/{id}/secrets":           frame.Own(t.secrets, confine.ByPath(), access.Read),
		"GET /tenants/{id}/secret":            frame.Own(t.revealSecret, confine.ByPath(), access.Admin),
		"POST /tenants/{id}/secrets":          frame.Own(t.addSecret, confine.ByPath(), access.Admin),
		"DELETE /tenants/{id}/secrets/{name}": frame.Own(t.retireSecret, confine.ByPath(), access.Admin),
		"POST /tenants/{id}/secrets/rotate":   frame.Own(t.rotateSecret, confine.ByPath(), access.Admin),
	}
}

// check refuses a tenant that is not there; "" is none in particular.
func (t *Tenants) check(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	_, err := t.Get(ctx, id)
	return err
}

func (t *Tenants) list(r *http.Request) (any, error) {
	reveal, err := frame.Flag(r, "reveal")
	if err != nil {
		return nil, err
	}
	tenants, err := t.List(r.Context())
	if err != nil {
		return nil, err
	}
	if one := r.URL.Query().Get("tenant"); one != "" {
		tenants = slices.DeleteFunc(tenants, func(t store.Tenant) bool { return t.ID != one })
	}
	list, err := t.Views(r.Context(), tenants)
	if err != nil || !reveal {
		return list, err
	}
	frame.Logger(r).Info().Int("tenants", len(list)).Msg("secrets of tenants shown")
	return t.changed(revealTenants(list), "show", store.Tenant{}, nil, nil), nil
}

// openTenant is a [v1.Tenant] on its way to whoever has asked for its secrets.
type openTenant struct {
	v1.Tenant
	Secrets []openSecret `json:"secrets"`
}

// openSecret is a [v1.TenantSecret] on its way to whoever has asked for it.
type openSecret struct {
	v1.TenantSecret
	Secret string `json:"secret"`
}

func revealTenants(list []v1.Tenant) []openTenant {
	open := []openTenant{}
	for _, tenant := range list {
		o := openTenant{Tenant: tenant, Secrets: []openSecret{}}
		for _, s := range tenant.Secrets {
			o.Secrets = append(o.Secrets, openSecret{s, s.Secret.Reveal()})
		}
		open = append(open, o)
	}
	return open
}

func (t *Tenants) show(r *http.Request) (any, error) {
	tenant, err := t.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return t.View(r.Context(), tenant)
}

// changed is the answer to a request that has changed a tenant. It goes with an error where the change is stored, and not in
// force yet.
func (t *Tenants) changed(answer any, action string, of store.Tenant, before, after any) frame.Changed {
	return frame.Changed{Answer: answer, Action: action, Kind: "tenant", Object: of.ID, Tenant: of.ID, Before: before, After: after}
}

// result is what a tenant has become.
func (t *Tenants) result(ctx context.Context, tenant store.Tenant, warning string) v1.TenantResult {
	view, err := t.View(ctx, tenant)
	if err != nil { // it is done, and what the tenant has besides is not what that must fail for
		view = t.Record(tenant)
	}
	return v1.TenantResult{Tenant: view, Warning: warning}
}

func (t *Tenants) add(r *http.Request) (any, error) {
	var n v1.NewTenant
	if err := frame.Read(r, &n); err != nil {
		return nil, err
	}
	tenant, warning, err := t.Add(r.Context(), n)
	if tenant.ID == "" {
		return nil, err
	}
	frame.Logger(r).Info().Str("tenant", tenant.ID).Strs("hosts", tenant.Hosts).Bool("scoped", tenant.Scoped).Msg("tenant added")
	done := t.changed(t.result(r.Context(), tenant, warning), "add", tenant, nil, t.Record(tenant))
	done.Made = true
	return done, err
}

// set changes what is set for a tenant. The gateway goes by it from then on.
func (t *Tenants) set(r *http.Request) (any, error) {
	var c v1.TenantChange
	if err := frame.Read(r, &c); err != nil {
		return nil, err
	}
	done, err := t.Change(r.Context(), r.PathValue("id"), c)
	if done.After.ID == "" {
		return nil, err
	}
	tenant := done.After
	frame.Logger(r).Info().Bool("drop_generated", c.DropGenerated).Strs("changed", tenancy.Differences(done.Before, tenant)).
		Str("tenant", tenant.ID).Str("tag", tenant.Tag).Bool("ignore_hints", tenant.IgnoreHints).Msg("tenant changed")
	return t.changed(t.result(r.Context(), tenant, ""), "set", tenant, t.Record(done.Before), t.Record(tenant)), err
}

func (t *Tenants) enable(r *http.Request) (any, error) { return t.setState(r, "enable", false) }

func (t *Tenants) disable(r *http.Request) (any, error) { return t.setState(r, "disable", true) }

func (t *Tenants) setState(r *http.Request, action string, disabled bool) (any, error) {
	if err := frame.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	done, err := t.SetDisabled(r.Context(), r.PathValue("id"), disabled)
	if done.After.ID == "" {
		return nil, err
	}
	tenant := done.After
	frame.Logger(r).Info().Str("tenant", tenant.ID).Bool("disabled", disabled).Bool("was", done.Before.Disabled).Msg("tenant state")
	return t.changed(t.result(r.Context(), tenant, ""), action, tenant, t.Record(done.Before), t.Record(tenant)), err
}

func (t *Tenants) remove(r *http.Request) (any, error) {
	force, err := frame.Flag(r, "force")
	if err != nil {
		return nil, err
	}
	tenant, left, err := t.Remove(r.Context(), r.PathValue("id"), force)
	if tenant.ID == "" {
		return nil, err
	}
	frame.Logger(r).Info().Str("tenant", tenant.ID).Int("meetings", left.Meetings).Int("recordings", left.Recordings).
		Bool("force", force).Msg("tenant removed")
	removed := v1.RemovedTenant{ID: tenant.ID, Left: append([]string{}, left.Left()...)}
	return t.changed(removed, "remove", tenant, t.Record(tenant), nil), err
}

// sync brings the tenants in line with a list.
func (t *Tenants) sync(r *http.Request) (any, error) {
	var wanted v1.TenantSync
	if err := frame.Read(r, &wanted); err != nil {
		return nil, err
	}
	sync, err := t.Compare(r.Context(), wanted)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("mode", sync.Mode).Bool("dry_run", wanted.DryRun).Int("tenants", sync.Listed).
		Int("changes", sync.Changes()).Msg("tenants compared with a list")
	work := frame.Long(func(ctx context.Context, tell func(v1.Progress)) (any, error) {
		said := func(err error) string { return frame.Refusal(r, err).Message }
		return t.Perform(ctx, sync, frame.Logger(r), said, tell)
	})
	if wanted.DryRun || sync.Changes() == 0 {
		return frame.Unchanged{Answer: work}, nil
	}
	var ids []string
	for _, c := range sync.Report().Changes {
		ids = append(ids, c.ID)
	}
	return frame.Changed{
		Answer: work, Action: "sync", Kind: "tenant", Object: strings.Join(ids, ","), After: sync.Report(),
		Each: synced("tenant", func(id string) string { return id }),
	}, nil
}
