package tenancy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Tenancy changes the tenants of a pool. Its fields must be set before its first use.
type Tenancy struct {
	Records     store.Tenants
	Environment []store.Secret // of the default tenant, beside its stored ones; none is the usual
	Ledger      Ledger
	Kept        Counts // nil in a pool without recordings
	Uses        Uses   // nil where nobody knows when secrets were last used
	// Reload has those that keep tenants in memory read them again; nil where nobody does.
	Reload func(ctx context.Context) error
	// ReadParams returns rules for parameters as they are stored, or what is wrong with them beyond their form; nil where nobody
	// knows.
	ReadParams func(list []store.ParamRule) ([]store.ParamRule, error)
	// Revoke takes away the tokens of a tenant that is about to be removed; nil where there are none.
	Revoke func(ctx context.Context, tenant string) error
	Now    func() time.Time

	writing sync.Mutex // from the look at all tenants to the arrival of a change with those that keep them in memory
}

// Ledger is what is asked about meetings.
type Ledger interface {
	// Meetings returns all meetings, by tenant and ID.
	Meetings() []placement.Info
	// Tallies returns what each tenant has now that has something.
	Tallies() map[string]placement.Tally
}

// Counts returns how many recordings there are by tenant and state.
type Counts func(ctx context.Context) ([]store.RecordingCount, error)

// Uses knows when credentials were last used.
type Uses interface {
	// Last is when a credential was last used; the zero time for never.
	Last(c store.Credential) time.Time
	// Forget forgets a credential that is gone.
	Forget(ctx context.Context, c store.Credential) error
}

// List returns all tenants, by ID. The default one is among them where the environment has its secrets, stored or not.
func (t *Tenancy) List(ctx context.Context) ([]store.Tenant, error) {
	tenants, err := t.Records.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	isDefault := func(one store.Tenant) bool { return one.ID == store.DefaultTenant }
	if len(t.Environment) > 0 && !slices.ContainsFunc(tenants, isDefault) {
		tenants = append(tenants, store.Tenant{ID: store.DefaultTenant})
		slices.SortFunc(tenants, func(x, y store.Tenant) int { return strings.Compare(x.ID, y.ID) })
	}
	return tenants, nil
}

// Get returns a tenant. The default one need not be stored where the environment has its secrets.
func (t *Tenancy) Get(ctx context.Context, id string) (store.Tenant, error) {
	tenant, err := t.Records.Tenant(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return tenant, err
	}
	switch {
	case id == store.DefaultTenant && len(t.Environment) > 0:
		return store.Tenant{ID: id}, nil
	case id == store.DefaultTenant:
		return tenant, v1.NotFound("there is no tenant %s yet: bbbpool serve makes it on its first start", id)
	}
	return tenant, noTenant(id)
}

func noTenant(id string) *v1.Error {
	return v1.NotFound("there is no tenant %q: bbbpool tenant list shows those there are", id)
}

// InUse returns the secrets of a tenant that are in use, expired ones included: those of the environment first, and without
// the one that was made on the first start where that gives any.
func (t *Tenancy) InUse(tenant store.Tenant) []store.TenantSecret { return tenant.InUse(t.Environment) }

// given are the secrets that the environment gives to a tenant.
func (t *Tenancy) given(id string) []store.Secret {
	if id != store.DefaultTenant {
		return nil
	}
	return t.Environment
}

// valid tells whether some of a tenant's secrets verifies.
func (t *Tenancy) valid(tenant store.Tenant) bool {
	return slices.ContainsFunc(t.InUse(tenant), func(s store.TenantSecret) bool { return s.Valid(t.Now()) })
}

// Secrets are those of all tenants, in use or not.
func (t *Tenancy) Secrets(ctx context.Context) ([]store.Secret, error) {
	tenants, err := t.Records.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(t.Environment)
	for _, tenant := range tenants {
		for _, s := range tenant.Secrets {
			all = append(all, s.Secret)
		}
	}
	return all, nil
}

// WhileThere does something that takes a tenant to be there, which nobody removes meanwhile.
func (t *Tenancy) WhileThere(ctx context.Context, id string, do func() error) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if _, err := t.Get(ctx, id); err != nil {
		return err
	}
	return do()
}

// Changed is a tenant before and after it was changed; one that was not there, or is not there any more, has no ID. Where there
// is one beside an error, the change is stored, and not in force yet.
type Changed struct {
	Before, After store.Tenant
}

// change changes a tenant in a turn, after which the change is in force.
func (t *Tenancy) change(ctx context.Context, id string, change func(*store.Tenant) error) (c Changed, err error) {
	err = t.inTurn(ctx, func(ctx context.Context, turn *turn) error {
		c, err = turn.write(ctx, id, change)
		return err
	})
	return c, err
}

// Edit changes a tenant as the closure says, which may be called again, and returns it as it was and as it is. Once it has
// returned the change is in force.
func (t *Tenancy) Edit(
	ctx context.Context, id string, change func(*store.Tenant) error,
) (before, after store.Tenant, err error) {
	c, err := t.change(ctx, id, change)
	return c.Before, c.After, err
}

// missing is why a tenant that is not stored cannot be changed.
func (t *Tenancy) missing(ctx context.Context, id string) error {
	if _, err := t.Get(ctx, id); err != nil {
		return err
	}
	return v1.Conflict("tenant %s is not stored yet: bbbpool serve stores it on its first start", id)
}

// turn writes records. There is one at a time, and it exists only within [Tenancy.inTurn]. It knows all tenants as they are.
type turn struct {
	tenancy *Tenancy
	all     []store.Tenant
}

// errNotInForce is that what is stored has not arrived with those that keep tenants in memory. They say why, as a problem.
var errNotInForce = &v1.Error{
	Status: http.StatusInternalServerError, Code: "internal",
	Message: "the change is stored, and not in force yet: bbbpool status says why; the next change of a tenant, or a restart, " +
		"brings it into force",
}

// inTurn has something written while nobody else writes, and brings it into force. It waits for the turns before; the caller
// hanging up does not stop half of it.
func (t *Tenancy) inTurn(ctx context.Context, do func(context.Context, *turn) error) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	ctx = context.WithoutCancel(ctx)
	all, err := t.Records.Tenants(ctx)
	if err != nil {
		return err
	}
	if err := do(ctx, &turn{t, all}); err != nil || t.Reload == nil {
		return err
	}
	if err := t.Reload(ctx); err != nil {
		return fmt.Errorf("%w: %w", errNotInForce, err)
	}
	return nil
}

// write changes a record, unless that gives it what another tenant has.
func (w *turn) write(ctx context.Context, id string, change func(*store.Tenant) error) (c Changed, err error) {
	c.After, err = w.tenancy.Records.UpdateTenant(ctx, id, func(now *store.Tenant) error {
		c.Before = copied(*now)
		if err := change(now); err != nil {
			return err
		}
		return w.tenancy.clash(w.all, c.Before, *now)
	})
	if errors.Is(err, store.ErrNotFound) {
		return Changed{}, w.tenancy.missing(ctx, id)
	}
	if err != nil {
		return Changed{}, err // nothing was
	}
	if i := w.find(id); i >= 0 {
		w.all[i] = copied(c.After)
	}
	w.tenancy.forget(ctx, c)
	return c, nil
}

// insert stores a new tenant.
func (w *turn) insert(ctx context.Context, record store.Tenant) error {
	if len(w.all) >= MaxTenants {
		return v1.Conflict("there are %d tenants already, and no pool has more", len(w.all))
	}
	if err := w.tenancy.clash(w.all, store.Tenant{}, record); err != nil {
		return err
	}
	_, err := w.tenancy.Records.CreateTenant(ctx, record)
	if errors.Is(err, store.ErrExists) {
		return v1.Exists("there is a tenant %s already: choose another ID", record.ID)
	}
	if err == nil {
		w.all = append(w.all, copied(record))
	}
	return err
}

// remove forgets a tenant.
func (w *turn) remove(ctx context.Context, id string) error {
	if revoke := w.tenancy.Revoke; revoke != nil {
		if err := revoke(ctx, id); err != nil {
			return err
		}
	}
	err := w.tenancy.Records.DeleteTenant(ctx, id)
	if i := w.find(id); err == nil && i >= 0 {
		w.all = slices.Delete(w.all, i, i+1)
	}
	return err
}

// find is where a tenant is among all, or -1.
func (w *turn) find(id string) int {
	return slices.IndexFunc(w.all, func(t store.Tenant) bool { return t.ID == id })
}

// copied is a tenant that shares nothing with the one it was taken from.
func copied(tenant store.Tenant) store.Tenant {
	tenant.Hosts, tenant.Secrets = slices.Clone(tenant.Hosts), slices.Clone(tenant.Secrets)
	tenant.Params, tenant.Limits.Tags = slices.Clone(tenant.Params), slices.Clone(tenant.Limits.Tags)
	tenant.Callbacks.Names = slices.Clone(tenant.Callbacks.Names)
	return tenant
}

// clash refuses what a tenant has now, and had not before, where it is somebody else's.
func (t *Tenancy) clash(all []store.Tenant, before, now store.Tenant) error {
	renamed, fresh := !strings.EqualFold(before.Name, now.Name), added(before, now)
	for _, other := range all {
		if other.ID == now.ID {
			continue
		}
		if renamed && strings.EqualFold(other.Name, now.Name) {
			return v1.Exists("name: tenant %s has %q already: capital letters make no difference", other.ID, now.Name)
		}
		for _, host := range now.Hosts {
			if slices.Contains(other.Hosts, host) && !slices.Contains(before.Hosts, host) {
				return v1.Exists("hosts: tenant %s has %s already: a host names one tenant", other.ID, host)
			}
		}
		for _, s := range fresh {
			if slices.ContainsFunc(other.Secrets, func(o store.TenantSecret) bool { return o.Secret == s.Secret }) {
				return v1.Exists("secret %s: another tenant has the same: whose call would it be?", s.Name)
			}
		}
	}
	for _, s := range fresh {
		if slices.Contains(t.Environment, s.Secret) {
			return v1.Exists("secret %s: LOADBALANCER_SECRET or LOADBALANCER_SECRETS gives the same to tenant %s", s.Name,
				store.DefaultTenant)
		}
	}
	return nil
}

// added are the secrets that a tenant has now, and had not before.
func added(before, now store.Tenant) (list []store.TenantSecret) {
	for _, s := range now.Secrets {
		if !slices.ContainsFunc(before.Secrets, func(o store.TenantSecret) bool { return o.Secret == s.Secret }) {
			list = append(list, s)
		}
	}
	return list
}
