package tenancy

import (
	"context"
	"slices"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// The places that secrets come from.
const (
	sourceStored      = "stored"
	sourceEnvironment = "environment"
)

// Views shows tenants, with what they have at the moment.
func (t *Tenancy) Views(ctx context.Context, list []store.Tenant) ([]v1.Tenant, error) {
	used, err := t.used(ctx)
	if err != nil {
		return nil, err
	}
	views := []v1.Tenant{}
	for _, tenant := range list {
		v := t.Record(tenant)
		v.Used = used[tenant.ID]
		views = append(views, v)
	}
	return views, nil
}

// View shows a tenant, with what it has at the moment.
func (t *Tenancy) View(ctx context.Context, tenant store.Tenant) (v1.Tenant, error) {
	views, err := t.Views(ctx, []store.Tenant{tenant})
	if err != nil {
		return v1.Tenant{}, err
	}
	return views[0], nil
}

// Record shows what is set for a tenant, with its secrets masked.
func (t *Tenancy) Record(tenant store.Tenant) v1.Tenant {
	source, state := sourceStored, v1.Enabled
	if len(t.given(tenant.ID)) > 0 {
		source = sourceEnvironment
	}
	if tenant.Disabled {
		state = v1.Disabled
	}
	generated, _ := tenant.Secret(store.GeneratedSecret)
	return v1.Tenant{
		LRS: lrs(tenant.LRS),
		ID:  tenant.ID, Name: tenant.Name, State: state, Secrets: t.Listed(tenant), Source: source,
		Generated: tenant.ID == store.DefaultTenant && generated.Secret != "", Created: v1.Stamp(tenant.Created),
		Hosts: filled(tenant.Hosts), URL: tenant.URL, Scoped: tenant.Scoped, Tag: tenant.Tag, IgnoreHints: tenant.IgnoreHints,
		Params: Params(tenant.Params), Limits: limits(tenant.Limits),
		Callbacks: callbacks(tenant.Callbacks),
	}
}

// filled is a list that JSON does not show as null.
func filled[T any](list []T) []T { return append([]T{}, list...) }

// Params shows rules for parameters.
func Params(rules []store.ParamRule) []v1.ParamRule {
	list := []v1.ParamRule{}
	for _, r := range rules {
		list = append(list, v1.ParamRule{Call: r.Call, Op: string(r.Op), Name: r.Name, Value: r.Value})
	}
	return list
}

func limits(l store.Limits) v1.TenantLimits {
	return v1.TenantLimits{
		Meetings: l.Meetings, People: l.People, MeetingPeople: l.MeetingPeople, PerHour: l.PerHour,
		DurationMinutes: int(l.Duration / time.Minute), Recording: !l.NoRecording, Servers: filled(l.Tags),
		Requests: l.Requests, Statuses: l.Statuses,
	}
}

// Listed shows the secrets of a tenant that are in use. Every way of printing them masks them, but for those who reveal them.
func (t *Tenancy) Listed(tenant store.Tenant) []v1.TenantSecret {
	list := []v1.TenantSecret{}
	for _, s := range t.InUse(tenant) {
		list = append(list, t.Secret(tenant, s))
	}
	return list
}

// Secret shows one of a tenant's secrets.
func (t *Tenancy) Secret(tenant store.Tenant, s store.TenantSecret) v1.TenantSecret {
	shown := v1.TenantSecret{
		Name: s.Name, Secret: v1.Secret(s.Secret), Created: v1.Stamp(s.Created), Expires: v1.Stamp(s.Expires), Source: sourceStored,
	}
	if slices.Contains(t.given(tenant.ID), s.Secret) {
		shown.Source = sourceEnvironment
	}
	if t.Uses != nil {
		used := t.Uses.Last(credential(tenant.ID, s.Name))
		if !used.IsZero() && used.Before(s.Created) { // it is known to the minute, which had begun before
			used = s.Created
		}
		shown.LastUsed = v1.Stamp(used)
	}
	return shown
}

// used tells what tenants have at the moment, by tenant.
func (t *Tenancy) used(ctx context.Context) (map[string]v1.TenantUse, error) {
	used := map[string]v1.TenantUse{}
	for id, has := range t.Ledger.Tallies() {
		used[id] = v1.TenantUse{Meetings: has.Meetings, People: has.People, PerHour: has.LastHour}
	}
	for _, m := range t.Ledger.Meetings() {
		u := used[m.Tenant]
		u.MeetingPeople = max(u.MeetingPeople, m.People)
		used[m.Tenant] = u
	}
	if t.Kept == nil {
		return used, nil
	}
	counts, err := t.Kept(ctx)
	for _, c := range counts {
		if c.State != store.Deleted {
			u := used[c.Tenant]
			u.Recordings += c.Count
			used[c.Tenant] = u
		}
	}
	return used, err
}
