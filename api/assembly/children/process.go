// Package children runs pools in processes of their own, for tests that kill them: a test program starts itself once more for
// each, between real databases and a network that can be cut. It is for tests alone.
//
// It owns the processes, what they have written to their logs, the proxies between several of them and what they share, and what
// front ends and servers do everywhere: ask, and send recordings. It never judges what a pool does, and changes no setting of it:
// what is set, and what is to be true, its users know.
package children

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is this test program once more, as often as it is started. One at a time runs.
type Process struct {
	Name string

	env string // the variable that has its settings
	log *os.File

	mu   sync.Mutex
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{}
}

// NewProcess makes a process that writes a log of its name in a directory, and is not started yet. It finds its settings in a
// variable of the environment, by which the test program knows that it is to be one.
func NewProcess(t testing.TB, name, env, dir string) *Process {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, name+".log")) //nolint:gosec // a test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return &Process{Name: name, env: env, log: log}
}

// Start starts the process, which ends with the test's at the latest, with these settings, written as JSON.
func (p *Process) Start(t testing.TB, settings any) {
	t.Helper()
	config, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // it is this program, and is ended by whoever has started it
	cmd.Env = append(os.Environ(), p.env+"="+string(config))
	cmd.Stdout, cmd.Stderr = p.log, p.log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread() // with which the child would die
		cmd.SysProcAttr = dieWithUs()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.in, p.done = cmd, in, done
}

// Done is closed when the process has ended that was started last.
func (p *Process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Ended tells whether it has.
func (p *Process) Ended() bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// Signal sends a signal to the process.
func (p *Process) Signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(s)
}

// Kill ends the process at once, and returns when it is gone.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.Done()
}

// Say writes a line to the standard input of the process.
func (p *Process) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.in, format+"\n", args...)
}

// Stop ends the process as an operator does, and returns when it is gone. One that does not end fails the test.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(syscall.SIGCONT)
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Done():
	case <-time.After(20 * time.Second):
		t.Errorf("%s does not end", p.Name)
		p.Kill()
	}
}

// Log is all that the process has written, in all of its lives.
func (p *Process) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// Sound checks that the process has never ended for a reason of its own, nor begun a line with one of these words: nobody else
// would notice among so many ends.
func (p *Process) Sound(t testing.TB, words ...string) {
	t.Helper()
	log := "\n" + p.Log(t)
	for _, end := range append([]string{"WARNING: DATA RACE", "panic: ", "fatal error: "}, words...) {
		if _, rest, found := strings.Cut(log, "\n"+end); found {
			t.Errorf("%s: %s%.3000s", p.Name, end, rest)
		}
	}
}

// Tell shows the last lines of the log where the test has failed.
func (p *Process) Tell(t testing.TB, lines int) {
	t.Helper()
	if !t.Failed() {
		return
	}
	all := strings.Split(p.Log(t), "\n")
	t.Logf("%s:\n%s", p.Name, strings.Join(all[max(0, len(all)-lines):], "\n"))
}
