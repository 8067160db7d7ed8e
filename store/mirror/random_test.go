package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// life is a pool to which everything happens, beside a store to which nothing does.
type life struct {
	t    testing.TB
	rand *rand.Rand
	f    *fake
	dir  string
	m    *mirror.Mirror
	s    store.State
	all  []saved     // what the store once was
	calm store.State // what was acknowledged is done here, too
	log  []string
}

// Whatever befalls the store and the process, in whatever order: what was acknowledged is there, what was deleted is not, and
// what was refused has changed nothing.
func TestMirror_Life(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			db, err := bolt.Open(t.TempDir())
			must(t, err)
			defer func() { must(t, db.Close()) }()
			l := &life{t: t, rand: rand.New(rand.NewPCG(seed, 1)), f: newFake(t), dir: t.TempDir(), calm: db.State(), all: []saved{{}}}
			l.m, l.s = open(t, l.f, l.dir)
			for range 120 {
				l.step()
			}
			l.f.set(func() { l.f.away, l.f.half = false, false })
			must(t, l.m.Refresh(t.Context()))
			want := rowsOf(t, l.calm)
			same(t, "mirror", rowsOf(t, l.s), want)
			same(t, "store", rowsOf(t, l.f.State), want)
			if t.Failed() {
				t.Log(l.log)
			}
			must(t, l.m.Close())
		})
	}
}

// step lets something happen.
func (l *life) step() {
	switch n := l.rand.IntN(20); n {
	case 0:
		l.did("away")
		l.f.set(func() { l.f.away, l.f.half = true, false })
	case 1:
		l.did("half away")
		l.f.set(func() { l.f.half = !l.f.away })
	case 2, 3:
		l.did("back")
		l.f.set(func() { l.f.away, l.f.half = false, false })
	case 4:
		l.did("looked")
		_ = l.m.Refresh(context.Background())
	case 5:
		l.all = append(l.all, l.f.save(l.t))
	case 6:
		l.did("lost")
		l.f.lose(l.t, l.all[l.rand.IntN(len(l.all))])
	case 7:
		l.did("lost, and started again")
		l.f.lose(l.t, l.all[l.rand.IntN(len(l.all))])
		l.f.set(func() { l.f.life++ })
	case 8:
		l.did("we are started again")
		must(l.t, l.m.Close())
		l.m, l.s = open(l.t, l.f, l.dir)
	default:
		l.write(n)
	}
}

func (l *life) did(what string) { l.log = append(l.log, what) }

// write does the same to both stores. What the mirror does not take the other store is spared.
func (l *life) write(n int) {
	id := fmt.Sprint("x", l.rand.IntN(4))
	weight := float64(l.rand.IntN(1000))
	ctx := context.Background()
	c := claim(id, fmt.Sprint("bbb", n))
	do := map[int]func(s store.State) error{
		9:  func(s store.State) error { return s.CreateServer(ctx, store.Server{ID: id, Weight: weight}) },
		10: func(s store.State) error { return s.DeleteServer(ctx, id) },
		11: func(s store.State) error {
			_, err := s.UpdateServer(ctx, id, func(x *store.Server) error { x.Weight += weight; return nil })
			return err
		},
		12: func(s store.State) error { _, err := s.CreateTenant(ctx, store.Tenant{ID: id}); return err },
		13: func(s store.State) error { return s.DeleteTenant(ctx, id) },
		14: func(s store.State) error {
			_, err := s.UpdateTenant(ctx, id, func(x *store.Tenant) error { x.Name += id; return nil })
			return err
		},
		15: func(s store.State) error { return s.AddWaiting(ctx, store.Wait{ID: id, Call: fmt.Sprint(weight)}) },
		16: func(s store.State) error { return s.DeleteWaiting(ctx, id) },
		17: func(s store.State) error { _, err := s.CreateClaim(ctx, c); return err },
		18: func(s store.State) error {
			_, err := s.UpdateClaim(ctx, c.MeetingKey, func(x *store.Claim) error { x.InternalID += "i"; return nil })
			return err
		},
		19: func(s store.State) error { return deleteClaim(ctx, s, id) },
	}[n]
	got := do(l.s)
	l.did(fmt.Sprint(n, " ", id, " ", got))
	if errors.Is(got, store.ErrAway) {
		l.t.Errorf("one that is alone refuses: %v", got)
		return
	}
	want := do(l.calm)
	for _, is := range []error{store.ErrExists, store.ErrNotFound, store.ErrConflict} {
		if errors.Is(got, is) != errors.Is(want, is) {
			l.t.Errorf("got %v, want %v; %v", got, want, l.log)
		}
	}
}

// deleteClaim deletes a claim, whatever it is.
func deleteClaim(ctx context.Context, s store.State, id string) error {
	claims, err := s.Claims(ctx)
	for _, c := range claims {
		if c.MeetingID == id {
			return s.DeleteClaim(ctx, c)
		}
	}
	return errors.Join(err, store.ErrNotFound)
}
