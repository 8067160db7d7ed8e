package upload_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/recordings/upload"
)

// pipes is a network within the bubble of a test.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.done); return nil }

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// bubble runs a pool with the timeouts of the real HTTP server, and a connection to it that has sent the head of an
// upload.
func bubble(t *testing.T, archive []byte, f func(p *pool, conn net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pool{inbox: t.TempDir(), log: newLines()}
		p.Handler = &upload.Handler{
			Config: upload.Config{MaxUpload: 1 << 40, MaxUploads: 4}, Servers: servers{bbb1.ID: bbb1}, Dir: t.TempDir(),
			Room: func(int64) error { return nil }, Known: p.known, Accept: p.accept, Metrics: metrics.NewSet(),
		}
		mux := http.NewServeMux()
		p.Mount(mux)
		network := pipes{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{
			Handler: mux, ReadTimeout: 2 * time.Minute, WriteTimeout: 3 * time.Minute, ReadHeaderTimeout: 10 * time.Second,
		}
		go func() { _ = server.Serve(network) }()
		defer func() { _ = server.Close() }()
		conn := network.dial()
		defer func() { _ = conn.Close() }()
		if _, err := fmt.Fprintf(conn, "POST /api/v1/recordings?%s HTTP/1.1\r\nHost: pool\r\nAuthorization: Bearer %s\r\n"+
			"Content-Length: %d\r\n\r\n", query(archive), upload.Token(bbb1).Reveal(), len(archive)); err != nil {
			t.Fatal(err)
		}
		f(p, conn)
		_ = conn.Close()
		time.Sleep(time.Second) // in which the server lets a connection go that it has cut
	})
}

// reply reads the answer on a connection.
func reply(t *testing.T, conn net.Conn) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// An upload that takes hours on a slow line gets through, though everything else is cut after minutes.
func TestHandler_Slow(t *testing.T) {
	archive := random(2 << 20)
	bubble(t, archive, func(p *pool, conn net.Conn) {
		for rest := archive; len(rest) > 0; rest = rest[64<<10:] {
			time.Sleep(12 * time.Second)
			if _, err := conn.Write(rest[:64<<10]); err != nil {
				t.Fatal(err)
			}
		}
		if status, body := reply(t, conn); status != http.StatusCreated {
			t.Errorf("%d %s", status, body)
		}
		p.has(t, archive)
	})
}

// An upload that stalls is cut after a minute, and what has arrived is kept.
func TestHandler_Stalled(t *testing.T) {
	archive := random(2 << 20)
	bubble(t, archive, func(_ *pool, conn net.Conn) {
		if _, err := conn.Write(archive[:1<<20+5]); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		status, body := reply(t, conn)
		if status != http.StatusRequestTimeout || !strings.Contains(body, `"offset":1048581`) {
			t.Errorf("%d %s", status, body)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("cut after %s", took)
		}
	})
}

// When the pool is about to end, uploads end at once and can be gone on with.
func TestHandler_Stop(t *testing.T) {
	archive := random(2 << 20)
	bubble(t, archive, func(p *pool, conn net.Conn) {
		if _, err := conn.Write(archive[:1<<20]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		p.Stop()
		status, body := reply(t, conn)
		if status != http.StatusServiceUnavailable || !strings.Contains(body, `"offset":1048576`) {
			t.Errorf("%d %s", status, body)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}

// Parts that nobody has gone on with for a week are removed, and nothing else.
func TestHandler_Sweep(t *testing.T) {
	p := start(t)
	archive := random(100_000)
	if err := p.Sweep(time.Now()); err != nil {
		t.Errorf("no directory yet: %v", err)
	}
	p.cut(t, archive, 0, 50_000)
	strange := p.Dir + "/notes.txt"
	if err := os.WriteFile(strange, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Sweep(time.Now().Add(6 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if a := p.ask(t, archive); a.Offset != 50_000 {
		t.Errorf("after six days: %+v", a)
	}
	if err := p.Sweep(time.Now().Add(8 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left := p.parts(t); len(left) != 1 || left[0] != strange {
		t.Errorf("after eight days: %v", left)
	}
	if a := p.ask(t, archive); a.Offset != 0 || a.State != "absent" {
		t.Errorf("after eight days: %+v", a)
	}
}

// What an upload is at is never removed, however old it looks.
func TestHandler_SweepUnderWay(t *testing.T) {
	archive := random(1 << 20)
	bubble(t, archive, func(p *pool, conn net.Conn) {
		if _, err := conn.Write(archive[:1<<19]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := p.Sweep(time.Now().Add(100 * 365 * 24 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(archive[1<<19:]); err != nil {
			t.Fatal(err)
		}
		if status, body := reply(t, conn); status != http.StatusCreated {
			t.Errorf("%d %s", status, body)
		}
		p.has(t, archive)
	})
}

// Every wrong setting is told at once.
func TestConfig_Validate(t *testing.T) {
	if err := (upload.Config{MaxUpload: 1, MaxUploads: 1}).Validate(); err != nil {
		t.Error(err)
	}
	err := upload.Config{}.Validate()
	if err == nil || !strings.Contains(err.Error(), "--max-upload 0:") ||
		!strings.Contains(err.Error(), "--max-uploads 0") {
		t.Errorf("both are wrong: %v", err)
	}
}
