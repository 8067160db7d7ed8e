package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// dice choose what is done, the same for each store that they are made for.
type dice struct{ *rand.Rand }

func (d dice) of(list ...string) string { return list[d.IntN(len(list))] }

func (d dice) time() time.Time { return monday.Add(time.Duration(d.IntN(1000)) * time.Hour) }

func (d dice) server() store.Server {
	return store.Server{
		URL: d.of("https://a", "https://b", ""), Secret: store.Secret(d.of("one", "two", "")), Tag: d.of("", "gpu", "ä\x00"),
		State:  store.ServerState(d.of("enabled", "cordoned", "draining", "disabled", "")),
		Weight: []float64{0, 1, 1.0 / 3, 0.4, 2, 49, 1e300, 1e-300}[d.IntN(8)], Capacity: d.IntN(3), Hard: d.IntN(2) == 0,
		Created: d.time(), Former: store.Secret(d.of("", "old")),
	}
}

func (d dice) tenant() store.Tenant {
	t := store.Tenant{Name: d.of("", "a", "b", "ä"), Tag: d.of("", "gpu", "gpu!"), Scoped: d.IntN(2) == 0, Disabled: d.IntN(2) == 0}
	for range d.IntN(4) {
		t.Secrets = append(t.Secrets, store.TenantSecret{
			Name: d.of("x", "y", "z"), Secret: store.Secret(d.of("one", "two", "a:b", "", "\xff")),
			Expires: []time.Time{{}, monday, monday.AddDate(100, 0, 0)}[d.IntN(3)],
		})
	}
	for range d.IntN(5) {
		t.Params = append(t.Params, store.ParamRule{
			Call: d.of("create", "join"), Op: store.ParamOp(d.of("default", "override", "cap", "add")),
			Name: d.of("logo", "welcome", "meta_server-tag", ""), Value: d.of("", "1", "2"),
		})
	}
	return t
}

func (d dice) claim() store.Claim {
	return store.Claim{
		Server: d.of("bbb1", "bbb2", ""), Placed: d.time(), Alias: d.of("", "", "", "alias"), Moderator: store.Secret(d.of("", "mp", "\xff")),
		Voice: d.of("", "70001", "70002"), Name: d.of("", "Algebra"), Recorded: d.IntN(2) == 0,
	}
}

// step does one thing, and tells what came of it. Only what fails alike in all stores may fail.
func (d dice) step(t *testing.T, s store.State) string {
	ctx := t.Context()
	server, tenant := d.of("bbb1", "bbb2", "BBB"), d.of("a", "b", store.DefaultTenant)
	key := store.MeetingKey{Tenant: tenant, MeetingID: d.of("room", "room\xff")}
	one, group, claim := d.server(), d.tenant(), d.claim()
	one.ID, group.ID, claim.MeetingKey = server, tenant, key
	var err error
	var got any
	switch d.IntN(11) {
	case 0:
		err = s.CreateServer(ctx, one)
	case 1:
		got, err = s.UpdateServer(ctx, server, func(s *store.Server) error { *s = one; return nil })
	case 2:
		err = s.DeleteServer(ctx, server)
	case 3:
		got, err = s.CreateTenant(ctx, group)
	case 4:
		got, err = s.UpdateTenant(ctx, tenant, func(s *store.Tenant) error { *s = group; return nil })
	case 5:
		err = s.DeleteTenant(ctx, tenant)
	case 6, 7:
		got, err = s.CreateClaim(ctx, claim)
	case 8:
		got, err = s.UpdateClaim(ctx, key, func(c *store.Claim) error { *c = claim; return nil })
	default:
		list, err := s.Claims(ctx)
		for _, c := range list {
			if err == nil && c.MeetingKey == key {
				err = s.DeleteClaim(ctx, c)
			}
		}
	}
	for _, known := range []error{store.ErrExists, store.ErrNotFound} {
		if errors.Is(err, known) {
			err = known
		}
	}
	return fmt.Sprintf("%+v %v", got, err)
}

func (d dice) dump(t *testing.T, s store.State) (list []string) {
	t.Helper()
	want(t, "dump", s.Dump(t.Context(), func(r store.Row) error {
		list = append(list, fmt.Sprintf("%s %q %q", r.Kind, r.Key, bytes.Clone(r.Value)))
		return nil
	}), nil)
	return list
}

// Whatever is done, this store and one in a file have the same records, and answer alike.
func TestModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			file, err := bolt.Open(t.TempDir())
			want(t, "open", err, nil)
			defer func() { _ = file.Close() }()
			p := newPool(t)
			mine, theirs := dice{rand.New(rand.NewPCG(seed, 1))}, dice{rand.New(rand.NewPCG(seed, 1))}
			for n := range 100 {
				if n%7 == 0 { // they expire now and then, which nobody notices
					p.do("DEL", "meeting:room")
				}
				got, expected := mine.step(t, p.s), theirs.step(t, file.State())
				equal(t, fmt.Sprint("step ", n), got, expected)
				if equal(t, fmt.Sprint("records after step ", n), mine.dump(t, p.s), theirs.dump(t, file.State())); t.Failed() {
					return
				}
			}
			list, err := p.s.Servers(t.Context())
			want(t, "servers", err, nil)
			for _, s := range list {
				want(t, "delete", p.s.DeleteServer(t.Context(), s.ID), nil)
			}
			p.empty()
		})
	}
}

// empty takes away what is left, and checks that nothing stays behind.
func (p *pool) empty() {
	p.Helper()
	for _, c := range p.claims() {
		p.must(p.s.DeleteClaim(p.Context(), c))
	}
	tenants, err := p.s.Tenants(p.Context())
	p.must(err)
	for _, tenant := range tenants {
		p.must(p.s.DeleteTenant(p.Context(), tenant.ID))
	}
	equal(p, "left", changed(nil, p.everything()), nil)
	for _, key := range []string{"servers", "tenants", "claims", "meetings"} {
		equal(p, key, p.hash("bbbpool:"+key), nil)
	}
}
