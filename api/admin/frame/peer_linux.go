package frame

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer returns the user that has opened a connection on a socket of this machine.
func peer(c net.Conn) (uid int, ok bool) {
	conn, is := c.(*net.UnixConn)
	if !is {
		return 0, false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil || failed != nil {
		return 0, false
	}
	return int(cred.Uid), true
}
