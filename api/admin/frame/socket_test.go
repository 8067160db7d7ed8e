package frame_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// versioned are the routes of a pool of which nothing is known but its version.
func versioned() http.Handler {
	f := &frame.Frame{Now: time.Now}
	return f.Trusted(frame.Routes{"GET /version": frame.Open(func(*http.Request) (any, error) { return v1.Build("1.2.3"), nil })})
}

// listen serves the API on the socket of a data directory until the test ends.
func listen(t *testing.T, dir string) net.Listener {
	t.Helper()
	listener, err := frame.ListenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: versioned()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return listener
}

// The socket leads to the API, is its owner's alone, and is not taken from whoever answers on it.
func TestListenSocket(t *testing.T) {
	dir := t.TempDir()
	if answers, err := v1.SocketAnswers(dir); answers || err != nil {
		t.Errorf("no socket answers: %v, %v", answers, err)
	}
	listen(t, dir)
	if answers, err := v1.SocketAnswers(dir); !answers || err != nil {
		t.Errorf("socket answers: %v, %v", answers, err)
	}
	path, err := v1.SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v, %v", info.Mode(), err)
	}
	transport, err := v1.SocketTransport(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v1.NewClient(transport, "http://bbbpool", "").Pool.Version(t.Context())
	if err != nil || got.Version != "1.2.3" {
		t.Errorf("version %+v, %v", got, err)
	}
	if _, err := frame.ListenSocket(dir); err == nil || !strings.Contains(err.Error(), "another bbbpool") {
		t.Errorf("listen again: %v", err)
	}
}

// A socket that was never served is given back, and what is in its way is said before anything is served.
func TestListen_Close(t *testing.T) {
	dir := t.TempDir()
	api := versioned()
	for range 2 {
		socket, err := frame.Listen(dir, api)
		if err != nil {
			t.Fatal(err)
		}
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
		if answers, err := v1.SocketAnswers(dir); answers || err != nil {
			t.Errorf("it answers still: %v, %v", answers, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bbbpool.sock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := frame.Listen(dir, api); err == nil || !strings.Contains(err.Error(), "is in the way of the socket, and is none") {
		t.Errorf("a directory in its way: %v", err)
	}
	if _, err := frame.Listen(filepath.Join(dir, "nowhere"), api); err == nil || !strings.HasPrefix(err.Error(), "listen on the socket: ") {
		t.Errorf("no directory to be in: %v", err)
	}
}

// A socket that a killed process has left is replaced; a file of somebody else's is not.
func TestListenSocket_Stale(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bbbpool.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	if answers, err := v1.SocketAnswers(dir); answers || err != nil {
		t.Errorf("stale socket answers: %v, %v", answers, err)
	}
	listen(t, dir)

	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "bbbpool.sock"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := frame.ListenSocket(other); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("listened in place of a file: %v", err)
	}
}

// Systems take short paths only, and say so in riddles: we say it before.
func TestSocketPath_TooLong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 107))
	for _, use := range []func() error{
		func() error { _, err := v1.SocketPath(dir); return err },
		func() error { _, err := frame.ListenSocket(dir); return err },
		func() error { _, err := v1.SocketAnswers(dir); return err },
		func() error { _, err := v1.SocketTransport(dir); return err },
	} {
		if err := use(); err == nil || !strings.Contains(err.Error(), "107 bytes") {
			t.Errorf("got %v", err)
		}
	}
}

// Errors on the way to a socket name the socket.
func TestNewSocketClient(t *testing.T) {
	dir := t.TempDir()
	client, err := v1.NewSocketClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Pool.Version(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "call bbbpool at "+filepath.Join(dir, "bbbpool.sock")) {
		t.Errorf("nobody there: %v", err)
	}
	listen(t, dir)
	if got, err := client.Pool.Version(t.Context()); err != nil || got.Version != "1.2.3" {
		t.Errorf("version %+v, %v", got, err)
	}
}

// silent takes requests and never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A process that hangs does not hang its clients; a check has more time than the rest.
func TestClient_Silent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := v1.NewClient(silent{}, "https://pool.example", "")
		for want, call := range map[time.Duration]func() error{
			30 * time.Second: func() error { _, err := client.Pool.Status(t.Context()); return err },
			2 * time.Minute:  func() error { _, err := client.Pool.Check(t.Context()); return err },
		} {
			began := time.Now()
			err := call()
			if err == nil || !strings.Contains(err.Error(), "bbbpool does not answer on https://pool.example") {
				t.Errorf("failed with %v", err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		}
	})
}

// The client says what it has reached, where that is not bbbpool, and never what it has sent there.
func TestClient_Elsewhere(t *testing.T) {
	for status, body := range map[int]string{200: "<html>Hello</html>", 302: "", 404: "not found", 502: `{"no":"error"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/login")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		_, err := v1.NewClient(http.DefaultTransport, server.URL+"/api/v1/", "t0ken").Servers.List(t.Context())
		if err == nil || !strings.Contains(err.Error(), server.URL) || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("status %d: %v", status, err)
		}
		server.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v1.NewClient(http.DefaultTransport, server.URL, "t0ken").Servers.List(ctx); err == nil {
			t.Error("a closed server answers")
		}
	}
}
