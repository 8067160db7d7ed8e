package accounts

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func useCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Uses/Latest", Run: usesLatest},
		{Name: "Uses/Apart", Run: usesApart},
		{Name: "Uses/AllOrNothing", Run: usesAllOrNothing},
		{Name: "Uses/NotShared", Run: usesNotShared},
	}
}

// used is when each credential was last used.
type used = map[store.Credential]time.Time

func usesOf(t *testing.T, s store.State) used {
	t.Helper()
	list, err := s.Uses(t.Context())
	kit.Must(t, err)
	return list
}

func aSecretOf(tenant, name string) store.Credential {
	return store.Credential{Kind: store.CredentialSecret, Tenant: tenant, Name: name}
}

// The latest time stands, in whatever order it is told; the zero time forgets, also what was never there.
func usesLatest(t *testing.T, s store.State) {
	c, other := aSecretOf("a", "main"), aSecretOf("a", "other")
	kit.Equal(t, "a new store", usesOf(t, s), used{})
	for _, step := range []struct{ note, want time.Time }{
		{kit.Monday, kit.Monday},
		{kit.Monday.Add(-time.Hour), kit.Monday},
		{kit.Monday, kit.Monday},
		{kit.Monday.Add(time.Millisecond).In(time.FixedZone("", 3600)), kit.Monday.Add(time.Millisecond)},
		{time.UnixMilli(-1500), kit.Monday.Add(time.Millisecond)},
	} {
		kit.Must(t, s.NoteUses(t.Context(), used{c: step.note, other: kit.Monday}))
		kit.Equal(t, "uses", usesOf(t, s), used{c: step.want.UTC(), other: kit.Monday})
	}
	for range 2 {
		kit.Must(t, s.NoteUses(t.Context(), used{c: {}}))
		kit.Equal(t, "forgotten", usesOf(t, s), used{other: kit.Monday})
	}
	kit.Must(t, s.NoteUses(t.Context(), used{c: kit.Monday.Add(-time.Hour)}))
	kit.Equal(t, "with a new life", usesOf(t, s), used{c: kit.Monday.Add(-time.Hour), other: kit.Monday})
	kit.Must(t, s.NoteUses(t.Context(), nil))
}

// A credential is one of its kind and tenant, whatever its name is.
func usesApart(t *testing.T, s store.State) {
	all, i := used{}, 0
	for _, kind := range []string{store.CredentialSecret, store.CredentialToken} {
		for _, tenant := range []string{"", "a", "ab"} {
			for _, name := range append(kit.Texts(), "") {
				all[store.Credential{Kind: kind, Tenant: tenant, Name: name}] = kit.Monday.Add(time.Duration(i) * time.Second)
				i++
			}
		}
	}
	kit.Must(t, s.NoteUses(t.Context(), all))
	kit.Equal(t, "uses", usesOf(t, s), all)
}

// What could be taken for another credential is refused, and the rest of the call with it.
func usesAllOrNothing(t *testing.T, s store.State) {
	for _, odd := range []store.Credential{{}, {Tenant: "a", Name: "main"}} {
		if err := s.NoteUses(t.Context(), used{odd: kit.Monday, aSecretOf("a", "main"): kit.Monday}); err == nil {
			t.Errorf("the use of %+v is noted", odd)
		}
	}
	long := used{aSecretOf("a", kit.TooLong): kit.Monday, aSecretOf("a", "main"): kit.Monday}
	kit.Refused(t, "name", s.NoteUses(t.Context(), long))
	kit.Equal(t, "uses", usesOf(t, s), used{})
	for _, odd := range []store.Credential{aSecretOf("a\x00b", "c"), {Kind: "secret\x00a", Tenant: "b", Name: "c"}} {
		want := used{aSecretOf("a", "b\x00c"): kit.Monday}
		kit.Must(t, s.NoteUses(t.Context(), want))
		if err := s.NoteUses(t.Context(), used{odd: kit.Monday}); err == nil { // a store may refuse it
			want[odd] = kit.Monday
		}
		kit.Equal(t, "beside an odd one", usesOf(t, s), want)
	}
}

// A map handed in or out is its holder's to change.
func usesNotShared(t *testing.T, s store.State) {
	given := used{aSecretOf("a", "main"): kit.Monday}
	kit.Must(t, s.NoteUses(t.Context(), given))
	clear(given)
	clear(usesOf(t, s))
	kit.Equal(t, "kept", usesOf(t, s), used{aSecretOf("a", "main"): kit.Monday})
}

// Of notes that race the latest stands.
func raceNoteUses(t *testing.T, s store.State) {
	c := aSecretOf("a", "main")
	kit.Race(kit.Racers, func(i int) {
		for n := range 4 {
			kit.Must(t, s.NoteUses(t.Context(), used{c: kit.Monday.Add(time.Duration(i*n) * time.Second)}))
		}
	})
	kit.Equal(t, "uses", usesOf(t, s), used{c: kit.Monday.Add((kit.Racers - 1) * 3 * time.Second)})
}
