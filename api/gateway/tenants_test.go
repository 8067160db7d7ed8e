package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// unreadable is tenants that the store cannot read.
type unreadable struct{ roster }

// roster has a name that clashes with none of its methods.
type roster interface{ store.Tenants }

func (unreadable) Tenants(context.Context) ([]store.Tenant, error) {
	return nil, errors.New("disk is gone")
}

// unmakeable is tenants to which the store adds none.
type unmakeable struct{ roster }

func (unmakeable) CreateTenant(context.Context, store.Tenant) (store.Tenant, error) {
	return store.Tenant{}, errors.New("disk is full")
}

// Where the default tenant can be neither found nor made, there is nobody to serve, and that is said.
func TestLoadTenants_NoDefault(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	err := p.gateway.LoadTenants(t.Context(), unmakeable{p.stores.State}, time.Now())
	if err == nil || err.Error() != "make the default tenant: disk is full" {
		t.Errorf("%v", err)
	}
}

// Tenants that cannot be read again are served as they were, and that is a problem until they can.
func TestLoadTenants_ProblemWhileOutdated(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	ctx, since := t.Context(), time.Now()
	if list := p.gateway.Problems(ctx); list != nil {
		t.Fatalf("at the start: %v", list)
	}
	for i := range 2 { // it began with the first
		err := p.gateway.LoadTenants(ctx, unreadable{p.stores.State}, since.Add(time.Duration(i)*time.Hour))
		if err == nil {
			t.Fatal("tenants that cannot be read were loaded")
		}
	}
	if a := p.call("getMeetings", ""); a.Returncode != "SUCCESS" {
		t.Errorf("the tenant of before: %s", a.body)
	}
	list := p.gateway.Problems(ctx)
	if len(list) != 1 || list[0].Subject != (problems.Subject{Kind: problems.Tenant}) || !list[0].Since.Equal(since) ||
		!strings.Contains(list[0].String(), "load tenants: disk is gone") || list[0].Unready {
		t.Errorf("while they cannot be read: %+v", list)
	}
	if err := p.gateway.LoadTenants(ctx, p.stores.State, since); err != nil {
		t.Fatal(err)
	}
	if list := p.gateway.Problems(ctx); list != nil {
		t.Errorf("when they can be read again: %v", list)
	}
}
