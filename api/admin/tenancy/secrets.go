package tenancy

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// maxSecrets is how many secrets a tenant may have.
	maxSecrets = 20
	// maxSecret is how many bytes one may have. Those that people bring along are as short as they are.
	maxSecret = 512
	// keepDefault is how long the former secrets verify after a rotation, unless somebody says; keepMost how long they may.
	keepDefault = 7 * 24 * time.Hour
	keepMost    = 365 * 24 * time.Hour
	// firstSecret is the name of the secret that a new tenant gets.
	firstSecret = "first"
)

var secretName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)

// fromEnvironment tells whether a name is one that the environment's secrets go by.
func fromEnvironment(name string) bool {
	return name == "environment" || strings.HasPrefix(name, "environment-")
}

// addSecret adds a secret to a tenant, and returns the name that it has. Those that have expired make room first.
func addSecret(t *store.Tenant, n v1.NewTenantSecret, now time.Time) (string, error) {
	if len(t.Secrets) >= maxSecrets {
		t.Secrets = slices.DeleteFunc(t.Secrets, func(s store.TenantSecret) bool { return !s.Valid(now) })
	}
	s := store.TenantSecret{Name: n.Name, Secret: store.Secret(strings.TrimSpace(n.Secret.Reveal())), Created: now}
	if n.Expires != nil {
		s.Expires = *n.Expires
	}
	if s.Name == "" {
		s.Name = freeName(*t, now)
	}
	if n.Secret == "" {
		s.Secret = store.NewSecret()
	}
	if err := checkSecret(*t, s, now); err != nil {
		return "", err
	}
	t.Secrets = append(t.Secrets, s)
	return s.Name, nil
}

// checkSecret refuses a secret that a tenant cannot have beside those that it has.
func checkSecret(t store.Tenant, s store.TenantSecret, now time.Time) error {
	value := s.Secret.Reveal()
	_, taken := t.Secret(s.Name)
	same := slices.IndexFunc(t.Secrets, func(o store.TenantSecret) bool { return o.Secret == s.Secret })
	switch {
	case !secretName.MatchString(s.Name) || fromEnvironment(s.Name):
		return v1.Invalid("secret: name: want up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit, and not " +
			"environment")
	case strings.Trim(value, "*") == "":
		return v1.Invalid("secret %s: want the secret itself, which is neither empty nor what masks one", s.Name)
	case !v1.IsText(value, maxSecret):
		return v1.Invalid("secret %s: want up to %d bytes of text", s.Name, maxSecret)
	case !s.Expires.IsZero() && !s.Expires.After(now):
		return v1.Invalid("secret %s: expires: want a time that is still to come", s.Name)
	case taken:
		return v1.Exists("tenant %s has a secret %s already: choose another name", t.ID, s.Name)
	case same >= 0:
		return v1.Exists("secret %s: it is the same as the secret %s", s.Name, t.Secrets[same].Name)
	case len(t.Secrets) >= maxSecrets:
		return v1.Conflict("tenant %s has %d secrets, and none has more: retire one first", t.ID, len(t.Secrets))
	}
	return nil
}

// freeName is a name that no secret of the tenant has: the day, with a number where that is taken.
func freeName(t store.Tenant, now time.Time) string {
	day := now.UTC().Format(time.DateOnly)
	return free(t, func(i int) string {
		if i == 0 {
			return day
		}
		return fmt.Sprintf("%s-%d", day, i+1)
	})
}

// notGenerated refuses a name that makes a secret of the default tenant one that the environment's take the place of.
func notGenerated(id, name string) error {
	if id == store.DefaultTenant && name == store.GeneratedSecret {
		return v1.Invalid("secret: name: %s is that of the first start alone", name)
	}
	return nil
}

// AddSecret adds a secret to a tenant, and returns its name.
func (t *Tenancy) AddSecret(ctx context.Context, id string, n v1.NewTenantSecret) (c Changed, name string, err error) {
	if err := notGenerated(id, n.Name); err != nil {
		return c, "", err
	}
	c, err = t.change(ctx, id, func(tenant *store.Tenant) error {
		name, err = addSecret(tenant, n, t.Now())
		return err
	})
	return c, name, err
}

// RetireSecret takes a secret away from a tenant. It refuses to take the last one that verifies, unless forced, and one that
// the environment gives.
func (t *Tenancy) RetireSecret(ctx context.Context, id, name string, force bool) (Changed, error) {
	c, err := t.change(ctx, id, func(tenant *store.Tenant) error {
		if err := t.hasSecret(*tenant, name); err != nil {
			return err
		}
		before := t.valid(*tenant)
		tenant.Secrets = slices.DeleteFunc(tenant.Secrets, func(s store.TenantSecret) bool { return s.Name == name })
		if before && !t.valid(*tenant) && !force {
			return v1.Conflict("tenant %s would have no secret, and every call of its front ends be refused: bbbpool tenant secret "+
				"rotate %s adds another first; --force retires it now", id, id)
		}
		return nil
	})
	return c, err
}

// hasSecret tells whether a tenant has a secret by that name that can be changed.
func (t *Tenancy) hasSecret(tenant store.Tenant, name string) error {
	if fromEnvironment(name) && len(t.given(tenant.ID)) > 0 {
		return v1.Conflict("secret %s is one of the environment: take it out of LOADBALANCER_SECRET or LOADBALANCER_SECRETS for "+
			"bbbpool serve, and restart it", name)
	}
	if _, ok := tenant.Secret(name); !ok {
		return v1.NotFound("tenant %s has no secret %q: bbbpool tenant secret list %s shows those that it has", tenant.ID, name,
			tenant.ID)
	}
	return nil
}

// RotateSecret adds a secret to a tenant, and lets the others expire when front ends have had time to change over. It returns
// the name of the new one, and what it could not do about others.
func (t *Tenancy) RotateSecret(ctx context.Context, id string, r v1.Rotation) (c Changed, name, warning string, err error) {
	keep := keepDefault
	if r.Keep != nil {
		keep = *r.Keep
	}
	if keep < 0 || keep > keepMost {
		return c, "", "", v1.Invalid("keep: want from 0, which retires the others at once, to %d days",
			keepMost/(24*time.Hour))
	}
	if err := notGenerated(id, r.Name); err != nil {
		return c, "", "", err
	}
	c, err = t.change(ctx, id, func(tenant *store.Tenant) error {
		now := t.Now()
		tenant.Secrets = expiring(tenant.Secrets, now, keep)
		name, err = addSecret(tenant, v1.NewTenantSecret{Name: r.Name, Secret: r.Secret}, now)
		return err
	})
	if given := t.given(id); err == nil && len(given) > 0 {
		warning = "the environment's secrets verify as long as LOADBALANCER_SECRET and LOADBALANCER_SECRETS have them: take them " +
			"out there when nobody uses them any more"
	}
	return c, name, warning, err
}

// expiring are secrets of which none lasts longer than some time from now on.
func expiring(list []store.TenantSecret, now time.Time, keep time.Duration) []store.TenantSecret {
	if keep == 0 {
		return nil
	}
	end := now.Add(keep)
	for i, s := range list {
		if s.Expires.IsZero() || s.Expires.After(end) {
			list[i].Expires = end
		}
	}
	return list
}

// Present returns one of a tenant's secrets that are in use: the one by that name or, without a name, the one to give to a
// front end, which is the one that lasts longest, and of those the environment's or else the newest.
func (t *Tenancy) Present(tenant store.Tenant, name string) (store.TenantSecret, error) {
	list := t.InUse(tenant)
	if name != "" {
		if i := slices.IndexFunc(list, func(s store.TenantSecret) bool { return s.Name == name }); i >= 0 {
			return list[i], nil
		}
		if s, ok := tenant.Secret(name); ok { // kept, and not in use
			return s, nil
		}
		return store.TenantSecret{}, t.hasSecret(tenant, name)
	}
	now := t.Now()
	list = slices.DeleteFunc(list, func(s store.TenantSecret) bool { return !s.Valid(now) })
	if len(list) == 0 {
		return store.TenantSecret{}, v1.NotFound("tenant %s has no secret, every call of its front ends is refused: bbbpool tenant "+
			"secret add %s makes one", tenant.ID, tenant.ID)
	}
	return slices.MinFunc(list, func(x, y store.TenantSecret) int {
		return cmp.Or(before(y.Expires.IsZero(), x.Expires.IsZero()), y.Expires.Compare(x.Expires),
			before(fromEnvironment(y.Name), fromEnvironment(x.Name)), y.Created.Compare(x.Created))
	}), nil
}

// before orders what is so behind what is not, as numbers are compared.
func before(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// Replace changes a tenant, and gives it these secrets instead of those that it has; none leaves them as they are. One that
// stays keeps its name; for a new one there is the first that is free of the names that Name has.
func (t *Tenancy) Replace(
	ctx context.Context, id string, change v1.TenantChange, secrets []v1.Secret, name func(i int) string,
) (Changed, error) {
	c, err := t.change(ctx, id, func(tenant *store.Tenant) error {
		if err := v1.InvalidAll(t.apply(change, tenant)); err != nil || len(secrets) == 0 {
			return err
		}
		wanted := func(s store.TenantSecret) bool { return slices.Contains(secrets, v1.Secret(s.Secret)) }
		tenant.Secrets = slices.DeleteFunc(tenant.Secrets, func(s store.TenantSecret) bool { return !wanted(s) })
		for i := range tenant.Secrets {
			tenant.Secrets[i].Expires = time.Time{}
		}
		for _, value := range secrets {
			if slices.ContainsFunc(tenant.Secrets, func(s store.TenantSecret) bool { return v1.Secret(s.Secret) == value }) {
				continue
			}
			if _, err := addSecret(tenant, v1.NewTenantSecret{Name: free(*tenant, name), Secret: value}, t.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	return c, err
}

// free is the first of some names that no secret of a tenant has.
func free(t store.Tenant, name func(i int) string) string {
	for i := 0; ; i++ {
		if _, taken := t.Secret(name(i)); !taken {
			return name(i)
		}
	}
}
