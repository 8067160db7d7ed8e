package v1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"
)

const (
	socketName = "bbbpool.sock"
	maxSocket  = 107 // bytes: what Linux takes; others take a little less, and say so themselves
	// socketWait is how long a program may take to accept a connection on this machine.
	socketWait = 2 * time.Second
)

// SocketPath returns where the socket of a data directory is. It fails where the path is longer than systems take.
func SocketPath(dataDir string) (string, error) {
	path := filepath.Join(dataDir, socketName)
	if len(path) > maxSocket {
		return "", fmt.Errorf("the socket's path %s is longer than %d bytes: choose a shorter data directory",
			path, maxSocket)
	}
	return path, nil
}

// SocketAnswers tells whether a process listens on the socket of a data directory. It fails where that cannot be known,
// as for want of permission.
func SocketAnswers(dataDir string) (bool, error) {
	path, err := SocketPath(dataDir)
	if err != nil {
		return false, err
	}
	return answersAt(path)
}

func answersAt(path string) (bool, error) {
	conn, err := net.DialTimeout("unix", path, socketWait) //nolint:noctx // has a timeout
	switch {
	case err == nil:
		_ = conn.Close()
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return false, fmt.Errorf("%s: %w: run this as root or as the user that bbbpool runs as", path, fs.ErrPermission)
	}
	return false, fmt.Errorf("reach bbbpool on its socket: %w", err)
}

// SocketTransport reaches the program that serves a data directory, whatever host is asked for.
func SocketTransport(dataDir string) (http.RoundTripper, error) {
	path, err := SocketPath(dataDir)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: socketWait}
	return &http.Transport{
		DisableKeepAlives: true, // one command, one call or two
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
	}, nil
}
