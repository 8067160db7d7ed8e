package frame

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Socket serves the API on the socket of a data directory.
type Socket struct {
	listener net.Listener
	http     http.Server
}

// Listen listens on the socket of a data directory, for callers of h that are known by who they are on this machine. Nothing
// is served before Run.
func Listen(dataDir string, h http.Handler) (*Socket, error) {
	listener, err := ListenSocket(dataDir)
	if err != nil {
		return nil, err
	}
	return &Socket{
		listener: listener,
		http:     http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ConnContext: connected},
	}, nil
}

// Close gives the socket back if Run was never called.
func (s *Socket) Close() error { return s.listener.Close() }

// socketDrain is how long a command may take when the process is told to end.
const socketDrain = 5 * time.Second

// Run serves until ctx ends and the commands under way are answered.
func (s *Socket) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the socket: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), socketDrain)
	defer cancel()
	err := s.http.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.http.Close() // a command that waits for hours, such as a drain: it says so, and can be given again
	}
	return err
}

// ListenSocket listens on the socket of a data directory, for its owner alone. One that a former process has left is
// replaced; one that somebody answers on is not.
func ListenSocket(dataDir string) (net.Listener, error) {
	path, err := v1.SocketPath(dataDir)
	if err != nil {
		return nil, err
	}
	if err := removeStale(path, dataDir); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", path) //nolint:noctx // takes no time
	if err != nil {
		return nil, fmt.Errorf("listen on the socket: %w", err)
	}
	// The umask lets others in for a moment at worst where the directory does, too.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the socket: %w", err), listener.Close())
	}
	return listener, nil
}

// removeStale removes a socket that nobody answers on any more.
func removeStale(path, dataDir string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is in the way of the socket, and is none: move it elsewhere", path)
	}
	answers, err := v1.SocketAnswers(dataDir)
	if err != nil {
		return err
	}
	if answers {
		return fmt.Errorf("another bbbpool answers on %s: stop it, or use a data directory of its own", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove a stale socket: %w", err)
	}
	return nil
}
