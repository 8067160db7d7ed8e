package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// tenants is who may call: all secrets in one list, and whose each one is.
type tenants struct {
	secrets []bbb.Secret
	owners  []owner
}

// owner is whose a request is, with what is set for that tenant.
type owner struct {
	tenant      string
	tag         string // asked of servers by creates that ask for none themselves
	ignoreHints bool   // what creates announce is not believed
}

// SetTenants replaces the tenants that are served, at once and for all requests that come from now on.
func (g *Gateway) SetTenants(list []store.Tenant) {
	t := &tenants{}
	for _, tenant := range list {
		for _, secret := range tenant.Secrets {
			t.secrets = append(t.secrets, bbb.Secret(secret))
			t.owners = append(t.owners, owner{tenant.ID, tenant.Tag, tenant.IgnoreHints})
		}
	}
	g.tenants.Store(t)
}

// authenticate verifies the checksum and finds the tenant whose secret made it.
func (g *Gateway) authenticate(c *call) error {
	t := g.tenants.Load()
	if t == nil {
		return bbb.ErrChecksum
	}
	i, err := c.req.Verify(t.secrets, g.Config.UnsignedForms, g.algorithms...)
	if err != nil {
		return err
	}
	c.owner = t.owners[i]
	return nil
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

// LoadTenants serves the stored tenants, and is called again whenever they have changed: what it finds holds for all
// requests that come from then on, and after an error what held before. The default tenant is made on the first start,
// with a secret of its own; secrets given by the environment take the place of its stored ones.
func (g *Gateway) LoadTenants(ctx context.Context, tenants store.Tenants, now time.Time) error {
	g.loading.Lock() // or of two at once the one that has read first might have the last word
	defer g.loading.Unlock()
	given := g.Config.FrontEndSecrets()
	_, err := tenants.CreateTenant(ctx, store.Tenant{
		ID: store.DefaultTenant, Name: "Default", Secrets: []store.Secret{newSecret()}, Created: now,
	})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return fmt.Errorf("make the default tenant: %w", err)
	}
	list, err := tenants.Tenants(ctx)
	if err != nil {
		return fmt.Errorf("load tenants: %w", err)
	}
	for i := range list {
		if list[i].ID == store.DefaultTenant && len(given) > 0 {
			list[i].Secrets = given
		}
	}
	g.SetTenants(list)
	return nil
}

// newSecret makes a secret of 32 random bytes.
func newSecret() store.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return store.Secret(hex.EncodeToString(b[:]))
}
