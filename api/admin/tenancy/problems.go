package tenancy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// expiringIn is how long before a secret expires it is told of, if somebody uses it still.
	expiringIn = 3 * 24 * time.Hour
	// usedWithin is how recently a secret was used of which somebody uses it still. Front ends that few people use call once
	// in a day, when they are looked after.
	usedWithin = 24 * time.Hour
	// mostTold is how many tenants are told of by name. Whoever has more of them has one fault, and not so many.
	mostTold = 50
)

// Problems tells of tenants whose front ends nothing lets in, or soon will not. That the store does not answer is for others to
// tell, and a default tenant that is not there yet is made on the first start.
func (t *Tenancy) Problems(ctx context.Context) (found []problems.Problem) {
	all, err := t.List(ctx)
	if err != nil {
		return nil
	}
	more := 0
	for _, tenant := range all {
		p := t.problem(tenant)
		switch {
		case p.Text == "":
		case len(found) < mostTold:
			found = append(found, p)
		default:
			more++
		}
	}
	if more > 0 {
		found = append(found, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Tenant}, Name: "more-secrets",
			Text: fmt.Sprintf("%d more tenants have no secret, or one that expires soon and is in use: bbbpool tenant list", more),
		})
	}
	return found
}

// problem is what is wrong with the secrets of a tenant; without a text where nothing is.
func (t *Tenancy) problem(tenant store.Tenant) problems.Problem {
	p := problems.Problem{Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Tenant, ID: tenant.ID}}
	valid, lasts := t.valid(tenant), t.validUntil(tenant)
	switch {
	case tenant.Disabled:
	case !valid && tenant.ID == store.DefaultTenant:
		p.Severity, p.Name = problems.Refusing, "no-secret"
		p.Text = "tenant default has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for bbbpool serve, " +
			"and restart it"
	case !valid:
		p.Name = "no-secret"
		p.Text = "tenant " + tenant.ID + " has no secret, every call of its front ends is refused:"
		p.Remedy = "bbbpool tenant secret add " + tenant.ID
	case !lasts.IsZero() && lasts.Before(t.Now().Add(expiringIn)):
		p.Name = "secret-expires"
		p.Text = fmt.Sprintf("tenant %s has no secret after %s, every call of its front ends is refused then:", tenant.ID,
			moment(lasts))
		p.Remedy = "bbbpool tenant secret rotate " + tenant.ID
	default:
		if s, ok := t.clungTo(tenant); ok {
			p.Name = "secret-expires"
			p.Text = fmt.Sprintf("a front end of tenant %s uses secret %s still, which expires at %s; give it the one that stays:",
				tenant.ID, s.Name, moment(s.Expires))
			p.Remedy = "bbbpool tenant secret show " + tenant.ID
		}
	}
	return p
}

// validUntil is until when some secret of a tenant verifies; the zero time is for good.
func (t *Tenancy) validUntil(tenant store.Tenant) (end time.Time) {
	for _, s := range t.InUse(tenant) {
		if s.Expires.IsZero() {
			return time.Time{}
		}
		if s.Expires.After(end) {
			end = s.Expires
		}
	}
	return end
}

// clungTo is a secret that expires soon, and that somebody uses still.
func (t *Tenancy) clungTo(tenant store.Tenant) (store.TenantSecret, bool) {
	if t.Uses == nil {
		return store.TenantSecret{}, false
	}
	now, list := t.Now(), t.InUse(tenant)
	i := slices.IndexFunc(list, func(s store.TenantSecret) bool {
		return !s.Expires.IsZero() && s.Valid(now) && s.Expires.Before(now.Add(expiringIn)) &&
			t.Uses.Last(credential(tenant.ID, s.Name)).After(now.Add(-usedWithin))
	})
	if i < 0 {
		return store.TenantSecret{}, false
	}
	return list[i], true
}
