package volume_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/volume"
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

// A small disk goes through all that can go wrong with it.
func TestProbe_Mounted(t *testing.T) {
	if !mounting(t) {
		return
	}
	dir := t.TempDir()
	mount := func(flags uintptr, options string) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
			t.Fatal(os.NewSyscallError("mount "+options, err))
		}
	}
	mount(0, "size=1m,nr_inodes=100")
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	if err := volume.Mark(dir, "right"); err != nil {
		t.Fatal(err)
	}
	check := func(c func(c *volume.Config), texts ...string) {
		t.Helper()
		config := config()
		config.MinFree, config.MinInodes = 0, 0
		c(&config)
		g := volume.New(config, time.Now, volume.Dir{Name: "library", Path: dir, Marker: "right"})
		g.Check(t.Context())
		wantProblem(t, g, texts...)
	}
	plain := func(*volume.Config) {}
	check(plain)
	check(func(c *volume.Config) { c.MinFree = 2 << 20 }, "is full", "of 1MiB are free, want 2MiB", "--volume-min-free")
	check(func(c *volume.Config) { c.MinInodes = 1000 }, "is full", "inodes are free, want 1000")
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	check(plain, "is full", "no space left")
	mount(syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=4m")
	check(plain, "is read-only", "mount it for writing")
	mount(syscall.MS_REMOUNT, "size=4m")
	check(plain)
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	check(plain, "is not mounted", "right")
}

// Who may not write is told whose the directory is, and who we are.
func TestProbe_Permission(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
	if os.Geteuid() == 0 { // then modes count for this thread alone if it is somebody else
		runtime.LockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = syscall.Setfsuid(0)
			runtime.UnlockOSThread()
		}()
	}
	g := guard(dir, "")
	g.CheckHere()
	wantProblem(t, g, "is not writable", dir+" belongs to uid ", "mode 0555", "we are uid")
}
