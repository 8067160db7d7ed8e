package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/accounts"
	"github.com/bbbpool/bbbpool/store/storetest/catalogue"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
	"github.com/bbbpool/bbbpool/store/storetest/outgoing"
)

func stateLifeCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Life/Canceled", Run: stateCanceled},
		{Name: "Life/Closed", Run: stateClosed},
	}
}

func indexLifeCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Life/Canceled", Run: indexCanceled},
		{Name: "Life/Closed", Run: indexClosed},
	}
}

// stateCalls are all the methods, none of which would fail on a store with a server bbb1, a tenant a, its claim
// and its ending.
func stateCalls(s store.State) map[string]kit.Call {
	return map[string]kit.Call{
		"Waiting":       func(ctx context.Context) error { return kit.Drop(s.Waiting(ctx, 10)) },
		"AddWaiting":    func(ctx context.Context) error { return s.AddWaiting(ctx, aWait("1")) },
		"DeleteWaiting": func(ctx context.Context) error { return s.DeleteWaiting(ctx, "1") },
		"Dump":          func(ctx context.Context) error { return s.Dump(ctx, func(store.Row) error { return nil }) },
		"Load":          func(ctx context.Context) error { return s.Load(ctx, nil) },
		"Wipe":          func(ctx context.Context) error { return s.Wipe(ctx) },
		"Servers":       func(ctx context.Context) error { return kit.Drop(s.Servers(ctx)) },
		"Server":        func(ctx context.Context) error { return kit.Drop(s.Server(ctx, "bbb1")) },
		"CreateServer":  func(ctx context.Context) error { return s.CreateServer(ctx, aServer("bbb2")) },
		"UpdateServer": func(ctx context.Context) error {
			return kit.Drop(s.UpdateServer(ctx, "bbb1", func(r *store.Server) error { r.Tag = "new"; return nil }))
		},
		"DeleteServer": func(ctx context.Context) error { return s.DeleteServer(ctx, "bbb1") },
		"Tenants":      func(ctx context.Context) error { return kit.Drop(s.Tenants(ctx)) },
		"Tenant":       func(ctx context.Context) error { return kit.Drop(s.Tenant(ctx, "a")) },
		"CreateTenant": func(ctx context.Context) error { return kit.Drop(s.CreateTenant(ctx, aTenant("b"))) },
		"UpdateTenant": func(ctx context.Context) error {
			return kit.Drop(s.UpdateTenant(ctx, "a", func(r *store.Tenant) error { r.Name = "new"; return nil }))
		},
		"DeleteTenant": func(ctx context.Context) error { return s.DeleteTenant(ctx, "a") },
		"SpendToken":   func(ctx context.Context) error { return s.SpendToken(ctx, "new", monday, monday.Add(time.Hour)) },
		"Claims":       func(ctx context.Context) error { return kit.Drop(s.Claims(ctx)) },
		"CreateClaim":  func(ctx context.Context) error { return kit.Drop(s.CreateClaim(ctx, aClaim("a", "new"))) },
		"UpdateClaim": func(ctx context.Context) error {
			key := aClaim("a", "room").MeetingKey
			return kit.Drop(s.UpdateClaim(ctx, key, func(r *store.Claim) error { r.Expected++; return nil }))
		},
		"DeleteClaim": func(ctx context.Context) error { return s.DeleteClaim(ctx, aClaim("a", "room")) },
		"Endings":     func(ctx context.Context) error { return kit.Drop(s.Endings(ctx)) },
		"AddEndings": func(ctx context.Context) error {
			return s.AddEndings(ctx, anEnding("a", "room", "bbb1"))
		},
		"DeleteEnding": func(ctx context.Context) error { return s.DeleteEnding(ctx, anEnding("a", "gone", "bbb1")) },
	}
}

// indexCalls would not fail on a store with a session s1.
func indexCalls(s store.Index) map[string]kit.Call {
	return map[string]kit.Call{
		"Key":             func(ctx context.Context) error { return kit.Drop(s.Key(ctx, "new", []byte("fresh"))) },
		"AddSession":      func(ctx context.Context) error { return s.AddSession(ctx, aSession("s2", monday)) },
		"SessionsSince":   func(ctx context.Context) error { return kit.Drop(s.SessionsSince(ctx, monday, "", 10)) },
		"MeetingSessions": func(ctx context.Context) error { return kit.Drop(s.MeetingSessions(ctx, "default", aRoom, 10)) },
		"Session":         func(ctx context.Context) error { return kit.Drop(s.Session(ctx, "s1")) },
		"DeleteSessions":  func(ctx context.Context) error { return kit.Drop(s.DeleteSessions(ctx, monday.Add(time.Hour), 10)) },
		"Events":          func(ctx context.Context) error { return kit.Drop(s.Events(ctx)) },
		"KeepEvents":      func(ctx context.Context) error { return s.KeepEvents(ctx, "bbb1", someEvents()) },
		"EraseSessions":   func(ctx context.Context) error { return kit.Drop(s.EraseSessions(ctx, "default", aRoom, 10)) },
	}
}

// A caller that has given up gets its context's error, and nothing was done.
func canceled(t *testing.T, calls map[string]kit.Call) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls {
		want(t, name, call(ctx), context.Canceled)
	}
}

func stateCanceled(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	_, err := s.CreateTenant(ctx, aTenant("a"))
	must(t, err)
	_, err = s.CreateClaim(ctx, aClaim("a", "room"))
	must(t, err)
	must(t, s.AddEndings(ctx, anEnding("a", "gone", "bbb1")))
	canceled(t, stateCalls(s))
	canceled(t, accounts.StateCalls(s))
	servers, err := s.Servers(ctx)
	must(t, err)
	equal(t, "servers", servers, []store.Server{aServer("bbb1")})
	tenants, err := s.Tenants(ctx)
	must(t, err)
	equal(t, "tenants", tenants, []store.Tenant{aTenant("a")})
	equal(t, "claims", claimsOf(t, s), []store.Claim{aClaim("a", "room")})
	equal(t, "endings", endingsOf(t, s), []store.Ending{anEnding("a", "gone", "bbb1")})
	want(t, "spend", s.SpendToken(ctx, "new", monday, monday.Add(time.Hour)), nil)
}

func indexCanceled(t *testing.T, s store.Index) {
	must(t, s.AddSession(t.Context(), aSession("s1", monday)))
	must(t, catalogue.Seed(t.Context(), s))
	must(t, outgoing.Seed(t.Context(), s))
	canceled(t, indexCalls(s))
	canceled(t, catalogue.Calls(s))
	canceled(t, accounts.IndexCalls(s))
	canceled(t, outgoing.Calls(s))
	told, err := s.Callbacks(t.Context(), store.CallbackFilter{})
	must(t, err)
	equal(t, "callbacks", told, []store.Callback{outgoing.ACallback("x", monday)})
	jobs, err := s.Jobs(t.Context(), store.JobFilter{})
	must(t, err)
	equal(t, "jobs", jobs, []store.Job{catalogue.AJob("j1")})
	equal(t, "sessions", since(t, s, time.Time{}, 10), []store.Session{aSession("s1", monday)})
	recordings, err := s.ScanRecordings(t.Context(), "", 10)
	must(t, err)
	equal(t, "recordings", recordings, []store.Recording{catalogue.ARecording("a", "r1")})
	equal(t, "key", key(t, s, "new", "another"), "another")
}

// A closed store answers nothing, not even that something is missing, and can be closed again: both groups may be one.
func closed(t *testing.T, closeStore func() error, calls map[string]kit.Call) {
	for range 2 {
		want(t, "close", closeStore(), nil)
	}
	for name, call := range calls {
		err := call(t.Context())
		if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists) {
			t.Errorf("%s on a closed store: got error %v", name, err)
		}
	}
}

func stateClosed(t *testing.T, s store.State) {
	closed(t, s.Close, stateCalls(s))
	closed(t, s.Close, accounts.StateCalls(s))
}

func indexClosed(t *testing.T, s store.Index) {
	closed(t, s.Close, indexCalls(s))
	closed(t, s.Close, catalogue.Calls(s))
	closed(t, s.Close, accounts.IndexCalls(s))
	closed(t, s.Close, outgoing.Calls(s))
}
