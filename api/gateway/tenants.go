package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// tenants is who may call. What is set for a tenant, and holds for its calls, is an [owner].
type tenants struct {
	params   params.Pool              // the rules for the parameters of all of them
	served   atomic.Pointer[secrets]  // nil before the first are loaded
	outdated atomic.Pointer[outdated] // nil unless what is served is not what is stored
	loading  sync.Mutex
}

// secrets are all secrets in one list, and whose each one is.
type secrets struct {
	secrets []bbb.Secret
	owners  []owner
}

// outdated says since when the stored tenants could not be read, and why.
type outdated struct {
	since time.Time
	err   error
}

// LoadTenants serves the stored tenants, and is called again whenever they have changed: what it finds holds for all
// requests that come from then on, and after an error what held before. The default tenant is made on the first start,
// with a secret of its own; secrets given by the environment take the place of its stored ones.
func (g *Gateway) LoadTenants(ctx context.Context, stored store.Tenants, now time.Time) error {
	return g.tenants.load(ctx, stored, g.Config.FrontEndSecrets(), now)
}

// load reads the tenants from the store, and writes the default one if there is none. It waits for another load that is
// under way: or of two at once the one that has read first might have the last word.
func (t *tenants) load(ctx context.Context, stored store.Tenants, given []store.Secret, now time.Time) error {
	t.loading.Lock()
	defer t.loading.Unlock()
	list, err := storedTenants(ctx, stored, now)
	if err != nil {
		since := now
		if before := t.outdated.Load(); before != nil {
			since = before.since
		}
		t.outdated.Store(&outdated{since, err})
		return err
	}
	for i := range list {
		if list[i].ID == store.DefaultTenant && len(given) > 0 {
			list[i].Secrets = store.EnvironmentSecrets(given)
		}
	}
	t.serve(list)
	t.outdated.Store(nil)
	return nil
}

// storedTenants reads the tenants from the store, and writes the default one if there is none.
func storedTenants(ctx context.Context, stored store.Tenants, now time.Time) ([]store.Tenant, error) {
	_, err := stored.CreateTenant(ctx, store.Tenant{
		ID: store.DefaultTenant, Name: "Default", Created: now,
		Secrets: []store.TenantSecret{{Name: store.GeneratedSecret, Secret: newSecret(), Created: now}},
	})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, fmt.Errorf("make the default tenant: %w", err)
	}
	list, err := stored.Tenants(ctx)
	if err != nil {
		return nil, fmt.Errorf("load tenants: %w", err)
	}
	return list, nil
}

// serve replaces the tenants that are served, at once and for all requests that come from now on.
func (t *tenants) serve(list []store.Tenant) {
	s := &secrets{}
	for _, tenant := range list {
		rules := t.params.For(tenant)
		for _, secret := range tenant.Secrets {
			s.secrets = append(s.secrets, bbb.Secret(secret.Secret))
			s.owners = append(s.owners, owner{tenant.ID, &rules, tenant.IgnoreHints})
		}
	}
	t.served.Store(s)
}

// Problems tells whether tenants are served as they were, and not as they are stored, and which settings for parameters may
// not do what was meant.
func (g *Gateway) Problems(context.Context) []problems.Problem {
	list := g.paramProblems()
	o := g.tenants.outdated.Load()
	if o == nil {
		return list
	}
	return append(list, problems.Problem{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Tenant}, Name: "outdated", Since: o.since, Logged: true,
		Text:   "the tenants could not be read again, what was changed is not in force: " + o.err.Error(),
		Remedy: "see to the store, then reload",
	})
}

// newSecret makes a secret of 32 random bytes.
func newSecret() store.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return store.Secret(hex.EncodeToString(b[:]))
}

// FrontEndSecrets returns the secrets that the environment gives to front ends, none where it gives none. An empty
// one between two colons is no secret.
func (c Config) FrontEndSecrets() []store.Secret {
	var list []store.Secret
	for _, s := range append([]string{c.Secret.Reveal()}, strings.Split(c.Secrets.Reveal(), ":")...) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(list, store.Secret(s)) {
			list = append(list, store.Secret(s))
		}
	}
	return list
}
