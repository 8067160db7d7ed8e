// Package kit is what the cases of the contract are written with: a case, checks, races, and IDs that some store has
// confused with others. It knows no records, and never opens a store.
package kit

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/store"
)

// Case is one case of the contract of S.
type Case[S any] struct {
	Name string
	Run  func(t *testing.T, s S)
}

// Call is a method of a store, as a case calls it that knows nothing of it but its error.
type Call func(ctx context.Context) error

// Drop is the error of a call.
func Drop(_ any, err error) error { return err }

// Want checks an error.
func Want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// Must ends a case that nothing is to be learned from after an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Equal checks what a store has said. Empty lists and maps are the same as none.
func Equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Refused checks that a store that does not take what is too long says so in a few words.
func Refused(t *testing.T, what string, err error) {
	t.Helper()
	if Want(t, what, err, store.ErrTooLarge); err != nil && len(err.Error()) > 1000 {
		t.Errorf("%s: the error has %d bytes", what, len(err.Error()))
	}
}

// Monday is when most records were made.
var Monday = time.Date(2026, 1, 5, 8, 0, 0, 125e6, time.UTC)

// TooLong is no ID that anybody means.
var TooLong = strings.Repeat("x", 1<<20)

// Texts are IDs that some store has confused with another ID, or with syntax of its own.
func Texts() []string {
	return []string{
		"a", "A", "ab", "a ", " a", "a%", "%", "a_", "_", "*", "a*", "[a]", "a?", "a:b", "a:b:c", "a/b", "a/../b", "/",
		".", "..", `a\b`, `\x00`, "%00", "a%00b", "a\nb", "a\tb", "'", "'; drop table claims; --", `"a"`, "{a}", "null",
		"\u00e4", "a\u0308", "会议", "🎓", "\u2028", "<a>&", strings.Repeat("m", 256), strings.Repeat("𝔐", 256),
	}
}

// Racers is how many run at once where cases do not say otherwise.
const Racers = 16

// Race lets n goroutines go at once and waits for all of them.
func Race(n int, body func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			body(i)
		})
	}
	close(start)
	wg.Wait()
}
