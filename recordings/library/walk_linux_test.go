package library_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// asNobody does something with the rights that nobody in particular has, on a thread of its own.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with what it has become
		if os.Geteuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
				return
			}
		}
		do()
	}()
	<-done
}

// A format that cannot be read is said to be so, and the others are visited all the same.
func TestWalk_Unreadable(t *testing.T) {
	r := newRig(t)
	r.put(t, "a", store.Published, "notes", "podcast", "video")
	closed := filepath.Join(r.Published, "podcast")
	succeed(t, os.Chmod(filepath.Dir(r.Published), 0o755), os.Chmod(closed, 0))
	defer func() { _ = os.Chmod(closed, 0o755) }()
	var got []string
	asNobody(t, func() {
		err := r.Walk(t.Context(), func(f library.Found) error {
			if f.Err != nil && (!errors.Is(f.Err, fs.ErrPermission) || f.Dir != closed || !f.Alien) {
				t.Errorf("%+v", f)
			}
			got = append(got, fmt.Sprint(f.Format, " ", f.Err != nil))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	slices.Sort(got)
	if want := []string{"notes false", "podcast true", "video false"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
