package tenancy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what holds for all tenants.
type Config struct {
	Environment   []store.Secret // secrets of the default tenant, from the environment
	Multitenancy  bool           // Scalelite's rule holds: NAME.Host names a tenant
	Host          string         // under which the pool is known, as Scalelite's URL_HOST
	UnsignedForms bool           // see bbb.Request.Verify
	Algorithms    []bbb.Algorithm
	Params        params.Pool   // rules for the parameters of all tenants' calls
	Uses          *lastuse.Uses // knows when secrets were used last; nil if nobody wants to know
}

// poolHost is the host that Scalelite's rule is about, "" where it does not hold.
func (c Config) poolHost() string {
	if !c.Multitenancy {
		return ""
	}
	return hostName(c.Host)
}

// label is what can stand before the first dot of a host.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// url is what a tenant's links begin with. Under Scalelite's rule everybody has an address, but for the default tenant,
// which Scalelite has none like.
func (c Config) url(t store.Tenant) string {
	if t.URL != "" || c.poolHost() == "" || t.ID == store.DefaultTenant {
		return strings.TrimSuffix(t.URL, "/")
	}
	name := strings.ToLower(t.Name)
	if !label.MatchString(name) {
		name = t.ID
	}
	return "https://" + name + "." + c.poolHost()
}

// marks is the metadata of a tenant's meetings. One that goes by Scalelite's rules has Scalelite's as well, so that its
// recordings are its own there, too.
func (c Config) marks(t store.Tenant) (marks [][2]string) {
	if t.ID == store.DefaultTenant {
		return nil
	}
	marks = [][2]string{{"meta_" + bbb.TenantKey, t.ID}}
	if c.Multitenancy && !t.Scoped {
		marks = append(marks, [2]string{"meta_tenant-id", t.ID}, [2]string{"meta_tenant-name", cmp.Or(t.Name, t.ID)})
	}
	return marks
}

// Tenants is who may call. The zero value knows nobody.
type Tenants struct {
	Config Config

	served   atomic.Pointer[index]    // nil before the first are loaded
	outdated atomic.Pointer[outdated] // nil unless what is served is not what is stored
	loading  sync.Mutex
}

// outdated says since when the stored tenants could not be read, and why.
type outdated struct {
	since time.Time
	err   error
}

// Named is what a call says of whom it is for, before anybody knows who has signed it.
type Named struct {
	Tenant string // in its path, "" where there is none
	Host   string // that it was sent to
}

// Caller is who has signed a call.
type Caller struct {
	*Tenant        // nil where nobody has
	Signer  string // name of the secret
	Status  bool   // whom the call has named wants HTTP to say, too, that it is refused
}

// HaveHosts tells whether hosts name anybody at all: where they do not, nobody needs to find out which one was called.
func (t *Tenants) HaveHosts() bool {
	x := t.served.Load()
	return x != nil && x.anyHost
}

// Known tells whether there is a tenant by an ID.
func (t *Tenants) Known(id string) bool {
	x := t.served.Load()
	return x != nil && x.ids[id] != nil
}

// Verify finds out who has signed a call, and notes that the secret was used.
func (t *Tenants) Verify(q *bbb.Request, n Named, now time.Time) (Caller, error) {
	x := t.served.Load()
	if x == nil {
		return Caller{}, bbb.ErrChecksum
	}
	g := x.named(n.Tenant, n.Host)
	counts := func(i int) bool { return g.signers[i].counts(now) }
	i, err := q.VerifyWhere(g.secrets, counts, t.Config.UnsignedForms, t.Config.Algorithms...)
	if err != nil {
		return Caller{Status: g.status}, err
	}
	s := &g.signers[i]
	s.used.Note(now)
	return Caller{s.tenant, s.name, s.tenant.Limits.Statuses}, nil
}

// Serve replaces the tenants that are served, at once and for all calls that come from now on.
func (t *Tenants) Serve(list []store.Tenant) {
	list = slices.Clone(list)
	for i := range list {
		list[i].Secrets = list[i].InUse(t.Config.Environment)
	}
	t.served.Store(newIndex(t.Config, list, t.served.Load()))
}

// Load serves the tenants in the store, and writes the default one if there is none. After an error what was served
// before goes on. It waits for another load that is under way: or of two at once the one that has read first might have
// the last word.
func (t *Tenants) Load(ctx context.Context, stored store.Tenants, now time.Time) error {
	t.loading.Lock()
	defer t.loading.Unlock()
	list, err := read(ctx, stored, now)
	if err != nil {
		since := now
		if before := t.outdated.Load(); before != nil {
			since = before.since
		}
		t.outdated.Store(&outdated{since, err})
		return err
	}
	t.Serve(list)
	t.outdated.Store(nil)
	return nil
}

// read reads the tenants from the store, and writes the default one if there is none. Of several instances the one that leads
// does that. Those of a store that is away are read from its copy, if that has them.
func read(ctx context.Context, stored store.Tenants, now time.Time) ([]store.Tenant, error) {
	_, err := stored.CreateTenant(ctx, store.Tenant{
		ID: store.DefaultTenant, Name: "Default", Created: now,
		Secrets: []store.TenantSecret{{Name: store.GeneratedSecret, Secret: store.NewSecret(), Created: now}},
	})
	away := errors.Is(err, store.ErrAway)
	if store.Ignore(err, store.ErrExists, store.ErrFenced, store.ErrAway) != nil {
		return nil, fmt.Errorf("make the default tenant: %w", err)
	}
	list, wrong := stored.Tenants(ctx)
	if wrong != nil {
		return nil, fmt.Errorf("load tenants: %w", wrong)
	}
	if away && !slices.ContainsFunc(list, func(t store.Tenant) bool { return t.ID == store.DefaultTenant }) {
		return nil, fmt.Errorf("make the default tenant: %w", err)
	}
	return list, nil
}

// Problems tells whether tenants are served as they were, and not as they are stored.
func (t *Tenants) Problems(context.Context) []problems.Problem {
	o := t.outdated.Load()
	if o == nil {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Tenant}, Name: "outdated", Since: o.since, Logged: true,
		Text:   "the tenants could not be read again, what was changed is not in force: " + o.err.Error(),
		Remedy: "see to the store, then reload",
	}}
}
