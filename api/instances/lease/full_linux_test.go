package lease_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A full disk keeps an instance from writing down its epoch, and does not keep it from leading while the store answers: else nobody
// would get into a meeting after a restart.
func TestKeeper_FullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"); err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Skipf("needs the right to mount a small disk: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	w := newWorld(t)
	a, owed := w.keeper("a"), w.keeper("owed")
	a.Dir, owed.Dir, owed.Alone = dir, dir, func() bool { return true }
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 64<<10), 0o600); err == nil {
		t.Fatal("it is not full")
	}
	w.take(a)
	w.shared.away["owed"] = true
	w.steps(leaseTime+time.Second, owed)
	if owed.Owes() {
		t.Error("one leads without the store, whose epoch is nowhere")
	}
}
