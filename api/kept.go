//go:build unix

package api

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// This file has whoever connects while the process is restarted wait for the next one, instead of being refused: systemd keeps
// the listening socket meanwhile, where the unit lets it (FileDescriptorStoreMax), and the kernel takes in who comes. A socket
// of a .socket unit is used in the same way. See sd_notify(3), FDSTORE=1, and sd_listen_fds(3).

// keptName is what systemd knows our socket by.
const keptName = "bbbpool-http"

// inherited returns the socket for an address that systemd has kept or opened for this process, nil where there is none. Others
// are closed, and what was kept for an address of before is kept no more.
func inherited(addr string) (found *net.TCPListener) {
	for _, f := range activation.Files(true) {
		l, _ := net.FileListener(f) // a duplicate
		tcp, is := l.(*net.TCPListener)
		switch {
		case is && found == nil && sameAddress(tcp.Addr(), addr):
			found = tcp
		default:
			if l != nil {
				_ = l.Close()
			}
			if f.Name() == keptName {
				_ = unkeep()
			}
		}
		_ = f.Close()
	}
	return found
}

// keep has systemd keep a socket for the process that comes after this one. Elsewhere it does nothing. The socket is not asked
// for as a file: that would make it one that blocks.
func keep(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) { sent = notifySystemd("FDSTORE=1\nFDNAME="+keptName, int(fd)) })
	return errors.Join(err, sent)
}

// unkeep has systemd keep none.
func unkeep() error { return notifySystemd("FDSTOREREMOVE=1\nFDNAME=" + keptName) }

// notifySystemd sends systemd a message with files, where it runs us.
func notifySystemd(state string, fds ...int) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	raw, err := conn.SyscallConn() // WriteMsgUnix refuses connections of datagrams
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = syscall.Sendmsg(int(fd), []byte(state), syscall.UnixRights(fds...), nil, 0)
		return !errors.Is(sent, syscall.EAGAIN)
	})
	return errors.Join(err, sent, conn.Close())
}
