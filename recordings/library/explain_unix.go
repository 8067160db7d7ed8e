//go:build unix

package library

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func writable(path string) bool {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS) == nil
}

// describe says whose a file is, and how it becomes ours or what is missing in it is made.
func describe(path string, info fs.FileInfo, missing string) string {
	who := ""
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		who = fmt.Sprintf("uid %d, gid %d, ", st.Uid, st.Gid)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	todo := fmt.Sprintf("chown %d:%d %s and chmod u+rwX %s, or put it where we are let in", uid, gid, path, path)
	if missing != "" {
		todo = fmt.Sprintf("install -d -o %d -g %d %s", uid, gid, missing)
	}
	return fmt.Sprintf("%s belongs to %smode %04o, and we are uid %d, gid %d (as root: %s)",
		path, who, info.Mode().Perm(), uid, gid, todo)
}
