//go:build unix

package api

import (
	"cmp"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file has whoever connects while the process is restarted wait for the next one, instead of being refused: systemd keeps
// the listening socket meanwhile, where the unit lets it (FileDescriptorStoreMax), and the kernel takes in who comes. A socket
// of a .socket unit is used in the same way. See sd_notify(3), FDSTORE=1, and sd_listen_fds(3).

// keptName is what systemd knows our socket by.
const keptName = "bbbpool-http"

// inherited returns the socket for an address that systemd has kept or opened for this process, nil where there is none. Others
// are closed, and what was kept for an address of before is kept no more; released tells whether there was such a thing.
func inherited(addr string) (found *net.TCPListener, released bool) {
	for _, f := range handed() {
		l := listening(f)
		switch {
		case l != nil && found == nil && sameAddress(l.Addr(), addr):
			found = l
		default:
			if l != nil {
				_ = l.Close()
			}
			if f.Name() == keptName {
				released = true
				_ = unkeep()
			}
		}
		_ = f.Close()
	}
	return found, released
}

// Where the files begin that systemd hands to a process, and how many are looked at: the unit lets it keep one, and a .socket
// unit has a few.
const (
	firstHanded = 3
	mostHanded  = 256
)

// handed returns the files that systemd has handed to this process, by their names, and takes the words about them out of the
// environment, so that no child believes that they are for it. What this process has opened itself is not among them, however
// many there are said to be: all of that is closed when another program is run, and so is what was handed from now on.
func handed() (files []*os.File) {
	pid, n := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		_ = os.Unsetenv(name) // never fails
	}
	count, err := strconv.Atoi(n)
	if err != nil || pid != strconv.Itoa(os.Getpid()) {
		return nil
	}
	for i := range min(count, mostHanded) {
		fd := firstHanded + i
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue
		}
		syscall.CloseOnExec(fd)
		name := ""
		if i < len(names) {
			name = names[i]
		}
		files = append(files, os.NewFile(uintptr(fd), cmp.Or(name, "unknown")))
	}
	return files
}

// listening returns a socket of TCP that somebody can connect to, nil for anything else. It is a duplicate.
func listening(f *os.File) *net.TCPListener {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	accepts := 0
	err = raw.Control(func(fd uintptr) {
		accepts, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	})
	if err != nil || accepts == 0 {
		return nil // net.FileListener takes a connection for a listener
	}
	l, err := net.FileListener(f)
	if tcp, is := l.(*net.TCPListener); is {
		return tcp
	}
	if err == nil {
		_ = l.Close()
	}
	return nil
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

// notifyWithin bounds how long it is waited for systemd to hear something: one that hangs must not keep us from starting, or from
// ending.
const notifyWithin = time.Second

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
	if err = errors.Join(err, conn.SetWriteDeadline(time.Now().Add(notifyWithin))); err != nil {
		return errors.Join(err, conn.Close())
	}
	var files []byte
	if len(fds) > 0 {
		files = syscall.UnixRights(fds...)
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = syscall.Sendmsg(int(fd), []byte(state), files, nil, 0)
		return !errors.Is(sent, syscall.EAGAIN)
	})
	if err != nil {
		sent = nil // it had no room yet
	}
	return errors.Join(err, sent, conn.Close())
}

// inUse tells whether somebody listens at an address.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
