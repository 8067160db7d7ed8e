package library_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

const (
	childMounts = "BBBPOOL_TEST_CHILD_MOUNTS" // makes a child that may mount of this test binary
	require     = "BBBPOOL_TEST_REQUIRE"      // no test may be skipped
	noMounts    = 77                          // the exit code of a child that may not
)

// mounting tells whether the test may mount file systems that nobody else sees. If not, it has run the test in a child
// that may.
func mounting(t *testing.T) bool {
	t.Helper()
	if os.Getenv(childMounts) != "" {
		if syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil {
			os.Exit(noMounts)
		}
		return true
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childMounts+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		child.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := child.CombinedOutput()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
	case exited && exit.ExitCode() != noMounts:
		t.Errorf("%s", out)
	case os.Getenv(require) != "":
		t.Fatalf("needs mounts: %v", err)
	default:
		t.Skipf("needs mounts: %v", err)
	}
	return false
}

// mount mounts a file system in memory.
func mount(t *testing.T, dir, size string, flags uintptr) {
	t.Helper()
	succeed(t, os.MkdirAll(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Fatal(os.NewSyscallError("mount "+dir, err))
	}
	if flags&syscall.MS_REMOUNT == 0 {
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
}

// Trees on other file systems are filled by copies, which keep times and modes, and nothing is left of the way there.
func TestTwoFileSystems(t *testing.T) {
	if !mounting(t) {
		return
	}
	d := dirsIn(t.TempDir())
	mount(t, d.Unpublished, "1m", 0)
	mount(t, d.Deleted, "1m", 0)
	r := open(t, d)
	r.put(t, "old", store.Published, "video")
	file := filepath.Join(r.Published, "video", id, "metadata.xml")
	before, err := os.Stat(file)
	succeed(t, err, os.Chmod(file, 0o640), os.Symlink("metadata.xml", filepath.Join(filepath.Dir(file), "link")))
	for _, state := range []store.RecordingState{store.Deleted, store.Unpublished, store.Published} {
		succeed(t, r.Move(id, state))
		r.wants(t, map[string]string{string(state) + "/video": "old"})
		r.wantsNoLeftover(t)
	}
	after, err := os.Stat(file)
	succeed(t, err)
	if !after.ModTime().Equal(before.ModTime()) || after.Mode() != 0o640 {
		t.Errorf("copied with %s and %s, want %s", after.ModTime(), after.Mode(), before.ModTime())
	}
	if target, err := os.Readlink(filepath.Join(filepath.Dir(file), "link")); target != "metadata.xml" {
		t.Errorf("link to %q, %v", target, err)
	}
	r.put(t, "new", store.Unpublished, "video")
	r.wants(t, map[string]string{"unpublished/video": "new"})
	r.wantsNoLeftover(t)
}

// A full disk changes nothing but what there is room for: what was there stays, notes too, until there is room, and
// what is deleted makes some.
func TestFull(t *testing.T) {
	if !mounting(t) {
		return
	}
	d := dirsIn(t.TempDir())
	mount(t, d.Unpublished, "256k", 0)
	r := open(t, d)
	big := strings.Repeat("x", 100<<10)
	r.put(t, "old", store.Unpublished, "video")
	r.stage(t, "job", id, big, "video")
	mentions(t, r.Place("job", id, []string{"video"}, store.Unpublished), syscall.ENOSPC, id, "video")
	r.wants(t, map[string]string{"unpublished/video": "old"})
	r.put(t, big, store.Published, "presentation")
	mentions(t, r.Move(id, store.Unpublished), syscall.ENOSPC, id, "presentation")
	r.wants(t, map[string]string{"unpublished/video": "old", "published/presentation": big})
	mount(t, d.Unpublished, "4m", syscall.MS_REMOUNT)
	succeed(t, r.Place("job", id, []string{"video"}, store.Unpublished), r.Discard("job"), r.Move(id, store.Unpublished))
	r.wants(t, map[string]string{"unpublished/video": big, "unpublished/presentation": big})
	r.wantsNoLeftover(t)
}

// See TestFull; here everything is on the disk that is full.
func TestFull_Published(t *testing.T) {
	if !mounting(t) {
		return
	}
	dir := t.TempDir()
	mount(t, dir, "1m", 0)
	r := open(t, dirsIn(dir))
	r.put(t, "old", store.Published, "video")
	r.stage(t, "job", id, "new", "video")
	succeed(t, r.SetNote(id, []byte("old")))
	fill(t, filepath.Join(dir, "fill"))
	mentions(t, r.SetNote(id, []byte("new")), syscall.ENOSPC, id)
	if note, err := r.Note(id); err != nil || string(note) != "old" {
		t.Errorf("note %q, %v", note, err)
	}
	succeed(t, r.Place("job", id, []string{"video"}, store.Published)) // renames alone
	r.wants(t, map[string]string{"published/video": "new"})
	succeed(t, r.Remove(id), r.Discard("job"))
	r.wants(t, map[string]string{})
	r.wantsNoLeftover(t)
}

func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	succeed(t, err)
	_, err = io.Copy(file, io.LimitReader(zeros{}, 1<<30))
	mentions(t, errors.Join(err, file.Close()), syscall.ENOSPC)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A file system that has become read-only still plays, and the rest says what is wrong.
func TestReadOnly(t *testing.T) {
	if !mounting(t) {
		return
	}
	dir := t.TempDir()
	mount(t, dir, "1m", 0)
	r := open(t, dirsIn(dir))
	r.put(t, "x", store.Published, "video")
	r.stage(t, "job", id, "new", "video")
	mount(t, dir, "1m", syscall.MS_REMOUNT|syscall.MS_RDONLY)
	r = open(t, r.Dirs)
	file, err := r.Open(id, "video", "metadata.xml")
	succeed(t, err)
	succeed(t, file.Close())
	_, err = r.Stage("other")
	for _, err := range []error{
		err, r.Place("job", id, []string{"video"}, store.Published), r.Move(id, store.Deleted), r.Remove(id),
		r.SetNote(id, []byte("x")), r.Discard("job"),
	} {
		mentions(t, err, syscall.EROFS, "mount it for writing")
	}
	r.wants(t, map[string]string{"published/video": "x"})
}

// nobody is a user without rights.
const nobody = 65534

// unprivileged makes files refuse what their modes say, also to root, as long as the test runs. What is in dirs belongs
// to who we are then.
func unprivileged(t *testing.T, dirs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, dir := range dirs {
		succeed(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		}))
	}
	runtime.LockOSThread()
	succeed(t, syscall.Setfsuid(nobody))
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}

// Who may not write is told whose the directory is, who we are, and what to do.
func TestPermission(t *testing.T) {
	parent := t.TempDir()
	r := open(t, dirsIn(filepath.Join(parent, "recordings")))
	r.put(t, "x", store.Published, "video")
	format := filepath.Join(r.Published, "video")
	above := filepath.Dir(parent) // of this test alone, too
	succeed(t, os.Chmod(above, 0o755), os.Chmod(parent, 0o555), os.Chmod(format, 0o555))
	t.Cleanup(func() { _ = errors.Join(os.Chmod(parent, 0o755), os.Chmod(format, 0o755)) })
	t.Run("as another user", func(t *testing.T) {
		unprivileged(t, r.Published, r.Unpublished, r.Deleted)
		l, err := library.New(dirsIn(filepath.Join(parent, "new")))
		succeed(t, err)
		mentions(t, l.Prepare(), fs.ErrPermission, parent+" belongs to uid ", "mode 0555", "we are uid", "install -d -o",
			filepath.Join(parent, "new"))
		mentions(t, r.Move(id, store.Deleted), fs.ErrPermission, format+" belongs to uid ", "chown ", id)
	})
	r.wants(t, map[string]string{"published/video": "x"})
}

// A pipe in a recording has nothing to deliver, and nobody waits for it.
func TestOpen_Pipe(t *testing.T) {
	r := newRig(t)
	r.put(t, "x", store.Published, "video")
	succeed(t, syscall.Mkfifo(filepath.Join(r.Published, "video", id, "pipe"), 0o644))
	_, err := r.Open(id, "video", "pipe")
	mentions(t, err, fs.ErrNotExist, "pipe")
	mentions(t, r.Move("none", "no state"), nil, "no state")
}
