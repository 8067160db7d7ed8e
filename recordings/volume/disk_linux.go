package volume

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// spaceOf returns the room on the file system of a directory.
func spaceOf(path string) (space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return space{}, err
	}
	block := st.Frsize // in which blocks are counted; Bsize is what is good to read at once
	if block == 0 {
		block = st.Bsize
	}
	return space{
		free: int64(st.Bavail) * block, total: int64(st.Blocks) * block, inodes: st.Ffree, counted: st.Files > 0,
	}, nil
}

// whose tells whose a file is and who we are; "" where that cannot be seen.
func whose(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("; %s belongs to uid %d, gid %d, mode %04o, and we are uid %d, gid %d",
		path, st.Uid, st.Gid, info.Mode().Perm(), os.Geteuid(), os.Getegid())
}
