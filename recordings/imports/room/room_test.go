package room_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports/room"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// disk is one with as much room as a test likes.
type disk struct {
	limit, spare int64
	asked        int
}

func (d *disk) Room(bytes int64) error {
	if d.asked++; bytes > d.limit {
		return fmt.Errorf("%d bytes do not fit", bytes)
	}
	return nil
}

func (d *disk) Spare() int64 { return d.spare }

// The gate stays shut for longer each time, at most a minute, until something has found room.
func TestGate(t *testing.T) {
	var g room.Gate
	if g.Left(monday) != 0 {
		t.Error("shut from the start")
	}
	for _, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
		g.Shut(monday, 10*time.Second)
		if got := g.Left(monday); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := g.Left(monday.Add(2 * time.Minute)); got != 0 {
		t.Errorf("%s left after that", got)
	}
	g.Open()
	g.Shut(monday, 10*time.Second)
	if got := g.Left(monday); got != 10*time.Second {
		t.Errorf("again: %s", got)
	}
}

// Imports under way ask for what each writes next, beside what the others do; where there is plenty the disk is not asked.
func TestGrants(t *testing.T) {
	var g room.Grants
	d := &disk{limit: 100}
	first, firstDone := g.Begin(d)
	second, secondDone := g.Begin(d)
	if err := first(60); err != nil {
		t.Error(err)
	}
	if err := second(60); err == nil || !room.Lacking(err) {
		t.Errorf("both do not fit: %v", err)
	}
	if err := second(40); err != nil {
		t.Error(err)
	}
	if err := first(50); err != nil { // in the place of the 60
		t.Error(err)
	}
	firstDone()
	if err := second(100); err != nil {
		t.Errorf("alone: %v", err)
	}
	secondDone()
	d.spare, d.asked = math.MaxInt64, 0
	if more, done := g.Begin(d); more(1<<40) != nil || d.asked != 0 {
		t.Errorf("asked %d times", d.asked)
	} else {
		done()
	}
}
