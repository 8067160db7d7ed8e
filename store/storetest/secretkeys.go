package storetest

import (
	"fmt"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func secretKeyCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "SecretKeys/First", Run: secretKeyFirst},
		{Name: "SecretKeys/Empty", Run: secretKeyEmpty},
		{Name: "SecretKeys/NotShared", Run: secretKeyNotShared},
	}
}

func key(t *testing.T, s store.Index, name, fresh string) string {
	t.Helper()
	k, err := s.Key(t.Context(), name, []byte(fresh))
	must(t, err)
	return string(k)
}

// The first key by a name is the key for ever, byte for byte, and that of no other name.
func secretKeyFirst(t *testing.T, s store.Index) {
	for _, name := range kit.Texts() {
		equal(t, "fresh", key(t, s, name, "\x00\xff key of "+name), "\x00\xff key of "+name)
	}
	for _, name := range kit.Texts() {
		equal(t, "later", key(t, s, name, "another"), "\x00\xff key of "+name)
		equal(t, "without a fresh one", key(t, s, name, ""), "\x00\xff key of "+name)
	}
}

// A key that everybody could guess is none.
func secretKeyEmpty(t *testing.T, s store.Index) {
	for _, fresh := range [][]byte{nil, {}} {
		if k, err := s.Key(t.Context(), "k", fresh); err == nil || k != nil {
			t.Errorf("without a fresh key: got %q, %v", k, err)
		}
	}
	if k, err := s.Key(t.Context(), "", []byte("fresh")); err == nil || k != nil {
		t.Errorf("without a name: got %q, %v", k, err)
	}
	equal(t, "the first", key(t, s, "k", "fresh"), "fresh")
}

// A key handed in or out is its holder's to change.
func secretKeyNotShared(t *testing.T, s store.Index) {
	fresh := []byte("fresh")
	for _, what := range []string{"made", "read"} {
		k, err := s.Key(t.Context(), "k", fresh)
		must(t, err)
		equal(t, what, string(k), "fresh")
		clear(k)
		equal(t, "handed in", string(fresh), "fresh")
	}
	clear(fresh)
	equal(t, "kept", key(t, s, "k", "another"), "fresh")
}

// Of first starts that race each learns the same key, which is one of theirs.
func raceKey(t *testing.T, s store.Index) {
	for round := range 8 {
		var got [kit.Racers]string
		name := fmt.Sprint("key", round)
		kit.Race(kit.Racers, func(i int) {
			k, err := s.Key(t.Context(), name, fmt.Append(nil, "fresh", i))
			want(t, "key", err, nil)
			got[i] = string(k)
		})
		offered := map[string]bool{}
		for i := range kit.Racers {
			offered[fmt.Sprint("fresh", i)] = true
			equal(t, "what all learn", got[i], got[0])
		}
		equal(t, "offered", offered[got[0]], true)
		equal(t, "kept", key(t, s, name, "late"), got[0])
	}
}
