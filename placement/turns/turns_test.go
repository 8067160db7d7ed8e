package turns_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bbbpool/bbbpool/placement/turns"
	"github.com/bbbpool/bbbpool/store"
)

var m = store.MeetingKey{Tenant: "t", MeetingID: "m"}

// One at a time, in the order in which they came, and nothing is left over.
func TestTurns_Order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns.Turns
		var order []int
		if err := all.Take(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			go func() {
				if err := all.Take(t.Context(), m); err != nil {
					t.Error(err)
				}
				order = append(order, i) // unguarded: whoever has the turn is alone
				all.Release(m)
			}()
			synctest.Wait()
		}
		if all.Try(m) {
			t.Error("somebody who cannot wait got a turn that others wait for")
		}
		all.Release(m)
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Errorf("they came as %v", order)
			}
		}
		if len(order) != 5 || all.Len() != 0 {
			t.Errorf("%d had a turn, %d are left over", len(order), all.Len())
		}
	})
}

// Whoever gives up waiting is forgotten; a turn that is free is had although there is no time.
func TestTurns_GivenUp(t *testing.T) {
	var all turns.Turns
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := all.Take(over, m); err != nil {
		t.Errorf("a free turn: %v", err)
	}
	if err := all.Take(over, m); !errors.Is(err, context.Canceled) {
		t.Errorf("a turn that is taken: %v", err)
	}
	all.Release(m)
	if all.Len() != 0 {
		t.Errorf("%d are left over", all.Len())
	}
}

// Those who want to know the outcome hear of it once, and nobody waits for a turn that nobody has.
func TestTurns_Over(t *testing.T) {
	var all turns.Turns
	if all.Over(m) != nil {
		t.Error("there is an outcome to wait for, and nobody has the turn")
	}
	if !all.Try(m) {
		t.Fatal("a free turn is not to be had")
	}
	var group sync.WaitGroup
	for range 3 {
		outcome := all.Over(m)
		group.Go(func() { <-outcome })
	}
	all.Release(m)
	group.Wait()
	if all.Over(m) != nil {
		t.Error("there is still an outcome to wait for")
	}
}

// Once they are closed nobody gets a turn, those that wait are told at once, and whoever has one keeps it to its end.
func TestTurns_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns.Turns
		if err := all.Take(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		waits := make(chan error)
		go func() { waits <- all.Take(t.Context(), m) }()
		over, closed := all.Over(m), all.Closed()
		synctest.Wait()
		idle := all.Close()
		if err := <-waits; !errors.Is(err, turns.ErrClosed) {
			t.Errorf("what waited: %v", err)
		}
		<-over
		<-closed
		other := store.MeetingKey{Tenant: "t", MeetingID: "n"}
		if err := all.Take(t.Context(), other); !errors.Is(err, turns.ErrClosed) || all.Try(other) || all.Open() {
			t.Errorf("a turn was given: %v", err)
		}
		select {
		case <-idle:
			t.Error("somebody has a turn still")
		default:
		}
		all.Release(m)
		<-idle
		<-all.Close()
		if n := all.Len(); n != 0 {
			t.Errorf("%d turns are left over", n)
		}
	})
}
