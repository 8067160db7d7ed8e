package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// A key is that of the database, which a copy stands in for that its owner alone may read; where there is none, a fresh one is the
// key until the database says otherwise.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	var stored []byte
	var wrong error
	key := func() *mirror.Key {
		return &mirror.Key{Dir: dir, File: "some.key", Ask: func(_ context.Context, fresh []byte) ([]byte, error) {
			if wrong == nil && stored == nil {
				stored = fresh
			}
			return stored, wrong
		}}
	}
	k := key()
	get := func(fresh, want string, sure bool) {
		t.Helper()
		got, err := k.Get(t.Context(), []byte(fresh))
		if err != nil || string(got) != want || k.Sure() != sure {
			t.Errorf("%q, %v, sure %v; want %q", got, err, k.Sure(), want)
		}
	}
	away := fmt.Errorf("connect: %w", store.ErrAway)
	wrong = away
	get("first", "first", false)
	get("second", "first", false)
	k = key()
	get("third", "first", false)
	stored, wrong = []byte("theirs"), nil
	get("first", "theirs", true)
	k, wrong = key(), away
	get("fourth", "theirs", false)
	path := filepath.Join(dir, "some.key")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	must(t, os.WriteFile(path, bytes.Repeat([]byte("x"), 5000), 0o600))
	if _, err := key().Get(t.Context(), []byte("x")); err == nil {
		t.Error("a damaged copy is a key")
	}
}
