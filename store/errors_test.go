package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// What is named is ignored however deep it is wrapped, and nothing else is.
func TestIgnore(t *testing.T) {
	gone := fmt.Errorf("read server: %w", store.ErrNotFound)
	for _, c := range []struct{ err, want error }{
		{nil, nil},
		{gone, nil},
		{store.ErrConflict, nil},
		{store.ErrExists, store.ErrExists},
		{fmt.Errorf("read: %w", store.ErrLocked), store.ErrLocked},
	} {
		if got := store.Ignore(c.err, store.ErrNotFound, store.ErrConflict); !errors.Is(got, c.want) {
			t.Errorf("%v: got %v", c.err, got)
		}
	}
	if got := store.Ignore(gone); !errors.Is(got, store.ErrNotFound) {
		t.Errorf("with nothing to ignore: %v", got)
	}
}
