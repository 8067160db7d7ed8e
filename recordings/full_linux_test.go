package recordings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/volume"
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

// A 6 MB archive for a disk of 4 MB: it is not in the index, the archive is kept, metrics and readiness say so, and once
// the disk is larger the import completes by itself.
func TestImport_TooSmallADisk(t *testing.T) {
	data, dir := t.TempDir(), small(t, 4<<20)
	var guard *volume.Guard
	p := open(t, data, func(s *recordings.Service) {
		s.Config.Root, s.Config.Published, s.Config.Unpublished, s.Config.Trash = dir, "", "", ""
		s.Config = s.Config.In(data)
		lib, err := library.New(s.Config.Dirs())
		if err != nil {
			t.Fatal(err)
		}
		guard = volume.New(volume.Config{Interval: time.Second, Timeout: 5 * time.Second, MinFree: 64 << 10},
			time.Now, volume.Dir{Name: "published", Path: s.Config.Published})
		s.Library, s.Disk = lib, guard
	})
	p.run(t)
	t.Cleanup(func() { p.stop() })
	id := recordID(1)
	film := strings.Repeat("film ", 6<<20/5)
	p.drop(t, id+".tar", pack(t, made{id: id, format: "video", meetingID: "room", media: film}))
	eventually(t, "the import says what it waits for", func() bool { return p.job(t, id+".tar").Reason != "" })
	var b strings.Builder
	p.WriteMetrics(&b)
	if job := p.job(t, id+".tar"); job.State != store.JobWaiting || job.Attempts != 0 || !strings.Contains(b.String(), `bbbpool_import_jobs{state="waiting"} 1`) {
		t.Errorf("%+v\n%s", job, b.String())
	}
	if p.get(t, id).RecordID != "" || len(files(t, p.Config.Spool)) != 1 || len(files(t, dir)) != 0 {
		t.Errorf("not left as it was: %+v %v", p.get(t, id), files(t, dir))
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=20000000"); err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, id+".tar", store.JobDone)
	if p.media(t, id, "video") != film {
		t.Error("does not play")
	}
	p.sound(t)
}
