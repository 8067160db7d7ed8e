package imports_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/imports/room"
)

// Bad archives are not tried again, those that cannot be read only so often, and what the disk is to blame for is for ever.
func TestHopeless(t *testing.T) {
	const most = 5
	for _, c := range []struct {
		what     string
		err      error
		attempts int
		want     bool
	}{
		{"bad", badArchive(false), 1, true},
		{"cut off", badArchive(true), most - 1, false},
		{"cut off, again and again", badArchive(true), most, true},
		{"no permission", syscall.EACCES, 1000, false},
		{"unreadable disk", syscall.EIO, most - 1, false},
		{"unreadable disk, again and again", syscall.EIO, most, true},
		{"cannot be stored", errors.New("too large"), most, true},
		{"cannot be stored yet", errors.New("too large"), 1, false},
		{"no room", room.Lack(errors.New("no room")), 1000, false},
		{"full", syscall.ENOSPC, 1000, false},
		{"quota", fmt.Errorf("write: %w", syscall.EDQUOT), 1000, false},
	} {
		if got := imports.Hopeless(c.err, c.attempts); got != c.want {
			t.Errorf("%s: %t", c.what, got)
		}
	}
}
