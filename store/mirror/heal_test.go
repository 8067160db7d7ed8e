package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// clock is a time that goes on by a second each time that it is asked.
func clock() func() time.Time {
	tick := make(chan time.Time, 1)
	tick <- time.Now()
	return func() time.Time {
		now := (<-tick).Add(time.Second)
		tick <- now
		return now
	}
}

// open opens a mirror of the leader, or of an instance that is alone.
func open(t testing.TB, s marked, dir string, set ...func(*mirror.Config)) (*mirror.Mirror, store.State) {
	t.Helper()
	c := mirror.Config{Store: s, Marks: s, Dir: dir, Alone: true, Now: clock()}
	for _, set := range set {
		set(&c)
	}
	m, err := mirror.Open(context.Background(), c)
	must(t, err)
	return m, m.State()
}

func closing(t testing.TB, m *mirror.Mirror) {
	t.Helper()
	must(t, m.Close())
}

// several makes the instance one of several, which leads.
func several(c *mirror.Config) { c.Alone = false }

func leading(context.Context) mirror.Hooks {
	return mirror.Hooks{Leading: func() (uint64, bool) { return 1, true }}
}

func claim(id, server string) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "a", MeetingID: id}, Server: server, Placed: time.Now().UTC().Truncate(time.Millisecond),
	}
}

// fill writes something of every kind, and returns what is there then.
func fill(t testing.TB, s store.State, from *fake) []store.Row {
	t.Helper()
	ctx := context.Background()
	for _, id := range []string{"bbb1", "bbb2", "bbb3"} {
		must(t, s.CreateServer(ctx, store.Server{ID: id, Secret: "s3cret", Weight: 1, State: store.Enabled}))
	}
	must(t, s.DeleteServer(ctx, "bbb3"))
	_, err := s.CreateTenant(ctx, store.Tenant{ID: "a", Secrets: []store.TenantSecret{{Name: "old", Secret: "0ld"}}})
	must(t, err)
	for i := range 5 {
		_, err := s.CreateClaim(ctx, claim(fmt.Sprint("room", i), "bbb1"))
		must(t, err)
	}
	must(t, s.AddEndings(ctx, store.Ending{MeetingKey: claim("gone", "").MeetingKey, Server: "bbb1", Asked: time.Now().UTC()}))
	must(t, s.SpendToken(ctx, "token", time.Now(), time.Now().Add(time.Hour)))
	must(t, s.AddWaiting(ctx, store.Wait{ID: "1", Call: "session"}))
	must(t, s.NoteUses(ctx, map[store.Credential]time.Time{{Kind: "secret", Tenant: "a", Name: "old"}: time.Now().UTC()}))
	list := rowsOf(t, from.State)
	for _, k := range store.Kinds {
		if k.State && !slices.ContainsFunc(list, func(r store.Row) bool { return r.Kind == k.Name }) {
			t.Fatalf("nothing of %s is written", k.Name)
		}
	}
	return list
}

// names are the rows in a form that people can compare.
func names(list []store.Row) (names []string) {
	for _, r := range list {
		names = append(names, fmt.Sprintf("%s %q %q", r.Kind, r.Key, r.Value))
	}
	return names
}

func same(t testing.TB, what string, got, want []store.Row) {
	t.Helper()
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// A store that was emptied, once and once more, or was given a copy of yesterday, gets everything back that was acknowledged,
// and nothing that was deleted: by who ran meanwhile, and by who has nothing but its data directory.
func TestMirror_Heals(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprint("opened again ", again), func(t *testing.T) {
			f, dir := newFake(t), t.TempDir()
			m, s := open(t, f, dir)
			must(t, s.CreateServer(t.Context(), store.Server{ID: "bbb0"}))
			_, err := s.CreateClaim(t.Context(), claim("ended", "bbb0"))
			must(t, err)
			yesterday := f.save(t)
			must(t, s.DeleteServer(t.Context(), "bbb0"))
			all, err := s.Claims(t.Context())
			must(t, err)
			must(t, s.DeleteClaim(t.Context(), all[0]))
			want := fill(t, s, f)
			var reports []mirror.Report
			for _, lost := range []saved{{}, {}, yesterday, {}} {
				if again {
					must(t, m.Close())
					f.State = reopen(t, f.State, want)
				}
				f.lose(t, lost)
				if again {
					m, s = open(t, f, dir)
				}
				m.Attach(mirror.Hooks{Healed: func(r mirror.Report) { reports = append(reports, r) }})
				must(t, m.Refresh(t.Context()))
				same(t, "healed", rowsOf(t, f.State), want)
				same(t, "in the mirror", rowsOf(t, s), want)
			}
			if again {
				return
			}
			if len(reports) != 4 || reports[0].Records() != len(want) || reports[2].Removed["servers"] != 1 ||
				reports[2].Removed["claims"] != 1 || reports[2].Why == reports[0].Why {
				t.Errorf("reports: %+v", reports)
			}
			must(t, m.Refresh(t.Context()))
			if len(reports) != 4 {
				t.Error("what is whole is healed")
			}
		})
	}
}

// reopen gives a store with these rows, as the one before was closed with its mirror.
func reopen(t testing.TB, _ store.State, list []store.Row) store.State {
	t.Helper()
	s := newFake(t).State
	must(t, s.Load(context.Background(), list))
	return s
}

// A store that is emptied while it is read is not taken for one that somebody has emptied.
func TestMirror_LostWhileRead(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, "")
	want := fill(t, s, f)
	for _, life := range []int{0, 1} {
		f.dumping = func() {
			f.lose(t, saved{sequence: uint64(life) << 52})
			f.set(func() { f.life = life })
		}
		must(t, m.Refresh(t.Context()))
		same(t, "healed", rowsOf(t, f.State), want)
		same(t, "in the mirror", rowsOf(t, s), want)
	}
}

// A loss in the middle of healing is healed, too: also by the next, where the first has died of it.
func TestMirror_LostWhileHealing(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	m, s := open(t, f, dir)
	want := fill(t, s, f)
	f.lose(t, saved{})
	f.loading = func() { f.lose(t, saved{}) }
	must(t, m.Refresh(t.Context()))
	same(t, "healed", rowsOf(t, f.State), want)
	must(t, m.Close())

	f.State = reopen(t, nil, nil)
	f.set(func() { f.sequence = 0 })
	stopped, cancel := context.WithCancel(t.Context())
	f.loading = cancel
	if _, err := mirror.Open(stopped, config(f, mirror.Config{Dir: dir, Alone: true})); err == nil {
		t.Fatal("it was opened")
	}
	f.lose(t, saved{})
	m, _ = open(t, f, dir)
	defer closing(t, m)
	same(t, "healed by the next", rowsOf(t, f.State), want)
}

// A retired secret stays retired: of a tenant the newer record stands, whole.
func TestMirror_RetiredSecret(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, t.TempDir())
	fill(t, s, f)
	yesterday := f.save(t)
	_, err := s.UpdateTenant(t.Context(), "a", func(x *store.Tenant) error {
		x.Secrets = []store.TenantSecret{{Name: "new", Secret: "n3w"}}
		return nil
	})
	must(t, err)
	f.lose(t, yesterday)
	must(t, m.Refresh(t.Context()))
	for from, s := range map[string]store.State{"store": f.State, "mirror": s} {
		x, err := s.Tenant(t.Context(), "a")
		if err != nil || len(x.Secrets) != 1 || x.Secrets[0].Secret != "n3w" {
			t.Errorf("%s: %+v, %v", from, x.Secrets, err)
		}
	}
}

// What others do to the store while the sequence stands is an edit: it is taken over, and said once.
func TestMirror_Edits(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, t.TempDir())
	fill(t, s, f)
	must(t, m.Refresh(t.Context()))
	var told [][]string
	m.Attach(mirror.Hooks{Edited: func(kinds []string) { told = append(told, kinds) }})
	must(t, f.State.DeleteServer(t.Context(), "bbb2"))
	_, err := f.State.UpdateServer(t.Context(), "bbb1", func(x *store.Server) error { x.Weight = 5; return nil })
	must(t, err)
	_, err = f.State.CreateTenant(t.Context(), store.Tenant{ID: "b"})
	must(t, err)
	must(t, m.Refresh(t.Context()))
	must(t, m.Refresh(t.Context()))
	if diff := cmp.Diff([][]string{{"servers", "tenants"}}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	same(t, "mirror", rowsOf(t, s), rowsOf(t, f.State))
	servers, err := s.Servers(t.Context())
	if err != nil || len(servers) != 1 || servers[0].Weight != 5 {
		t.Errorf("servers: %+v, %v", servers, err)
	}
}

// Run takes over edits, also where reading the whole store is too much for each look.
func TestMirror_RunEdits(t *testing.T) {
	f := newFake(t)
	slow := clock()
	m, s := open(t, f, t.TempDir(), func(c *mirror.Config) {
		c.Interval, c.Now = time.Millisecond, func() time.Time { return time.UnixMilli(slow().Unix()) } // a millisecond each time
	})
	fill(t, s, f)
	told := make(chan []string, 100)
	m.Attach(mirror.Hooks{Edited: func(kinds []string) { told <- kinds }})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	for range 3 {
		_, err := f.State.UpdateServer(ctx, "bbb1", func(x *store.Server) error { x.Weight++; return nil })
		must(t, err)
		if kinds := <-told; !slices.Equal(kinds, []string{"servers"}) {
			t.Errorf("told of %v", kinds)
		}
		claims, err := f.Claims(ctx)
		must(t, err)
		must(t, f.State.DeleteClaim(ctx, claims[0]))
		if kinds := <-told; !slices.Equal(kinds, []string{"claims"}) {
			t.Errorf("told of %v", kinds)
		}
	}
	stop()
	must(t, <-done)
	same(t, "mirror", rowsOf(t, s), rowsOf(t, f.State))
}

// Nobody has to wait for the next look: a write that meets an edit, or a loss, finds out which it is.
func TestMirror_WritesMeetDifferences(t *testing.T) {
	f := newFake(t)
	_, s := open(t, f, t.TempDir())
	fill(t, s, f)
	ctx := t.Context()
	_, err := f.State.UpdateServer(ctx, "bbb1", func(x *store.Server) error { x.Weight = 5; return nil })
	must(t, err)
	got, err := s.UpdateServer(ctx, "bbb1", func(x *store.Server) error { x.Tag = "new"; return nil })
	if err != nil || got.Weight != 5 || got.Tag != "new" {
		t.Errorf("an edited server: %+v, %v", got, err)
	}
	must(t, f.State.DeleteServer(ctx, "bbb2"))
	if err := s.DeleteServer(ctx, "bbb2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a server that was deleted: %v", err)
	}
	want := rowsOf(t, f.State)
	f.lose(t, saved{})
	standing, err := s.CreateClaim(ctx, claim("room0", "bbb2"))
	if !errors.Is(err, store.ErrExists) || standing.Server != "bbb1" {
		t.Errorf("a room is created twice: %+v, %v", standing, err)
	}
	same(t, "healed", rowsOf(t, f.State), want)
	f.lose(t, saved{})
	_, err = s.UpdateClaim(ctx, claim("room1", "").MeetingKey, func(c *store.Claim) error { c.InternalID = "x"; return nil })
	must(t, err)
	f.lose(t, saved{})
	if err := s.SpendToken(ctx, "token", time.Now(), time.Now().Add(time.Hour)); !errors.Is(err, store.ErrExists) {
		t.Errorf("a token that was used: %v", err)
	}
	c, err := s.UpdateClaim(ctx, claim("room1", "").MeetingKey, func(*store.Claim) error { return nil })
	if err != nil || c.InternalID != "x" {
		t.Errorf("%+v, %v", c, err)
	}
}

// What another part knows comes back with the rest, and a claim of a meeting that was ended since does not.
func TestMirror_Known(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, "")
	fill(t, s, f)
	old := claim("room2", "bbb1")
	newer := old
	newer.Placed, newer.Server = old.Placed.Add(time.Hour), "bbb2"
	fresh := claim("fresh", "bbb1")
	ended := store.Ending{MeetingKey: claim("room3", "").MeetingKey, Server: "bbb1", Asked: time.Now().Add(time.Hour).UTC()}
	m.Attach(mirror.Hooks{Known: func() []store.Row { return known(t, newer, fresh, ended) }})
	f.lose(t, saved{})
	must(t, m.Refresh(t.Context()))
	for from, s := range map[string]store.State{"store": f.State, "mirror": s} {
		claims, err := s.Claims(t.Context())
		must(t, err)
		var list []string
		for _, c := range claims {
			list = append(list, c.MeetingID+" on "+c.Server)
		}
		slices.Sort(list)
		want := []string{"fresh on bbb1", "room0 on bbb1", "room1 on bbb1", "room2 on bbb2", "room4 on bbb1"}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("%s (-want +got):\n%s", from, diff)
		}
	}
}

// A meeting whose claim still stands in memory has not left a session yet: its end while the store was away does not take the claim
// away, and what its server has begun anew there is what it is put back with.
func TestMirror_KnownStands(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, "")
	fill(t, s, f)
	var anew, over store.Claim
	for i, c := range []*store.Claim{&anew, &over} {
		var err error
		*c, err = s.UpdateClaim(t.Context(), claim(fmt.Sprint("room", i), "").MeetingKey, func(c *store.Claim) error {
			c.InternalID, c.CreateTime = "first", 1
			return nil
		})
		must(t, err)
		must(t, s.AddEndings(t.Context(), store.Ending{
			MeetingKey: c.MeetingKey, Server: c.Server, InternalID: "first", Asked: c.Placed.Add(time.Hour),
		}))
	}
	anew.InternalID, anew.CreateTime = "second", 2
	m.Attach(mirror.Hooks{Known: func() []store.Row { return known(t, anew, over) }})
	f.lose(t, saved{})
	must(t, m.Refresh(t.Context()))
	for from, s := range map[string]store.State{"store": f.State, "mirror": s} {
		claims, err := s.Claims(t.Context())
		must(t, err)
		got := map[string]string{}
		for _, c := range claims {
			got[c.MeetingID] = c.InternalID
		}
		if got["room0"] != "second" || got["room1"] != "first" || len(got) != 5 {
			t.Errorf("%s: %v", from, got)
		}
	}
}

// One that may not write puts nothing back, keeps what it knows, and answers from that; what it has written itself and needs
// no lease it writes again. Once it leads, it heals.
func TestMirror_Follower(t *testing.T) {
	f := newFake(t)
	leader, ls := open(t, f, "", several)
	leader.Attach(leading(t.Context()))
	fill(t, ls, f)
	m, s := open(t, f, "", several)
	leads := false
	m.Attach(mirror.Hooks{Leading: func() (uint64, bool) { return 2, leads }})
	must(t, s.SpendToken(t.Context(), "own", time.Now(), time.Now().Add(time.Hour)))
	want := rowsOf(t, f.State)
	f.lose(t, saved{})
	f.set(func() { f.fenced = true })
	if err := m.Refresh(t.Context()); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a follower heals: %v", err)
	}
	if got := rowsOf(t, f.State); len(got) != 1 || string(got[0].Key) != "own" {
		t.Errorf("it has put back %v", names(got))
	}
	same(t, "it answers", rowsOf(t, s), want)
	if list := m.Problems(t.Context()); len(list) != 1 || list[0].Name != "lost" {
		t.Errorf("problems: %+v", list)
	}
	f.set(func() { f.fenced, leads = false, true })
	must(t, m.Refresh(t.Context()))
	same(t, "healed", rowsOf(t, f.State), want)
	must(t, leader.Refresh(t.Context()))
	same(t, "as the others see it", rowsOf(t, ls), want)
}

// A token that was used stays used, whatever the store forgets, and whoever has put it right meanwhile.
func TestMirror_TokensStaySpent(t *testing.T) {
	f := newFake(t)
	before := f.save(t)
	m, s := open(t, f, "", several)
	now := time.Now()
	must(t, s.SpendToken(t.Context(), "long", now, now.Add(time.Hour)))
	must(t, s.SpendToken(t.Context(), "short", now, now.Add(time.Second)))
	before.sequence = 1 << 52 // somebody has healed it, who does not know of the tokens
	f.lose(t, before)
	must(t, m.Refresh(t.Context()))
	if got := rowsOf(t, f.State); len(got) != 1 || string(got[0].Key) != "long" {
		t.Errorf("there are %v", names(got))
	}
}

// Whoever begins to lead knows what the leader before has written, without being told to look.
func TestMirror_NewLeader(t *testing.T) {
	f := newFake(t)
	_, old := open(t, f, "")
	m, s := open(t, f, "", several)
	fill(t, old, f)
	var term uint64
	m.Attach(mirror.Hooks{Leading: func() (uint64, bool) { return term, term > 0 }, Edited: func([]string) {
		_, err := s.UpdateServer(t.Context(), "bbb1", func(x *store.Server) error { x.Weight++; return nil }) // as it may
		if term > 0 {
			must(t, err)
		}
	}})
	for _, want := range []int{0, 5, 4} {
		if term++; want == 0 {
			term = 0
		}
		claims, err := s.Claims(t.Context())
		if err != nil || len(claims) != want {
			t.Errorf("%d claims in term %d, want %d, %v", len(claims), term, want, err)
		}
		if want == 5 {
			must(t, old.DeleteClaim(t.Context(), claims[0]))
		}
	}
}

// A store that was started again may have lost the last writes and have gone on since: the leader's copy knows better.
func TestMirror_Restarted(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, "")
	before := f.save(t)
	want := fill(t, s, f)
	must(t, m.Refresh(t.Context()))
	f.lose(t, before)
	f.set(func() { f.life, f.sequence = 1, 1<<52 }) // as if it had been written to, and often
	must(t, m.Refresh(t.Context()))
	same(t, "healed", rowsOf(t, f.State), want)
	f.set(func() { f.life = 2 })
	must(t, m.Refresh(t.Context()))
	same(t, "nothing was lost", rowsOf(t, f.State), want)
}

// Whoever reads everything never takes what a loss has left for all that there is.
func TestMirror_DumpLost(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, "")
	defer closing(t, m)
	want := fill(t, s, f)
	f.lose(t, saved{})
	same(t, "read after a loss", rowsOf(t, s), want)
	must(t, m.Refresh(t.Context()))
	f.dumping = func() { f.lose(t, saved{}) }
	if err := s.Dump(t.Context(), func(store.Row) error { return nil }); err == nil {
		t.Error("read while it was lost, and nobody knows")
	}
	same(t, "read once more", rowsOf(t, s), want)
}
