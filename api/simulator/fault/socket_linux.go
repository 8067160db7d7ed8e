package fault

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

// reserve binds a socket to an address and does not listen on it. Beside it a listener can come and go, and the kernel
// gives the port to nobody who asks for any; with no listener, connections are refused. It returns the address with
// the port filled in.
func reserve(addr string) (io.Closer, string, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	fd, sa, err := newSocket(tcp)
	if err != nil {
		return nil, "", os.NewSyscallError("socket", err)
	}
	hold := os.NewFile(uintptr(fd), "reserved "+addr)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return nil, "", closing(hold, os.NewSyscallError("setsockopt", err))
	}
	if err := syscall.Bind(fd, sa); err != nil {
		return nil, "", closing(hold, fmt.Errorf("listen on %s: %w", addr, os.NewSyscallError("bind", err)))
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		return nil, "", closing(hold, os.NewSyscallError("getsockname", err))
	}
	switch sa := bound.(type) {
	case *syscall.SockaddrInet4:
		tcp.Port = sa.Port
	case *syscall.SockaddrInet6:
		tcp.Port = sa.Port
	}
	host, _, _ := net.SplitHostPort(addr)
	return hold, net.JoinHostPort(host, strconv.Itoa(tcp.Port)), nil
}

func closing(f *os.File, err error) error {
	_ = f.Close()
	return err
}

// newSocket returns a socket of the family that net.Listen would choose.
func newSocket(addr *net.TCPAddr) (int, syscall.Sockaddr, error) {
	const kind = syscall.SOCK_STREAM | syscall.SOCK_CLOEXEC
	if ip := addr.IP.To4(); ip != nil {
		fd, err := syscall.Socket(syscall.AF_INET, kind, 0)
		return fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}, err
	}
	fd, err := syscall.Socket(syscall.AF_INET6, kind, 0)
	if err != nil && addr.IP == nil {
		fd, err = syscall.Socket(syscall.AF_INET, kind, 0)
		return fd, &syscall.SockaddrInet4{Port: addr.Port}, err
	}
	sa := &syscall.SockaddrInet6{Port: addr.Port}
	copy(sa.Addr[:], addr.IP.To16())
	return fd, sa, err
}

// setBacklog sets how many connections may wait to be accepted.
func setBacklog(l *net.TCPListener, n int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), n) })
	if err == nil {
		err = failed
	}
	return os.NewSyscallError("listen", err)
}
