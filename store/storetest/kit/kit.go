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

// ErrOwn is what closures refuse with.
var ErrOwn = errors.New("the closure's own error")

// Want checks an error.
func Want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// Own checks that a closure's error came back as it is, unwrapped.
func Own(t *testing.T, err error) {
	t.Helper()
	if err != ErrOwn { //nolint:errorlint // as it is
		t.Errorf("got error %v, want the closure's as it is", err)
	}
}

// OneWins checks that of calls that raced one had its way, and what all others were told.
func OneWins(t *testing.T, errs []error, others error) {
	t.Helper()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
		} else {
			Want(t, "of the others", err, others)
		}
	}
	Equal(t, "winners", winners, 1)
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

// NotText are meeting IDs that no encoding of text knows, or that end where a careless one thinks they do.
func NotText() []string {
	return []string{"\x00", "a\x00", "a\x00b", "\x00a", "\xff", "\xff\xfe", "a\xff", "\xc3", "\xc3\x28", "\x01"}
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
