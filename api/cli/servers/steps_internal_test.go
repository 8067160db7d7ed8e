package servers

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
)

// What takes hours is told in a file in a line for each step, and at most in one a minute for how many are left; what fails
// on the way is always told, and nothing of it is obeyed by a terminal.
func TestFollowed(t *testing.T) {
	var told bytes.Buffer
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	env := &cli.Env{Ctx: t.Context(), Err: &told, Now: func() time.Time { return now }}
	left, err := followed(env, "server\x1b a", func(tell func(v1.Progress)) (int, error) {
		for _, step := range []struct {
			after time.Duration
			p     v1.Progress
		}{
			{0, v1.Progress{Current: "waiting for 2 meetings with 9 people"}},
			{time.Second, v1.Progress{Current: "waiting for 2 meetings with 9 people"}},
			{time.Second, v1.Progress{Current: "waiting for 2 meetings with 8 people"}},
			{time.Second, v1.Progress{Current: "waiting for 1 meeting with 8 people"}},
			{time.Minute, v1.Progress{Current: "waiting for 1 meeting with 7 people"}},
			{time.Second, v1.Progress{Current: "waiting for 1 meeting with 7 people", Problem: "the server\x1b is away"}},
			{time.Hour, v1.Progress{Current: "disabled"}},
			{time.Hour, v1.Progress{Current: "disabled"}},
		} {
			now = now.Add(step.after)
			tell(step.p)
		}
		return 7, nil
	})
	if left != 7 || err != nil {
		t.Errorf("it returned %d, %v", left, err)
	}
	const want = `server\x1b a: waiting for 2 meetings with 9 people
server\x1b a: waiting for 1 meeting with 8 people
server\x1b a: waiting for 1 meeting with 7 people
server\x1b a: the server\x1b is away
server\x1b a: disabled
`
	if diff := cmp.Diff(want, told.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where somebody watches, there is one line that says how far it is, and none when it is over.
func TestFollowed_Watched(t *testing.T) {
	var told bytes.Buffer
	env := &cli.Env{Ctx: t.Context(), Err: &told, Watched: true}
	failed := errors.New("away")
	_, err := followed(env, "server a", func(tell func(v1.Progress)) (int, error) {
		tell(v1.Progress{Done: 1, Total: 3, Current: "one"})
		tell(v1.Progress{Done: 2, Total: 3, Current: "two", Problem: "lost"})
		return 0, failed
	})
	const want = "\r\x1b[K 33%  1/3 done  one\r\x1b[Ktwo: lost\n\r\x1b[K"
	if !errors.Is(err, failed) || told.String() != want {
		t.Errorf("%v, and %q, want %q", err, told.String(), want)
	}
}

// The clock of a server is told in tenths of seconds, and one that is right within that is right.
func TestClock(t *testing.T) {
	for skew, want := range map[float64]string{0: "right", 49: "right", -49: "right", 2500: "2.5s ahead", -61000: "1m1s behind"} {
		if got := clock(skew); got != want {
			t.Errorf("%v ms: %s, want %s", skew, got, want)
		}
	}
}
