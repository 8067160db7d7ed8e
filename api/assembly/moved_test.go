package assembly_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mark"
	"github.com/bbbpool/bbbpool/store/moving"
)

// An instance that begins while the records are moved elsewhere does not go on at the old place once they have: it waits for the
// lease meanwhile, and ends then with where they are.
func TestRun_MovedMeanwhile(t *testing.T) {
	t.Parallel()
	a := newOutage(t, false)
	a.end()
	mover, err := driver.Open(driver.Config{Settings: a.o.Settings.Stores, Data: t.TempDir(), Mover: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mover.Close() }()
	ctx, release, err := moving.Hold(t.Context(), mover)
	if err != nil {
		t.Fatal(err)
	}
	a.pool = open(t, a.o)
	ended := make(chan error, 1)
	go func() { ended <- a.pool.Run(t.Context()) }()
	note := mark.Mark{What: mark.Moved, By: "the new home", At: time.Now()}
	err = mark.OnState(ctx, mover.State, note)
	release()
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err = <-ended:
	case <-time.After(30 * time.Second):
		err = errors.New("it goes on")
	}
	if err == nil || !strings.Contains(err.Error(), "the new home") {
		t.Errorf("ended: %v", err)
	}
}
