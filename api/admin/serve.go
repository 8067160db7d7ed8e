package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Socket serves the API on the socket of a data directory.
type Socket struct {
	listener net.Listener
	http     http.Server
}

// Listen listens on the socket of a data directory. Nothing is served before Run.
func Listen(dataDir string, a *API) (*Socket, error) {
	listener, err := ListenSocket(dataDir)
	if err != nil {
		return nil, err
	}
	return &Socket{
		listener: listener,
		http:     http.Server{Handler: a.Handler(), ReadHeaderTimeout: 5 * time.Second, ConnContext: caller},
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
