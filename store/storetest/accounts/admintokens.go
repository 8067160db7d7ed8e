package accounts

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func adminTokenCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "AdminTokens/Kept", Run: adminTokensKept},
		{Name: "AdminTokens/Errors", Run: adminTokenErrors},
		{Name: "AdminTokens/NotShared", Run: adminTokensNotShared},
	}
}

// anAdminToken fills every field.
func anAdminToken(name string) store.AdminToken {
	return store.AdminToken{
		Name: name, Hash: "e3b0c442 of " + name, Scopes: []string{"read", "recordings"}, Tenant: "a", Created: kit.Monday,
		Expires: kit.Monday.Add(time.Hour),
	}
}

func adminTokensOf(t *testing.T, s store.Index) []store.AdminToken {
	t.Helper()
	list, err := s.AdminTokens(t.Context())
	kit.Must(t, err)
	return list
}

// Every field comes back, lists are in the order of the names, and odd names are as good as others.
func adminTokensKept(t *testing.T, s store.Index) {
	kit.Equal(t, "a new store", adminTokensOf(t, s), nil)
	bare := store.AdminToken{Name: "a"}
	for _, token := range []store.AdminToken{anAdminToken("c"), bare, anAdminToken("b")} {
		kit.Must(t, s.CreateAdminToken(t.Context(), token))
	}
	kit.Equal(t, "list", adminTokensOf(t, s), []store.AdminToken{bare, anAdminToken("b"), anAdminToken("c")})
	for _, name := range []string{"a", "b", "c"} {
		kit.Must(t, s.DeleteAdminToken(t.Context(), name))
	}
	for _, name := range kit.Texts() {
		kit.Must(t, s.CreateAdminToken(t.Context(), anAdminToken(name)))
	}
	kit.Equal(t, "tokens", len(adminTokensOf(t, s)), len(kit.Texts()))
	for _, token := range adminTokensOf(t, s) {
		kit.Equal(t, "token", token, anAdminToken(token.Name))
		kit.Must(t, s.DeleteAdminToken(t.Context(), token.Name))
	}
	kit.Equal(t, "left", adminTokensOf(t, s), nil)
}

// A name is taken until its token is deleted, and none is no name.
func adminTokenErrors(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Must(t, s.CreateAdminToken(ctx, anAdminToken("ci")))
	other := anAdminToken("ci")
	other.Hash, other.Scopes = "another", []string{"admin"}
	kit.Want(t, "create again", s.CreateAdminToken(ctx, other), store.ErrExists)
	for _, name := range []string{"", "c", "ci2", "CI", kit.TooLong} {
		kit.Want(t, "delete another", s.DeleteAdminToken(ctx, name), store.ErrNotFound)
	}
	kit.Equal(t, "list", adminTokensOf(t, s), []store.AdminToken{anAdminToken("ci")})
	if err := s.CreateAdminToken(ctx, store.AdminToken{}); err == nil {
		t.Error("a token without a name was created")
	}
	kit.Refused(t, "name", s.CreateAdminToken(ctx, anAdminToken(kit.TooLong)))
	kit.Want(t, "delete", s.DeleteAdminToken(ctx, "ci"), nil)
	kit.Want(t, "delete again", s.DeleteAdminToken(ctx, "ci"), store.ErrNotFound)
	kit.Want(t, "create anew", s.CreateAdminToken(ctx, other), nil)
	kit.Equal(t, "list", adminTokensOf(t, s), []store.AdminToken{other})
}

// A record handed in or out is its holder's to change.
func adminTokensNotShared(t *testing.T, s store.Index) {
	given := anAdminToken("ci")
	kit.Must(t, s.CreateAdminToken(t.Context(), given))
	given.Scopes[0] = "admin"
	adminTokensOf(t, s)[0].Scopes[1] = "admin"
	kit.Equal(t, "kept", adminTokensOf(t, s), []store.AdminToken{anAdminToken("ci")})
}

// Of tokens that race for a name one gets it, and one deletion has it.
func raceAdminTokens(t *testing.T, s store.Index) {
	ctx, made, gone := t.Context(), [kit.Racers]error{}, [kit.Racers]error{}
	kit.Race(kit.Racers, func(i int) { made[i] = s.CreateAdminToken(ctx, anAdminToken("ci")) })
	kit.Race(kit.Racers, func(i int) { gone[i] = s.DeleteAdminToken(ctx, "ci") })
	winners := [2]int{}
	for i := range kit.Racers {
		if made[i] == nil {
			winners[0]++
		} else {
			kit.Want(t, "create", made[i], store.ErrExists)
		}
		if gone[i] == nil {
			winners[1]++
		} else {
			kit.Want(t, "delete", gone[i], store.ErrNotFound)
		}
	}
	kit.Equal(t, "winners", winners, [2]int{1, 1})
}
