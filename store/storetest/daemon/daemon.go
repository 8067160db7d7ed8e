// Package daemon starts the database servers that tests run against: real ones, one of each for the tests of a package, on
// free ports, in temporary directories, as a user without rights where the server insists. It is for tests alone, and knows
// nothing of what is kept in them.
//
// A package's tests have one [Servers], which TestMain stops:
//
//	var servers daemon.Servers
//
//	func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
//
// A program that is not installed skips the test, or fails it where BBBPOOL_TEST_REQUIRE is set. No server outlives the test.
package daemon

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Servers are the servers of the tests of one package, each started when it is first asked for. Its zero value has none.
type Servers struct {
	mu       sync.Mutex
	redis    *Redis
	postgres *Postgres
	stop     []func()
}

// Main runs the tests, and stops what they have started. It returns the exit code.
func (s *Servers) Main(m *testing.M) int {
	defer s.Stop()
	return m.Run()
}

// Stop stops what was started.
func (s *Servers) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stop := range s.stop {
		stop()
	}
	s.stop, s.redis, s.postgres = nil, nil, nil
}

// find returns the path of a program, or skips the test, or fails it where that is demanded.
func find(t testing.TB, program, pkg string, dirs ...string) string {
	t.Helper()
	for _, pattern := range dirs {
		found, _ := filepath.Glob(filepath.Join(pattern, program))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv("BBBPOOL_TEST_REQUIRE") != "":
		t.Fatalf("%s is not installed (Debian's %s)", program, pkg)
	default:
		t.Skipf("%s is not installed (Debian's %s)", program, pkg)
	}
	return ""
}

// FreePort returns a port of loopback that nobody listens on now. It is none of those that the kernel gives out by itself: one of
// those may be somebody's connection, or listener, before a server has it, and again while that is down in the middle of a test.
// None is given twice in a process: who has got one may not listen yet, or not for the moment.
func FreePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		port := firstPort + int(given.Add(1)+walk)%portRange
		var l net.Listener
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // it is given back at once
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal(err)
	return 0
}

// The ports that are given out: below those that the kernel gives to whoever connects.
const (
	firstPort = 10_000
	portRange = 20_000
)

// given counts the ports that this process has given out, from its own start on: of several processes of tests each walks
// elsewhere.
var (
	given atomic.Uint32
	walk  = rand.Uint32N(portRange)
)

// unprivileged is whom to run a server as that does not run as root: nil for whoever runs the tests.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err, err2)
}

// tempDir is a directory that whoever runs the server may write to; t.TempDir would end with the first test that asks.
func tempDir(t testing.TB, who *syscall.Credential) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bbbpool-test-") //nolint:usetesting // it is for the tests of a package, and not of one
	if err != nil {
		t.Fatal(err)
	}
	if who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// start runs a program that ends with us, at the latest.
func start(who *syscall.Credential, dir, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{})} //nolint:noctx,gosec // it is stopped by stop
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = dir, log, log, attributes(who)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ends the child with the thread that made it
		defer func() { _ = log.Close() }()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
			close(p.done)
		}
	}()
	return p, <-started
}

// signal is sent to a server that may be gone.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(s)
	}
}

// end stops a server by a signal, and kills it where that does not do.
func (p *process) end(s syscall.Signal) {
	p.signal(s)
	p.signal(syscall.SIGCONT) // it may have been stopped
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// await asks until a server answers.
func (p *process) await(t testing.TB, dir string, ask func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
		select {
		case <-p.done:
			log, _ := os.ReadFile(filepath.Join(dir, "log")) //nolint:gosec // our own file
			t.Fatalf("the server has ended: %s", log)
		default:
		}
	}
	t.Fatal(fmt.Errorf("the server does not answer: %w", err))
}
