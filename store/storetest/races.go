package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func stateRaces() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Races/CreateClaim", Run: raceCreateClaim},
		{Name: "Races/CreateTenant", Run: raceCreateTenant},
		{Name: "Races/UpdateServer", Run: raceUpdateServer},
		{Name: "Races/UpdateAndDeleteClaim", Run: raceUpdateDelete},
		{Name: "Races/Storm", Run: raceStorm},
		{Name: "Races/SpendToken", Run: raceSpendToken},
		{Name: "Races/DeleteTenant", Run: raceDeleteTenant},
	}
}

func indexRaces() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Races/Key", Run: raceKey},
		{Name: "Races/AddSession", Run: raceAddSession},
		{Name: "Races/AddSessionOfOthers", Run: raceAddOfOthers},
		{Name: "Races/DeleteSessions", Run: raceDeleteSessions},
		{Name: "Races/Erase", Run: raceErase},
	}
}

// Of creates that race for one meeting exactly one wins, and all learn the same server.
func raceCreateClaim(t *testing.T, s store.State) {
	for round := range 8 {
		var claims [kit.Racers]store.Claim
		var errs [kit.Racers]error
		kit.Race(kit.Racers, func(i int) {
			c := aClaim("a", fmt.Sprint("room", round))
			c.Server = fmt.Sprint("bbb", i)
			claims[i], errs[i] = s.CreateClaim(t.Context(), c)
		})
		kit.OneWins(t, errs[:], store.ErrExists)
		for i, err := range errs {
			if err == nil {
				equal(t, "the winner's server", claims[i].Server, fmt.Sprint("bbb", i))
			}
			equal(t, "what all learn", claims[i], claims[0])
		}
	}
	equal(t, "claims", len(claimsOf(t, s)), 8)
}

// First starts that race agree on one generated secret.
func raceCreateTenant(t *testing.T, s store.State) {
	var tenants [kit.Racers]store.Tenant
	var errs [kit.Racers]error
	kit.Race(kit.Racers, func(i int) {
		mine := store.Tenant{ID: store.DefaultTenant, Secrets: secrets(store.Secret(fmt.Sprint("secret", i)))}
		tenants[i], errs[i] = s.CreateTenant(t.Context(), mine)
	})
	kit.OneWins(t, errs[:], store.ErrExists)
	for i := range kit.Racers {
		equal(t, "what all learn", tenants[i], tenants[0])
	}
}

// Of updates that race none is lost, also beside updates that are refused and updates of another server.
func raceUpdateServer(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, store.Server{ID: "bbb1"}))
	must(t, s.CreateServer(ctx, store.Server{ID: "bbb2"}))
	kit.Race(kit.Racers, func(i int) {
		for range 8 {
			_, err := s.UpdateServer(ctx, "bbb1", func(server *store.Server) error {
				server.Capacity++
				return nil
			})
			want(t, "update", err, nil)
			_, err = s.UpdateServer(ctx, fmt.Sprint("bbb", 1+i%2), func(server *store.Server) error {
				server.Capacity += 1000
				return kit.ErrOwn
			})
			want(t, "refused update", err, kit.ErrOwn)
		}
	})
	list, err := s.Servers(ctx)
	must(t, err)
	equal(t, "servers", list, []store.Server{{ID: "bbb1", Capacity: 8 * kit.Racers}, {ID: "bbb2"}})
}

// A claim that moves while another would remove it either moves or is removed, and both know which.
func raceUpdateDelete(t *testing.T, s store.State) {
	for round := range 16 {
		c := aClaim("a", fmt.Sprint("room", round))
		_, err := s.CreateClaim(t.Context(), c)
		must(t, err)
		var updated, deleted error
		kit.Race(2, func(i int) {
			if i == 1 {
				deleted = s.DeleteClaim(t.Context(), c)
				return
			}
			_, updated = s.UpdateClaim(t.Context(), c.MeetingKey, func(c *store.Claim) error {
				c.Server, c.Placed = "bbb2", c.Placed.Add(time.Second)
				return nil
			})
		})
		left := claimsOf(t, s)
		if updated == nil {
			want(t, "delete", deleted, store.ErrConflict)
			equal(t, "left", len(left), 1)
			must(t, s.DeleteClaim(t.Context(), left[0]))
			continue
		}
		want(t, "update", updated, store.ErrNotFound)
		want(t, "delete", deleted, nil)
		equal(t, "left", left, nil)
	}
}

// In a storm of creates and deletes every acknowledgement counts: a meeting is claimed if and only if it was claimed
// once more than it was freed.
func raceStorm(t *testing.T, s store.State) {
	const meetings = 3
	var mu sync.Mutex
	balance := map[string]int{}
	count := func(meetingID string, by int) {
		mu.Lock()
		defer mu.Unlock()
		balance[meetingID] += by
	}
	kit.Race(kit.Racers, func(i int) {
		for n := range 12 {
			c := aClaim("a", fmt.Sprint("room", (i+n)%meetings))
			c.Server = fmt.Sprint("bbb", i%4)
			standing, err := s.CreateClaim(t.Context(), c)
			if err == nil {
				count(c.MeetingID, 1)
			} else if !errors.Is(err, store.ErrExists) {
				t.Errorf("create: %v", err)
			}
			if err := s.DeleteClaim(t.Context(), standing); err == nil {
				count(c.MeetingID, -1)
			} else if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
				t.Errorf("delete: %v", err)
			}
		}
	})
	for _, c := range claimsOf(t, s) {
		count(c.MeetingID, -1)
	}
	for meetingID, n := range balance {
		equal(t, meetingID, n, 0)
	}
}

// A session that many add at once is there once, whole, with the most that any of them has counted.
func raceAddSession(t *testing.T, s store.Index) {
	kit.Race(kit.Racers, func(i int) {
		session := aSession("same", monday.Add(time.Duration(i)*time.Second))
		session.Hint, session.Peak, session.Joins = i, i, 100-i
		want(t, "add", s.AddSession(t.Context(), session), nil)
		want(t, "add", s.AddSession(t.Context(), aSession(fmt.Sprint(i), monday)), nil)
	})
	all := since(t, s, time.Time{}, 1000)
	equal(t, "sessions", len(all), kit.Racers+1)
	same := 0
	for _, session := range all {
		if session.ID == "same" {
			same++
			equal(t, "its end", session.End, monday.Add(time.Duration(session.Hint)*time.Second))
			equal(t, "its peak and joins", [2]int{session.Peak, session.Joins}, [2]int{kit.Racers - 1, 100})
		}
	}
	equal(t, "the same session", same, 1)
	equal(t, "sessions of the room", len(ofRoom(t, s, "default", aRoom, 1000)), kit.Racers+1)
}

// Of tenants whose servers use one ID at the same time one gets into the history, and no other one with it.
func raceAddOfOthers(t *testing.T, s store.Index) {
	for round := range 8 {
		var errs [kit.Racers]error
		session := func(i int) store.Session {
			session := aSession(fmt.Sprint("s", round), monday)
			session.Tenant = fmt.Sprint("t", i)
			return session
		}
		kit.Race(kit.Racers, func(i int) { errs[i] = s.AddSession(t.Context(), session(i)) })
		kit.OneWins(t, errs[:], store.ErrExists)
		for i, err := range errs {
			all := ofRoom(t, s, fmt.Sprint("t", i), aRoom, 1000)
			all = slices.DeleteFunc(all, func(other store.Session) bool { return other.ID != session(i).ID })
			if err == nil {
				equal(t, "the winner's", all, []store.Session{session(i)})
			} else {
				equal(t, "a loser's", all, nil)
			}
		}
	}
	equal(t, "sessions", len(since(t, s, time.Time{}, 1000)), 8)
}

// Deletions that race with each other and with additions delete each session once, and none that they should not.
func raceDeleteSessions(t *testing.T, s store.Index) {
	const each = 10
	var deleted atomic.Int64
	kit.Race(kit.Racers, func(i int) {
		for n := range each {
			id := fmt.Sprint(i, "-", n)
			want(t, "add", s.AddSession(t.Context(), aSession("old"+id, monday.Add(-time.Hour))), nil)
			want(t, "add", s.AddSession(t.Context(), aSession("new"+id, monday)), nil)
			n, err := s.DeleteSessions(t.Context(), monday, 3)
			want(t, "delete", err, nil)
			deleted.Add(int64(n))
		}
	})
	rest, err := s.DeleteSessions(t.Context(), monday, 1000)
	must(t, err)
	equal(t, "deleted", int(deleted.Load())+rest, each*kit.Racers)
	all := since(t, s, time.Time{}, 1000)
	equal(t, "left", len(all), each*kit.Racers)
	for _, session := range all {
		equal(t, "its end", session.End, monday)
	}
	equal(t, "left of the room", len(ofRoom(t, s, "default", aRoom, 1000)), each*kit.Racers)
}

// Of many who show one token at once, one is let in.
func raceSpendToken(t *testing.T, s store.State) {
	for round := range 8 {
		var errs [kit.Racers]error
		kit.Race(kit.Racers, func(i int) {
			errs[i] = s.SpendToken(t.Context(), fmt.Sprint("token", round), monday, monday.Add(time.Minute))
		})
		kit.OneWins(t, errs[:], store.ErrExists)
	}
}
