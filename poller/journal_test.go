package poller_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// journal is a journal without a disk.
type journal struct {
	mu     sync.Mutex
	kept   map[string][]store.Event
	writes int
	err    error
}

func (j *journal) Events(context.Context) (map[string][]store.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.kept), nil
}

func (j *journal) KeepEvents(_ context.Context, server string, list []store.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.writes++; j.err != nil {
		return j.err
	}
	if delete(j.kept, server); len(list) > 0 {
		j.kept[server] = list
	}
	return nil
}

func (j *journal) change(to func(*journal)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	to(j)
}

// roles has a name that clashes with none of its methods.
type roles interface{ store.Servers }

// records are the servers that a poller loads.
type records struct {
	roles
	ids []string
}

func (l records) Servers(context.Context) (list []store.Server, err error) {
	for _, id := range l.ids {
		list = append(list, record(id))
	}
	return list, nil
}

// ran lets a poller with that journal run over servers.
func (j *journal) ran(t *testing.T, ids []string, test func(r *rig)) {
	t.Helper()
	r := newRig(t, config(), time.Now, ids...)
	r.Journal = j
	if err := r.Load(t.Context(), records{ids: ids}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- r.Run(ctx) }()
	r.pass(3 * time.Second)
	test(r)
	cancel()
	if err := <-over; err != nil {
		t.Errorf("run: %v", err)
	}
}

// What happened to servers is known after a restart, as far as they are in the pool still, no more of it than before. No
// poll writes anything.
func TestJournal_Restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{kept: map[string][]store.Event{"left": {{Kind: "online"}}}}
		j.ran(t, []string{"a", "b"}, func(r *rig) {
			r.net["a"].set(down)
			r.pass(time.Minute)
			j.change(func(j *journal) { j.writes = 0 })
			r.pass(10 * time.Minute)
			j.change(func(j *journal) {
				if j.writes != 0 {
					t.Errorf("%d writes while nothing happens", j.writes)
				}
			})
		})
		j.ran(t, []string{"a", "b"}, func(r *rig) {
			kinds := []string{}
			for _, e := range r.Events("a") {
				kinds = append(kinds, e.Kind)
			}
			if got := strings.Join(kinds, " "); got != "online suspect offline online" {
				t.Errorf("events of a: %s", got)
			}
			for i := range 80 {
				changed := record("a")
				changed.Secret = store.Secret(strings.Repeat("x", i+1))
				r.SetServer(changed)
			}
		})
		j.ran(t, []string{"a"}, func(r *rig) {
			if n := len(r.Events("a")); n != 50 {
				t.Errorf("%d events are kept, want 50", n)
			}
			if err := r.RemoveServer(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		})
		if len(j.kept) != 0 {
			t.Errorf("kept of servers that have left: %v", j.kept)
		}
	})
}

// A journal that cannot be written costs nobody anything, and is written when it can be again.
func TestJournal_Fails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{kept: map[string][]store.Event{}, err: errors.New("no space left on device")}
		j.ran(t, []string{"a"}, func(r *rig) {
			r.pass(10 * time.Minute)
			r.expect("a", poller.Online)
			if n := r.logs.count("events of servers are not kept"); n < 5 || n > 15 {
				t.Errorf("said %d times in ten minutes", n)
			}
			j.change(func(j *journal) { j.err = nil })
			r.pass(2 * time.Minute)
			if len(j.kept["a"]) != 1 {
				t.Errorf("kept: %v", j.kept)
			}
		})
	})
}
