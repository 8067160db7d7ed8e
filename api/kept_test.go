//go:build unix

package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api"
)

// nextEnv has a process of this test be the next one, and says where it listens.
const nextEnv = "API_TEST_NEXT"

func TestMain(m *testing.M) {
	if addr := os.Getenv(nextEnv); addr != "" {
		if err := next(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// next serves until its input ends, and has a file open meanwhile.
func next(addr string) error {
	own, err := os.Open(os.Args[0])
	if err != nil {
		return err
	}
	if err := os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())); err != nil { // as systemd does behind its fork
		return err
	}
	p := parts(api.Config{Listen: addr, MaxRequests: 10, Drain: 10 * time.Second}, io.Discard)
	p.Waits = true
	s, err := api.New(context.Background(), p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	err = s.Run(ctx)
	_, wrong := own.Read(make([]byte, 1))
	return errors.Join(err, wrong)
}

// systemd is the socket that it hears processes at.
type systemd struct {
	t *testing.T
	*net.UnixConn
}

func newSystemd(t *testing.T) systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return systemd{t, conn}
}

// hears checks what was said, and returns the file that came with it, if one did.
func (s systemd) hears(want string) *os.File {
	s.t.Helper()
	text, control := make([]byte, 200), make([]byte, 200)
	n, c, _, _, err := s.ReadMsgUnix(text, control)
	if err != nil || string(text[:n]) != want {
		s.t.Fatalf("systemd hears %q, want %q, %v", text[:n], want, err)
	}
	messages, err := syscall.ParseSocketControlMessage(control[:c])
	if err != nil || len(messages) == 0 {
		return nil
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		s.t.Fatalf("%d files, %v", len(fds), err)
	}
	f := os.NewFile(uintptr(fds[0]), "kept")
	s.t.Cleanup(func() { _ = f.Close() })
	return f
}

// starts the next process, with a file that was kept.
func (s systemd) starts(addr string, kept *os.File, env ...string) (stop func()) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), nextEnv+"="+addr, "LISTEN_FDS=1", "LISTEN_FDNAMES=bbbpool-http")
	cmd.Env = append(cmd.Env, env...)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{kept}, os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			s.t.Error(err)
		}
	}
}

// Whoever connects while the process is restarted waits for the next one. Where that listens elsewhere, or others are there to go to,
// nothing is kept.
func TestServer_Kept(t *testing.T) {
	const (
		store  = "FDSTORE=1\nFDNAME=bbbpool-http"
		remove = "FDSTOREREMOVE=1\nFDNAME=bbbpool-http"
	)
	sd := newSystemd(t)
	p := parts(api.Config{Listen: "127.0.0.1:0", MaxRequests: 10}, io.Discard)
	p.Waits = true
	first, err := api.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	kept := sd.hears(store)
	addr := first.Addr().String()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("refused between two processes: %v", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.0\r\nHost: pool\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	stop := sd.starts(addr, kept)
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(answer), "\r\n\r\nok\n") {
		t.Errorf("the next process answers %q, %v", answer, err)
	}
	sd.hears(store)
	stop()

	stop = sd.starts("127.0.0.1:0", kept)
	sd.hears(remove)
	sd.hears(store)
	stop()

	p = parts(api.Config{Listen: "127.0.0.1:0", MaxRequests: 10}, io.Discard)
	several, err := api.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	sd.hears(remove)
	if err := several.Close(); err != nil {
		t.Error(err)
	}
}
