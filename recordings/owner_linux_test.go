package recordings_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// What root does to a pool that is not served, the owner of its data directory can undo: nothing in it is root's.
func TestProgram_OfflineAsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const owner = 65534
	dir, err := os.MkdirTemp("", "bbbpool-owner") //nolint:usetesting // t.TempDir lets nobody else in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &program{path: build(t), data: filepath.Join(dir, "data")}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(p.data, 0o700)); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, recordID(1)+".tar")
	content := pack(t, made{id: recordID(1), format: "video", meetingID: "room", media: "film"})
	if err := os.WriteFile(archive, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(p.data, owner, owner); err != nil {
		t.Fatal(err)
	}
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = sim.Run(t.Context()) }()
	server := sim.Servers()[0]
	p.do(t, "server", "add", server.URL(), "--secret", string(server.Secret()), "--id", "bbb1")
	p.do(t, "recording", "import", archive)
	p.do(t, "recording", "unpublish", recordID(1))
	err = filepath.WalkDir(p.data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if st, ok := info.Sys().(*syscall.Stat_t); err == nil && (!ok || st.Uid != owner || st.Gid != owner) {
			t.Errorf("%s belongs to uid %d, gid %d", path, st.Uid, st.Gid)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
