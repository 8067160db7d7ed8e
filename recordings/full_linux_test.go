package recordings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// small mounts a disk of so many bytes.
func small(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Skipf("needs the right to mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves so many bytes free on a disk.
func fill(t *testing.T, dir string, free int64) (name string) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(dir, "filler")
	if err := os.WriteFile(name, make([]byte, max(0, int64(st.Bavail)*st.Bsize-free)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A disk that is full at any stage of an import, store and library alike: the recording is wholly old or wholly new, the
// archive is kept, and the import goes on by itself once there is room.
func TestFull(t *testing.T) {
	for _, free := range []int64{0, 4 << 10, 12 << 10, 24 << 10, 40 << 10, 60 << 10, 90 << 10, 130 << 10, 200 << 10, 400 << 10} {
		t.Run(fmt.Sprint(free), func(t *testing.T) {
			dir := small(t, 8<<20)
			p := open(t, dir, nil)
			p.run(t)
			t.Cleanup(func() { p.stop() })
			id := recordID(1)
			p.drop(t, id+"-1.tar", edition(t, id, 1))
			p.waitFor(t, id+"-1.tar", store.JobDone)
			hidden := filepath.Join(p.Config.Spool, ".part")
			if err := os.WriteFile(hidden, edition(t, id, 2), 0o600); err != nil {
				t.Fatal(err)
			}
			filler := fill(t, dir, free)
			if err := os.Rename(hidden, filepath.Join(p.Config.Spool, id+"-2.tar")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the import was tried", func() bool {
				j := p.job(t, id+"-2.tar")
				return j.State == store.JobDone || j.Reason != "" || strings.Contains(p.log.text(), "import waits") || strings.Contains(p.log.text(), "note an archive")
			})
			if p.editionOf(t, id, "video") == 1 {
				if _, err := os.Stat(filepath.Join(p.Config.Spool, id+"-2.tar")); err != nil {
					t.Error("the archive is gone, and its recording is old")
				}
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			job := p.waitFor(t, id+"-2.tar", store.JobDone)
			eventually(t, "the new edition plays", func() bool { return p.editionOf(t, id, "video") == 2 })
			if p.editionOf(t, id, "presentation") != 2 || strings.Contains(job.Reason, "removed") {
				t.Errorf("%+v", job)
			}
			p.sound(t)
		})
	}
}
