package redis_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/rows"
)

// Of instances that want the lease one gets it; it is taken by whoever knows how it stands, and given back.
func TestLease(t *testing.T) {
	ctx, url := t.Context(), servers.Redis(t).URL()
	config := redis.Config{URL: store.Secret(url)}
	one, two := open(t, config).Leases(), open(t, config).Leases()
	got, err := one.Lease(ctx)
	want(t, "read none", err, nil)
	equal(t, "none", got, store.Lease{})
	first := store.Lease{Holder: "one", Address: "10.0.0.1:3001", Epoch: 5}
	want(t, "take", one.TakeLease(ctx, store.Lease{}, first), nil)
	second := store.Lease{Holder: "two", Address: "10.0.0.2:3001", Epoch: 6}
	want(t, "take what is no longer so", two.TakeLease(ctx, store.Lease{}, second), store.ErrConflict)
	renewed, err := one.RenewLease(ctx, first)
	want(t, "renew", err, nil)
	first.Beat = 1
	equal(t, "renewed", renewed, first)
	was := first
	was.Beat = 0
	want(t, "take one that beats", two.TakeLease(ctx, was, second), store.ErrConflict)
	older := second
	older.Epoch = 5
	want(t, "take by an old epoch", two.TakeLease(ctx, first, older), store.ErrConflict)
	want(t, "take", two.TakeLease(ctx, first, second), nil)
	_, err = one.RenewLease(ctx, first)
	want(t, "renew what is another's", err, store.ErrFenced)
	want(t, "drop what is another's", one.DropLease(ctx, first), nil)
	got, err = one.Lease(ctx)
	want(t, "read", err, nil)
	equal(t, "it stands", got, second)
	want(t, "drop", two.DropLease(ctx, second), nil)
	got, err = one.Lease(ctx)
	want(t, "read", err, nil)
	equal(t, "nobody's", got, store.Lease{Epoch: 6})
	first.Epoch = 7
	want(t, "take", one.TakeLease(ctx, got, first), nil)
}

// fencedCalls are all that decides.
func fencedCalls(s store.State) map[string]func(context.Context) error {
	server, tenant := store.Server{ID: "bbb1"}, store.Tenant{ID: "a"}
	row, _ := rows.Servers.Row(server)
	return map[string]func(context.Context) error{
		"create server": func(ctx context.Context) error { return s.CreateServer(ctx, store.Server{ID: "bbb2"}) },
		"update server": func(ctx context.Context) error {
			_, err := s.UpdateServer(ctx, "bbb1", func(*store.Server) error { return nil })
			return err
		},
		"delete server": func(ctx context.Context) error { return s.DeleteServer(ctx, "bbb1") },
		"create tenant": func(ctx context.Context) error { _, err := s.CreateTenant(ctx, store.Tenant{ID: "b"}); return err },
		"update tenant": func(ctx context.Context) error {
			_, err := s.UpdateTenant(ctx, tenant.ID, func(*store.Tenant) error { return nil })
			return err
		},
		"delete tenant": func(ctx context.Context) error { return s.DeleteTenant(ctx, "a") },
		"create claim":  func(ctx context.Context) error { _, err := s.CreateClaim(ctx, room("b")); return err },
		"update claim": func(ctx context.Context) error {
			_, err := s.UpdateClaim(ctx, room("a").MeetingKey, func(*store.Claim) error { return nil })
			return err
		},
		"delete claim":  func(ctx context.Context) error { return s.DeleteClaim(ctx, room("a")) },
		"add endings":   func(ctx context.Context) error { return s.AddEndings(ctx, ending("x")) },
		"delete ending": func(ctx context.Context) error { return s.DeleteEnding(ctx, ending("room")) },
		"load":          func(ctx context.Context) error { return s.Load(ctx, []store.Row{row}) },
		"wipe":          func(ctx context.Context) error { return s.Wipe(ctx) },
	}
}

func ending(id string) store.Ending {
	return store.Ending{MeetingKey: store.MeetingKey{Tenant: "a", MeetingID: id}, Server: "bbb1", Asked: monday}
}

// Without the lease nothing is written that decides, whoever had it before; the rest is.
func TestLease_Fence(t *testing.T) {
	p := newPool(t)
	ctx := t.Context()
	p.must(p.s.CreateServer(ctx, store.Server{ID: "bbb1"}))
	_, err := p.s.CreateTenant(ctx, store.Tenant{ID: "a"})
	p.must(err)
	p.claim(room("a"))
	p.must(p.s.AddEndings(ctx, ending("room")))
	refused := func(when string) {
		t.Helper()
		before := p.everything()
		for name, call := range fencedCalls(p.s) {
			want(t, when+": "+name, call(ctx), store.ErrFenced)
		}
		want(t, when+": observed", p.db.Observed(ctx, []redis.Observation{{Server: "bbb1"}}), store.ErrFenced)
		equal(t, when, p.everything(), before)
	}
	p.do("HSET", "bbbpool:lease", "holder", "other", "epoch", "2")
	refused("with another's lease")
	p.do("HSET", "bbbpool:lease", "holder", aLease.Holder, "epoch", "2")
	refused("with a later lease")
	p.do("DEL", "bbbpool:lease")
	refused("without a lease")
	want(t, "spend", p.s.SpendToken(ctx, "x", monday, monday.Add(time.Hour)), nil)
	want(t, "wait", p.s.AddWaiting(ctx, store.Wait{ID: "x"}), nil)
	want(t, "note", p.s.NoteUses(ctx, map[store.Credential]time.Time{{Kind: "secret"}: monday}), nil)
	mine := aLease
	mine.Epoch = 3
	p.must(p.db.Leases().TakeLease(ctx, store.Lease{}, mine))
	want(t, "with a lease of one's own", p.s.CreateServer(ctx, store.Server{ID: "bbb3"}), nil)
	p.must(p.db.Leases().DropLease(ctx, mine))
	refused("after it was given back")
}

// Each write of a record raises the sequence, and nothing else does. One that goes back is a loss, which the next call sees.
func TestSequence(t *testing.T) {
	p := newPool(t)
	ctx := t.Context()
	sequence := func() uint64 {
		t.Helper()
		n, err := p.db.Sequence(ctx)
		p.must(err)
		return n
	}
	equal(t, "at first", sequence(), 0)
	p.must(p.s.CreateServer(ctx, store.Server{ID: "bbb1"}))
	p.claim(room("a"))
	p.must(p.s.SpendToken(ctx, "x", monday, monday.Add(time.Hour)))
	equal(t, "after three writes", sequence(), 3)
	_, err := p.s.CreateClaim(ctx, room("a"))
	want(t, "create again", err, store.ErrExists)
	_, err = p.db.Leases().RenewLease(ctx, aLease)
	p.must(err)
	p.must(p.db.Instances().Announce(ctx, store.Instance{ID: "x"}, time.Minute))
	equal(t, "after none", sequence(), 3)
	equal(t, "losses", p.db.Losses(), 0)
	p.do("SET", "bbbpool:sequence", "2")
	p.must(p.s.DeleteServer(ctx, "bbb1"))
	equal(t, "losses", p.db.Losses(), 1)
	equal(t, "since then", sequence(), 3)
	p.must(p.rake.FlushDB(ctx).Err())
	equal(t, "of nothing", sequence(), 0)
	equal(t, "losses", p.db.Losses(), 2)
	equal(t, "of nothing", sequence(), 0)
	equal(t, "losses", p.db.Losses(), 2)
}

// What the leader has written is missed, also where others have written as much since.
func TestSequence_OfOthers(t *testing.T) {
	p := newPool(t)
	ctx := t.Context()
	other := open(t, redis.Config{
		URL:       store.Secret(fmt.Sprintf("redis://%s/%d", servers.Redis(t).Addr, p.rake.Options().DB)),
		Namespace: redis.DefaultNamespace,
	})
	_, err := p.db.Sequence(ctx)
	p.must(err)
	for name, look := range map[string]func() error{
		"by reading": func() error { _, err := p.db.Sequence(ctx); return err },
		"by writing": func() error { return p.s.AddEndings(ctx, ending("x")) },
	} {
		p.claim(room(name))
		before := p.db.Losses()
		p.must(look())
		equal(t, "nothing was lost", p.db.Losses(), before)
		now, err := p.db.Sequence(ctx)
		p.must(err)
		p.do("HSET", "bbbpool:lease", "written", fmt.Sprint(now-1)) // as of a moment ago
		for range 3 {
			p.must(other.State().NoteUses(ctx, map[store.Credential]time.Time{{Kind: "secret"}: monday.Add(time.Duration(now))}))
			now++
		}
		p.must(look())
		equal(t, name, p.db.Losses(), before+1)
		p.must(look())
		equal(t, name+" again", p.db.Losses(), before+1)
	}
}

// Instances are known for as long as they announce themselves, and agree on one key.
func TestInstances(t *testing.T) {
	p := newPool(t)
	ctx, instances := t.Context(), p.db.Instances()
	list := func() []store.Instance {
		t.Helper()
		list, err := instances.Instances(ctx)
		p.must(err)
		return list
	}
	equal(t, "none", list(), nil)
	two := store.Instance{ID: "two", Address: "10.0.0.2:3001", Version: "1.2", Schema: 6, Started: monday, Beat: 3, Index: "postgresql", IndexID: "0123", Lease: 3 * time.Second}
	one := store.Instance{ID: "one"}
	for _, i := range []store.Instance{two, one} {
		p.must(instances.Announce(ctx, i, time.Minute))
	}
	equal(t, "both", list(), []store.Instance{one, two})
	if left := p.rake.PTTL(ctx, "scalelite:bbbpool:instance:two").Val(); left > time.Minute || left <= 0 {
		t.Errorf("it lasts %s", left)
	}
	p.do("DEL", "bbbpool:instance:two") // as if it had expired
	equal(t, "one", list(), []store.Instance{one})
	one.Beat = 4
	p.must(instances.Announce(ctx, one, time.Minute))
	equal(t, "left over", p.members("bbbpool:instances"), []string{"one"})
	equal(t, "one", list(), []store.Instance{one})
	p.must(instances.Leave(ctx, "one"))
	p.must(instances.Leave(ctx, "one"))
	equal(t, "none", list(), nil)
	if instances.Announce(ctx, store.Instance{}, time.Minute) == nil || instances.Announce(ctx, one, 0) == nil {
		t.Error("what is no instance is announced")
	}
	_, err := p.db.PeerKey(ctx, nil)
	want(t, "no key", err, store.ErrNotFound)
	for _, fresh := range []string{"first \xff", "second"} {
		key, err := p.db.PeerKey(ctx, []byte(fresh))
		p.must(err)
		equal(t, "key", string(key), "first \xff")
	}
}

// What was seen of a server is where Scalelite looks for it, by its state.
func TestObserved(t *testing.T) {
	p := newPool(t)
	ctx := t.Context()
	for id, state := range map[string]store.ServerState{"bbb1": store.Enabled, "bbb2": store.Draining, "bbb3": store.Disabled} {
		p.must(p.s.CreateServer(ctx, store.Server{ID: id, URL: "https://x", Secret: "s", State: state, Weight: 1}))
	}
	var list []redis.Observation
	for _, id := range []string{"bbb1", "bbb2", "bbb3", "gone"} {
		list = append(list, redis.Observation{
			Server: id, Online: true, Load: 2.5, Meetings: 3, Users: 20, LargestMeeting: 12, Videos: 5, Version: "3.0.19",
		})
	}
	p.must(p.db.Observed(ctx, list))
	fields := p.hash("server:bbb1")
	delete(fields, "url")
	delete(fields, "secret")
	equal(t, "seen", fields, map[string]string{
		"online": "true", "load_multiplier": "1.0", "state": "enabled", "meetings": "3", "users": "20", "largest_meeting": "12",
		"videos": "5", "bbb_version": "3.0.19",
	})
	equal(t, "counters", p.hash("bbb1"), map[string]string{"healthy_counter": "0", "unhealthy_counter": "0"})
	equal(t, "load", p.loads("server_load"), map[string]float64{"bbb1": 2.5})
	equal(t, "cordoned", p.loads("cordoned_server_load"), map[string]float64{"bbb2": 2.5})
	equal(t, "gone", p.hash("server:gone"), nil)
	p.must(p.db.Observed(ctx, []redis.Observation{{Server: "bbb1", Load: -1}}))
	equal(t, "offline", p.hash("server:bbb1")["online"], "false")
	equal(t, "version", p.hash("server:bbb1")["bbb_version"], "3.0.19")
	equal(t, "load", p.loads("server_load"), nil)
	s, err := p.s.Server(ctx, "bbb2")
	p.must(err)
	equal(t, "its state", s.State, store.Draining)
}

// A schema is raised by whoever has the lease, and by nobody else; it never goes back.
func TestRaiseSchema(t *testing.T) {
	ctx, url := t.Context(), servers.Redis(t).URL()
	leader, follower, rake := leading(t, url), open(t, redis.Config{URL: store.Secret(url)}), client(t, url)
	stands := func(schema string) {
		t.Helper()
		got, err := rake.Get(ctx, "scalelite:bbbpool:schema").Result()
		want(t, "read", err, nil)
		equal(t, "schema", got, schema)
	}
	stands("1")
	want(t, "without the lease", follower.RaiseSchema(ctx), store.ErrFenced)
	stands("1")
	for range 2 {
		want(t, "raise", leader.RaiseSchema(ctx), nil)
		stands(fmt.Sprint(redis.Schema))
	}
	want(t, "a newer one", rake.Set(ctx, "scalelite:bbbpool:schema", "41", 0).Err(), nil)
	want(t, "raise", leader.RaiseSchema(ctx), nil)
	stands("41")
}
