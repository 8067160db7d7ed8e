package tenancy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// What has become of a tenant.
const (
	syncCreated  = "created"
	syncUpdated  = "updated"
	syncEnabled  = "enabled"
	syncDisabled = "disabled"
	syncRemoved  = "removed"
	syncFailed   = "failed"
)

// Sync is what brings the tenants in line with a list. A list that has a mistake anywhere changes nothing; a tenant that
// cannot be changed does not stop the rest.
type Sync struct {
	Mode   string
	Listed int // tenants

	dry   bool
	steps []*step
}

// Changes is how many tenants have to be changed.
func (s *Sync) Changes() int { return len(s.steps) }

// step is what a sync has to do about one tenant.
type step struct {
	change v1.SyncChange
	before store.Tenant // empty for one that is new
	after  store.Tenant // empty for one that has to go

	taken bool // or tried
}

// Compare finds what has to be done for the tenants to be as a list says.
func (t *Tenancy) Compare(ctx context.Context, wanted v1.TenantSync) (*Sync, error) {
	wanted.Mode = cmp.Or(wanted.Mode, v1.KeepTenants)
	if !slices.Contains([]string{v1.KeepTenants, v1.DisableTenants, v1.RemoveTenants}, wanted.Mode) {
		return nil, v1.Invalid("mode: want keep, disable or remove")
	}
	if wanted.Tenants == nil {
		return nil, v1.Invalid("tenants: missing; an empty list stands for a pool whose only tenant is %s", store.DefaultTenant)
	}
	if len(wanted.Tenants) > MaxTenants {
		return nil, v1.Invalid("tenants: %d, more than %d", len(wanted.Tenants), MaxTenants)
	}
	stored, err := t.List(ctx)
	if err != nil {
		return nil, err
	}
	s := &Sync{Mode: wanted.Mode, Listed: len(wanted.Tenants), dry: wanted.DryRun}
	left, err := t.compareListed(s, wanted.Tenants, stored)
	if err != nil {
		return nil, err
	}
	return s, t.compareAbsent(ctx, s, left)
}

// compareListed finds what is to be done about the tenants of a list, or everything that is wrong with it. It returns the tenants
// that are not in the list.
func (t *Tenancy) compareListed(s *Sync, list []v1.SyncTenant, stored []store.Tenant) (left []store.Tenant, err error) {
	known := map[string]store.Tenant{}
	for _, tenant := range stored {
		known[tenant.ID] = tenant
	}
	var wrong mistakes
	var after []store.Tenant
	seen := map[string]bool{}
	for i, want := range list {
		name := cmp.Or(want.ID, fmt.Sprintf("tenant %d", i+1))
		record, faults := t.listed(want, known[want.ID])
		if len(faults) > 0 {
			wrong.note("%.64q: %s", name, strings.Join(faults, "; "))
		}
		if seen[want.ID] {
			wrong.note("%.64q: id: it is in the list twice", name)
		}
		seen[want.ID], after = true, append(after, record)
		s.add(known[want.ID], record)
	}
	for _, tenant := range stored {
		if !seen[tenant.ID] {
			left = append(left, tenant)
			if s.Mode != v1.RemoveTenants || tenant.ID == store.DefaultTenant {
				after = append(after, tenant)
			}
		}
	}
	wrong = append(wrong, t.clashes(after)...)
	const few = 20
	if len(wrong) > few {
		wrong = append(wrong[:few], fmt.Sprintf("and %d more faults", len(wrong)-few))
	}
	return left, v1.InvalidAll(wrong)
}

// clashes are what several tenants would have that one alone can have.
func (t *Tenancy) clashes(all []store.Tenant) (wrong mistakes) {
	names, hosts, secrets := map[string]string{}, map[string]string{}, map[store.Secret]string{}
	for _, s := range t.Environment {
		secrets[s] = store.DefaultTenant
	}
	once := func(has map[string]string, what, value, id string) {
		if other, taken := has[value]; taken && other != id {
			wrong.note("%q: %s: tenant %s has %q as well", id, what, other, value)
		}
		has[value] = id
	}
	for _, tenant := range all {
		once(names, "name", strings.ToLower(tenant.Name), tenant.ID)
		for _, host := range tenant.Hosts {
			once(hosts, "hosts", host, tenant.ID)
		}
		for _, s := range tenant.Secrets {
			if other, taken := secrets[s.Secret]; taken && other != tenant.ID && s.Secret != "" {
				wrong.note("%q: secret %s: tenant %s has the same", tenant.ID, s.Name, other)
			}
			secrets[s.Secret] = tenant.ID
		}
	}
	return wrong
}

// listed makes the record of a tenant of a list out of what there is, and returns what is wrong with it.
func (t *Tenancy) listed(want v1.SyncTenant, before store.Tenant) (store.Tenant, mistakes) {
	record := copied(before)
	if before.Created.IsZero() {
		record.Created = t.Now()
	}
	name, l := cmp.Or(want.Name, want.ID), want.Limits
	wrong := t.apply(v1.TenantChange{
		Name: &name, Hosts: &want.Hosts, URL: &want.URL, Scoped: &want.Scoped, Tag: &want.Tag, IgnoreHints: &want.IgnoreHints,
		Limits: &v1.LimitChange{
			Meetings: &l.Meetings, People: &l.People, MeetingPeople: &l.MeetingPeople, PerHour: &l.PerHour,
			DurationMinutes: &l.DurationMinutes, Recording: &l.Recording, Servers: &l.Servers, Requests: &l.Requests,
			Statuses: &l.Statuses,
		},
		Callbacks: listedCallbacks(want.Callbacks),
	}, &record)
	if !idForm.MatchString(want.ID) {
		wrong.note("id: want up to 63 of a-z, 0-9 and '-', the first a letter or a digit")
	}
	record.ID, record.Disabled = want.ID, !want.Enabled
	rules, faults := t.rules(want.Params)
	record.Params, wrong = rules, append(wrong, faults...)
	return record, append(wrong, t.listSecrets(&record, want.Secrets)...)
}

// listSecrets gives a tenant the secrets of a list. One whose value is the same, or not said, is the one that was there.
func (t *Tenancy) listSecrets(record *store.Tenant, list []v1.NewTenantSecret) (wrong mistakes) {
	if len(list) == 0 && (len(record.Secrets) > 0 || len(t.given(record.ID)) > 0) {
		return nil
	}
	if len(list) == 0 {
		list = []v1.NewTenantSecret{{Name: firstSecret}}
	}
	there := *record
	record.Secrets = nil
	for _, want := range list {
		old, known := there.Secret(want.Name)
		value := store.Secret(strings.TrimSpace(want.Secret.Reveal()))
		if known && (want.Secret == "" || value == old.Secret) {
			if old.Expires = (time.Time{}); want.Expires != nil {
				old.Expires = *want.Expires
			}
			record.Secrets = append(record.Secrets, old)
			continue
		}
		if want.Expires != nil && !want.Expires.After(t.Now()) {
			continue // as a list has it that was made elsewhere, some time ago
		}
		if _, err := addSecret(record, want, t.Now()); err != nil {
			wrong.note("%v", err)
		}
	}
	return wrong
}

// compareAbsent finds what becomes of tenants that are not in the list. Those that have meetings are disabled first.
func (t *Tenancy) compareAbsent(ctx context.Context, s *Sync, absent []store.Tenant) error {
	used, err := t.used(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range absent {
		u, change := used[tenant.ID], v1.SyncChange{ID: tenant.ID, Action: syncRemoved, Fields: []string{}}
		after := store.Tenant{}
		switch {
		case s.Mode == v1.KeepTenants, tenant.ID == store.DefaultTenant:
			continue
		case s.Mode == v1.RemoveTenants && u.Meetings == 0:
			change.Warning = strings.Join(u.Left(), "; ")
		case tenant.Disabled:
			continue
		default:
			after, change.Action = tenant, syncDisabled
			after.Disabled = true
			if s.Mode == v1.RemoveTenants {
				change.Warning = "it has " + v1.Running(u.Meetings, u.People) + ": a later sync removes it"
			}
		}
		s.steps = append(s.steps, &step{change: change, before: tenant, after: after})
	}
	slices.SortFunc(s.steps, func(x, y *step) int { return strings.Compare(x.change.ID, y.change.ID) })
	return nil
}

// add adds what is to be done for a tenant to be as listed, if there is anything.
func (s *Sync) add(before, after store.Tenant) {
	change := v1.SyncChange{ID: after.ID, Action: syncCreated, Fields: Differences(before, after)}
	switch {
	case before.ID == "":
	case len(change.Fields) == 0:
		return
	case len(change.Fields) == 1 && before.Disabled && !after.Disabled:
		change.Action = syncEnabled
	case len(change.Fields) == 1 && !before.Disabled && after.Disabled:
		change.Action = syncDisabled
	default:
		change.Action = syncUpdated
	}
	s.steps = append(s.steps, &step{change: change, before: before, after: after})
}

// Differences says what a change makes of a tenant, as "tag: a -> b"; of secrets, which of them come, go and change.
func Differences(before, after store.Tenant) (list []string) {
	note := func(field, x, y string) {
		if x != y {
			list = append(list, field+": "+cmp.Or(x, "none")+" -> "+cmp.Or(y, "none"))
		}
	}
	state := map[bool]string{false: v1.Enabled, true: v1.Disabled}
	note("state", state[before.Disabled], state[after.Disabled])
	note("name", before.Name, after.Name)
	note("hosts", strings.Join(before.Hosts, ","), strings.Join(after.Hosts, ","))
	note("url", before.URL, after.URL)
	note("scoped", strconv.FormatBool(before.Scoped), strconv.FormatBool(after.Scoped))
	note("tag", before.Tag, after.Tag)
	note("ignore_hints", strconv.FormatBool(before.IgnoreHints), strconv.FormatBool(after.IgnoreHints))
	list = append(list, lrsDifferences(before.LRS, after.LRS)...)
	x, y := limits(before.Limits), limits(after.Limits)
	count := func(name string, x, y int) { note("limits."+name, none(x), none(y)) }
	count("meetings", x.Meetings, y.Meetings)
	count("people", x.People, y.People)
	count("meeting_people", x.MeetingPeople, y.MeetingPeople)
	count("per_hour", x.PerHour, y.PerHour)
	count("duration_minutes", x.DurationMinutes, y.DurationMinutes)
	note("limits.recording", strconv.FormatBool(x.Recording), strconv.FormatBool(y.Recording))
	note("limits.servers", strings.Join(x.Servers, ","), strings.Join(y.Servers, ","))
	note("limits.requests", none(x.Requests), none(y.Requests))
	note("limits.statuses", strconv.FormatBool(x.Statuses), strconv.FormatBool(y.Statuses))
	callbackDifferences(before.Callbacks, after.Callbacks, note)
	if !slices.Equal(before.Params, after.Params) {
		list = append(list, fmt.Sprintf("params: %d -> %d rules", len(before.Params), len(after.Params)))
	}
	return append(list, secretDifferences(before, after)...)
}

// none is a number of which zero is none.
func none[N int | float64](n N) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(n), 'f', -1, 64)
}

// secretDifferences says which secrets come, go and change.
func secretDifferences(before, after store.Tenant) (list []string) {
	for _, s := range after.Secrets {
		old, known := before.Secret(s.Name)
		switch {
		case !known:
			list = append(list, "secret "+s.Name+": added")
		case old.Secret != s.Secret:
			list = append(list, "secret "+s.Name+": *** -> ***")
		case !old.Expires.Equal(s.Expires):
			list = append(list, "secret "+s.Name+": expires "+moment(old.Expires)+" -> "+moment(s.Expires))
		}
	}
	for _, s := range before.Secrets {
		if _, stays := after.Secret(s.Name); !stays {
			list = append(list, "secret "+s.Name+": retired")
		}
	}
	return list
}

func moment(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}
