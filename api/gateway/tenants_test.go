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
