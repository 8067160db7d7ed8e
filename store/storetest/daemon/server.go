package daemon

import (
	"os"
	"syscall"
	"testing"
)

// server is a server of either kind: a program, its files, and how it runs.
type server struct {
	Addr string // host and port

	program, dir string
	args         []string
	who          *syscall.Credential // nil for whoever runs the tests
	stop, kill   syscall.Signal      // what ends it as an operator would, and as a crash would
	process      *process
}

// launch starts the server, and returns when it answers.
func (s *server) launch(t testing.TB, ask func() error) {
	t.Helper()
	var err error
	if s.process, err = start(s.who, s.dir, s.program, s.args...); err != nil {
		t.Fatal(err)
	}
	s.process.await(t, s.dir, ask)
}

// Stop ends the server as an operator in a hurry would: connections are closed.
func (s *server) Stop() { s.process.end(s.stop) }

// Kill ends the server at once, as a crash would.
func (s *server) Kill() { s.process.end(s.kill) }

// Pause makes the server hang, until Continue: new connections are taken by the kernel, and not answered.
func (s *server) Pause() { s.process.signal(syscall.SIGSTOP) }

// Continue lets a server go on that hangs.
func (s *server) Continue() { s.process.signal(syscall.SIGCONT) }

// Remove ends the server, and takes away its files.
func (s *server) Remove() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}
