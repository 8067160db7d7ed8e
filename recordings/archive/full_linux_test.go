package archive_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/archive"
)

// A full disk is what it is, so that the archive is kept and tried again.
func TestUnpack_DiskFull(t *testing.T) {
	dst := t.TempDir()
	if err := syscall.Mount("tmpfs", dst, "tmpfs", 0, "size=256k"); err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			t.Fatal("needs leave to mount: ", err)
		}
		t.Skip("needs leave to mount: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dst, syscall.MNT_DETACH) })
	b := pack(t, whole("video", id, file("film.mp4", strings.Repeat("x", 1<<20)))...)
	_, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, archive.Limits{})
	if _, ok := errors.AsType[*archive.Error](err); ok || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "film.mp4") {
		t.Errorf("got %v", err)
	}
}
