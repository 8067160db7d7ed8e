package lastuse_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// shelf is a store that keeps uses in memory, and counts the writes.
type shelf struct {
	mu     sync.Mutex
	kept   map[store.Credential]time.Time
	writes int
	fails  error
	before func() // runs in the middle of a write
}

func (s *shelf) Uses(context.Context) (map[store.Credential]time.Time, error) {
	return s.has(), nil
}

// longest is how long a name may be.
const longest = 64

func (s *shelf) NoteUses(_ context.Context, list map[store.Credential]time.Time) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	for c := range list {
		if len(c.Name) > longest {
			return fmt.Errorf("%w: its name", store.ErrTooLarge)
		}
	}
	if s.fails != nil {
		return s.fails
	}
	if s.kept == nil {
		s.kept = map[store.Credential]time.Time{}
	}
	for c, at := range list {
		if at.IsZero() {
			delete(s.kept, c)
		} else {
			s.kept[c] = at
		}
	}
	return nil
}

// change changes how the shelf behaves.
func (s *shelf) change(f func(s *shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// has is what the shelf keeps, written how often it was written to.
func (s *shelf) has() map[store.Credential]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.kept)
}

func (s *shelf) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func secret(name string) store.Credential {
	return store.Credential{Kind: store.CredentialSecret, Tenant: "arts", Name: name}
}

// running runs uses on a shelf, in time that is passed by sleeping, from 2000-01-01 on.
func running(t *testing.T, test func(t *testing.T, s *shelf, u *lastuse.Uses)) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		u := &lastuse.Uses{Store: s, Log: zerolog.Nop()}
		if err := u.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- u.Run(ctx) }()
		defer func() {
			stop()
			if err := <-over; err != nil {
				t.Error(err)
			}
		}()
		test(t, s, u)
	})
}

// pass lets some time pass, and waits for what happens then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func wants(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Uses are told by the minute at once, and written every five minutes if there are new ones: no call writes.
func TestUses_Grain(t *testing.T) {
	running(t, func(t *testing.T, s *shelf, u *lastuse.Uses) {
		used, never, start := u.Of(secret("used")), u.Of(secret("never")), time.Now().UTC()
		pass(59 * time.Second)
		used.Note(time.Now())
		wants(t, "within the first minute", u.Last(secret("used")), start)
		pass(time.Second)
		used.Note(time.Now())
		used.Note(start) // by a clock that is late
		wants(t, "a minute later", u.Last(secret("used")), start.Add(time.Minute))
		wants(t, "never", u.Last(secret("never")), time.Time{})
		wants(t, "of none", u.Last(secret("other")), time.Time{})
		wants(t, "writes before their time", s.written(), 0)
		pass(4 * time.Minute)
		wants(t, "kept", s.has(), map[store.Credential]time.Time{secret("used"): start.Add(time.Minute)})
		pass(time.Hour)
		wants(t, "writes with nothing new", s.written(), 1)
		never.Note(time.Now())
		pass(5 * time.Minute)
		wants(t, "writes", s.written(), 2)
	})
}

// What was used is known after a restart, and what was used right before one is, too.
func TestUses_Restart(t *testing.T) {
	stores, err := driver.Open(driver.Config{Data: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	at := time.Date(2026, 3, 1, 9, 30, 40, 0, time.UTC)
	for run := range 3 {
		u := &lastuse.Uses{Store: stores.State, Log: zerolog.Nop()}
		if err := u.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if run > 0 {
			wants(t, "after a restart", u.Last(secret("s")), at.Truncate(time.Minute))
			at = at.Add(time.Hour)
		}
		u.Of(secret("s")).Note(at)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := u.Run(ctx); err != nil {
			t.Error(err)
		}
	}
}

// A credential by the name of one that is forgotten begins anew, whoever has kept the cell of the former.
func TestForget(t *testing.T) {
	running(t, func(t *testing.T, s *shelf, u *lastuse.Uses) {
		former := u.Of(secret("s"))
		former.Note(time.Now())
		pass(5 * time.Minute)
		if err := u.Forget(t.Context(), secret("s")); err != nil {
			t.Fatal(err)
		}
		wants(t, "kept", len(s.has()), 0)
		former.Note(time.Now()) // by a call that was under way
		pass(time.Hour)
		wants(t, "last use of what is gone", u.Last(secret("s")), time.Time{})
		next := u.Of(secret("s"))
		former.Note(time.Now())
		wants(t, "last use of the next", u.Last(secret("s")), time.Time{})
		next.Note(time.Now())
		pass(5 * time.Minute)
		wants(t, "kept of the next", s.has()[secret("s")], u.Last(secret("s")))
	})
}

// What is forgotten in the middle of a write is not written once more.
func TestForget_WhileWriting(t *testing.T) {
	s := &shelf{}
	u := &lastuse.Uses{Store: s, Log: zerolog.Nop()}
	u.Of(secret("s")).Note(time.Now())
	forgotten := make(chan error, 1)
	s.before = func() {
		s.change(func(s *shelf) { s.before = nil })
		go func() { forgotten <- u.Forget(t.Context(), secret("s")) }()
		select {
		case err := <-forgotten: // too early
			forgotten <- err
		case <-time.After(20 * time.Millisecond):
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := errors.Join(u.Run(ctx), <-forgotten); err != nil {
		t.Error(err)
	}
	wants(t, "kept", len(s.has()), 0)
}

// What cannot be written now is written later, and what never can be keeps nothing else from it.
func TestUses_Unwritable(t *testing.T) {
	running(t, func(t *testing.T, s *shelf, u *lastuse.Uses) {
		s.change(func(s *shelf) { s.fails = errors.New("no space left") })
		long := secret(strings.Repeat("x", longest+1))
		for _, c := range []store.Credential{secret("one"), long, secret("two")} {
			u.Of(c).Note(time.Now())
		}
		pass(5 * time.Minute)
		s.change(func(s *shelf) { s.fails = nil })
		pass(5 * time.Minute)
		at := u.Last(secret("one"))
		want := map[store.Credential]time.Time{secret("one"): at, secret("two"): at}
		wants(t, "kept", s.has(), want)
		wants(t, "known, although it is not kept", u.Last(long), at)
		writes := s.written()
		pass(time.Hour)
		wants(t, "writes of what cannot be written, and is not used", s.written(), writes)
	})
}

// Nobody waits for the store to note a use, or to find out when the last one was.
func TestUses_NobodyWaits(t *testing.T) {
	running(t, func(t *testing.T, s *shelf, u *lastuse.Uses) {
		u.Of(secret("s")).Note(time.Now())
		hangs := make(chan struct{})
		s.change(func(s *shelf) { s.before = func() { <-hangs } })
		pass(5 * time.Minute)
		u.Of(secret("other")).Note(time.Now())
		wants(t, "last use", u.Last(secret("other")), time.Now().UTC())
		close(hangs)
	})
}

// Noting a use takes no memory.
func TestNote_Allocations(t *testing.T) {
	cell, now := (&lastuse.Uses{}).Of(secret("s")), time.Now()
	if n := testing.AllocsPerRun(100, func() { cell.Note(now) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Where several instances write to a store each learns what others have noted, and writes that no second time; and Run can be called
// again.
func TestUses_Shared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		one, other := &lastuse.Uses{Store: s, Shared: true}, &lastuse.Uses{Store: s, Shared: true}
		for range 2 {
			ctx, stop := context.WithCancel(t.Context())
			over := make(chan error)
			for _, u := range []*lastuse.Uses{one, other} {
				go func() { over <- u.Run(ctx) }()
			}
			pass(time.Minute)
			now := time.Now().UTC().Truncate(time.Minute)
			one.Of(secret("s")).Note(now)
			pass(10 * time.Minute)
			wants(t, "what another instance has seen", other.Last(secret("s")), now)
			stop()
			for range 2 {
				if err := <-over; err != nil {
					t.Error(err)
				}
			}
		}
		wants(t, "writes", s.written(), 2)
	})
}
