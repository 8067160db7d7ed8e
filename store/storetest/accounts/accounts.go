// Package accounts is the part of the contract about what tells of operators and of what tenants use: when credentials were
// last used, the tokens of administration, the audit log, and the days of accounting. Package storetest runs it with the
// rest; it opens no store, and knows no adapter.
package accounts

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

// StateCases are those of the group [store.State].
func StateCases() []kit.Case[store.State] {
	return append(useCases(), []kit.Case[store.State]{
		{Name: "Races/NoteUses", Run: raceNoteUses},
		{Name: "Life/NothingNoted", Run: nothingNoted},
	}...)
}

// IndexCases are those of the group [store.Index].
func IndexCases() []kit.Case[store.Index] {
	return slices.Concat(adminTokenCases(), auditCases(), usageCases(), []kit.Case[store.Index]{
		{Name: "Races/AdminTokens", Run: raceAdminTokens},
		{Name: "Races/Audits", Run: raceAudits},
		{Name: "Races/AddUsage", Run: raceAddUsage},
		{Name: "Races/EndCounted", Run: raceEnd},
		{Name: "Life/NothingAdded", Run: nothingAdded},
	})
}

// StateCalls are all the methods that this package is about. None would fail on an empty store.
func StateCalls(s store.State) map[string]kit.Call {
	return map[string]kit.Call{
		"Uses": func(ctx context.Context) error { return kit.Drop(s.Uses(ctx)) },
		"NoteUses": func(ctx context.Context) error {
			return s.NoteUses(ctx, used{aSecretOf("a", "main"): kit.Monday})
		},
	}
}

// IndexCalls are the same of the group [store.Index]. None would fail on a store with a token ci and an entry x.
func IndexCalls(s store.Index) map[string]kit.Call {
	return map[string]kit.Call{
		"AdminTokens":      func(ctx context.Context) error { return kit.Drop(s.AdminTokens(ctx)) },
		"CreateAdminToken": func(ctx context.Context) error { return s.CreateAdminToken(ctx, anAdminToken("new")) },
		"DeleteAdminToken": func(ctx context.Context) error { return s.DeleteAdminToken(ctx, "ci") },
		"AddAudit":         func(ctx context.Context) error { return s.AddAudit(ctx, anAudit("new", kit.Monday)) },
		"Audits":           func(ctx context.Context) error { return kit.Drop(s.Audits(ctx, store.AuditFilter{Limit: 10})) },
		"DeleteAudits": func(ctx context.Context) error {
			return kit.Drop(s.DeleteAudits(ctx, kit.Monday.Add(time.Hour), 10))
		},
		"BlankAudit":  func(ctx context.Context) error { return s.BlankAudit(ctx, anAudit("x", kit.Monday)) },
		"AddUsage":    func(ctx context.Context) error { return s.AddUsage(ctx, aUsage("2026-01-05", "a")) },
		"Usage":       func(ctx context.Context) error { return kit.Drop(s.Usage(ctx, store.UsageFilter{})) },
		"DeleteUsage": func(ctx context.Context) error { return kit.Drop(s.DeleteUsage(ctx, "2027-01-01", 10)) },
	}
}

// canceled makes calls whose caller has given up already.
func canceled(t *testing.T, calls map[string]kit.Call) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls {
		kit.Want(t, name, call(ctx), context.Canceled)
	}
}

// Of a caller that has given up nothing is noted.
func nothingNoted(t *testing.T, s store.State) {
	canceled(t, StateCalls(s))
	kit.Equal(t, "uses", usesOf(t, s), used{})
}

// Of a caller that has given up nothing is added or deleted.
func nothingAdded(t *testing.T, s store.Index) {
	kit.Must(t, s.CreateAdminToken(t.Context(), anAdminToken("ci")))
	kit.Must(t, s.AddAudit(t.Context(), anAudit("x", kit.Monday)))
	kit.Must(t, s.AddUsage(t.Context(), aUsage("2026-01-05", "a")))
	canceled(t, IndexCalls(s))
	kit.Equal(t, "tokens", adminTokensOf(t, s), []store.AdminToken{anAdminToken("ci")})
	kit.Equal(t, "audit log", auditsOf(t, s, store.AuditFilter{Limit: 10}), []store.Audit{anAudit("x", kit.Monday)})
	kit.Equal(t, "usage", usageOf(t, s, store.UsageFilter{}), []store.Usage{aUsage("2026-01-05", "a")})
}
