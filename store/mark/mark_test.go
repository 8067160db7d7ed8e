package mark_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/mark"
)

// A note is in its group until it is taken away, is replaced in one step, and stands before all that waits.
func TestMark(t *testing.T) {
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx, state, index := t.Context(), db.State(), db.Index()
	if err := state.AddWaiting(ctx, store.Wait{ID: "0", Call: "x"}); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 9, 7, 8, 0, 0, 0, time.UTC)
	for _, m := range []mark.Mark{{}, {What: mark.Unfinished, By: "x", At: at}, {What: mark.Moved, By: "y", At: at}, {}} {
		if err := mark.OnState(ctx, state, m); err != nil {
			t.Fatal(err)
		}
		if err := mark.OnIndex(ctx, index, m); err != nil {
			t.Fatal(err)
		}
		if got, err := mark.OfState(ctx, state); got != m || err != nil {
			t.Errorf("in the State %+v, %v, want %+v", got, err, m)
		}
		if got, err := mark.OfIndex(ctx, index); got != m || err != nil {
			t.Errorf("in the Index %+v, %v, want %+v", got, err, m)
		}
		notes := 0
		for _, group := range []store.Whole{state, index} {
			if err := group.Dump(ctx, func(r store.Row) error {
				if mark.Row(r) {
					notes++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if want := 2; m == (mark.Mark{}) && notes != 0 || m != (mark.Mark{}) && notes != want {
			t.Errorf("%d notes of %+v", notes, m)
		}
	}
}

// A note that cannot be read is one.
func TestMark_Unreadable(t *testing.T) {
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Index().KeepEvents(t.Context(), "!bbbpool-home", []store.Event{{Kind: "none", Text: "{"}}); err != nil {
		t.Fatal(err)
	}
	if m, err := mark.OfIndex(t.Context(), db.Index()); m.What != mark.Unfinished || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
}
