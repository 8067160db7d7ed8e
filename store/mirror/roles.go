package mirror

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// state is the group of roles, and nothing but what it is put together from.
type state struct {
	serverRole
	tenantRole
	tokenRole
	claimRole
	endingRole
	useRole
	waitRole
	wholeRole
	*Mirror
}

// State is the mirrored group of roles. Closing it closes the mirror, and the store.
func (m *Mirror) State() store.State {
	return state{
		serverRole{m}, tenantRole{m}, tokenRole{m}, claimRole{m}, endingRole{m}, useRole{m}, waitRole{m}, wholeRole{m}, m,
	}
}

// anyway is the check of what is deleted whatever it is.
func anyway[T any](T) error { return nil }

// serverRole is [store.Servers].
type serverRole struct{ m *Mirror }

func (role serverRole) Servers(ctx context.Context) ([]store.Server, error) {
	return all(ctx, role.m, rows.Servers)
}

func (role serverRole) Server(ctx context.Context, id string) (store.Server, error) {
	return one(ctx, role.m, rows.Servers, []byte(id))
}

func (role serverRole) CreateServer(ctx context.Context, s store.Server) error {
	_, err := create(ctx, role.m, rows.Servers, s, func() (store.Server, error) {
		return s, role.m.config.Store.CreateServer(ctx, s)
	})
	return err
}

func (role serverRole) UpdateServer(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	return update(ctx, role.m, rows.Servers, []byte(id), change, func(edit func(*store.Server) error) (store.Server, error) {
		return role.m.config.Store.UpdateServer(ctx, id, edit)
	})
}

func (role serverRole) DeleteServer(ctx context.Context, id string) error {
	return remove(ctx, role.m, rows.Servers, []byte(id), anyway, func() error {
		return role.m.config.Store.DeleteServer(ctx, id)
	})
}

// tenantRole is [store.Tenants].
type tenantRole struct{ m *Mirror }

func (role tenantRole) Tenants(ctx context.Context) ([]store.Tenant, error) {
	return all(ctx, role.m, rows.Tenants)
}

func (role tenantRole) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return one(ctx, role.m, rows.Tenants, rows.TenantKey(id))
}

func (role tenantRole) CreateTenant(ctx context.Context, t store.Tenant) (store.Tenant, error) {
	return create(ctx, role.m, rows.Tenants, t, func() (store.Tenant, error) {
		return role.m.config.Store.CreateTenant(ctx, t)
	})
}

func (role tenantRole) UpdateTenant(ctx context.Context, id string, change func(*store.Tenant) error) (store.Tenant, error) {
	key := rows.TenantKey(id)
	return update(ctx, role.m, rows.Tenants, key, change, func(edit func(*store.Tenant) error) (store.Tenant, error) {
		return role.m.config.Store.UpdateTenant(ctx, id, edit)
	})
}

func (role tenantRole) DeleteTenant(ctx context.Context, id string) error {
	return remove(ctx, role.m, rows.Tenants, rows.TenantKey(id), anyway, func() error {
		return role.m.config.Store.DeleteTenant(ctx, id)
	})
}

// tokenRole is [store.Tokens].
type tokenRole struct{ m *Mirror }

// SpendToken is never decided by the copy alone: another instance may have spent the token.
func (role tokenRole) SpendToken(ctx context.Context, id string, now, expires time.Time) error {
	n := name{rows.Tokens.Kind, id}
	return role.m.do(ctx, write{names: []name{n}, store: func(ctx context.Context, _ bool) ([]change, error) {
		if _, stands := role.m.copy.get(n); stands {
			return nil, store.ErrExists // whatever the store has lost
		}
		if err := role.m.config.Store.SpendToken(ctx, id, now, expires); err != nil {
			return nil, err
		}
		return changeTo(rows.Tokens, rows.Token{ID: id, Expires: expires})
	}})
}

// claimRole is [store.Claims].
type claimRole struct{ m *Mirror }

func (role claimRole) Claims(ctx context.Context) ([]store.Claim, error) {
	return all(ctx, role.m, rows.Claims)
}

func (role claimRole) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	return create(ctx, role.m, rows.Claims, c, func() (store.Claim, error) {
		return role.m.config.Store.CreateClaim(ctx, c)
	})
}

func (role claimRole) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	return update(ctx, role.m, rows.Claims, rows.ClaimKey(key), change, func(edit func(*store.Claim) error) (store.Claim, error) {
		return role.m.config.Store.UpdateClaim(ctx, key, edit)
	})
}

func (role claimRole) DeleteClaim(ctx context.Context, c store.Claim) error {
	check := func(standing store.Claim) error {
		if standing.Server != c.Server || !standing.Placed.Equal(c.Placed) {
			return store.ErrConflict
		}
		return nil
	}
	return remove(ctx, role.m, rows.Claims, rows.ClaimKey(c.MeetingKey), check, func() error {
		return role.m.config.Store.DeleteClaim(ctx, c)
	})
}

// endingRole is [store.Endings].
type endingRole struct{ m *Mirror }

func (role endingRole) Endings(ctx context.Context) ([]store.Ending, error) {
	return all(ctx, role.m, rows.Endings)
}

func (role endingRole) AddEndings(ctx context.Context, list ...store.Ending) error {
	var changes []change
	var names []name
	var wrong error
	for _, e := range list {
		c, err := changeTo(rows.Endings, e)
		changes, names, wrong = append(changes, c...), append(names, c[0].name), errors.Join(wrong, err)
	}
	return role.m.do(ctx, write{
		names: names,
		store: func(ctx context.Context, _ bool) ([]change, error) {
			return changes, role.m.config.Store.AddEndings(ctx, list...)
		},
		copy: func() ([]change, error) { return changes, wrong },
	})
}

func (role endingRole) DeleteEnding(ctx context.Context, e store.Ending) error {
	check := func(standing store.Ending) error {
		if !standing.Asked.Equal(e.Asked) {
			return store.ErrConflict
		}
		return nil
	}
	return remove(ctx, role.m, rows.Endings, rows.Endings.Key(e), check, func() error {
		return role.m.config.Store.DeleteEnding(ctx, e)
	})
}
