package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api"
)

// Where there is no room, those are closed whose callers are silent, and nobody whose request is being answered; whoever
// comes then gets in.
func TestServer_ConnectionLimit(t *testing.T) {
	const requests = 5 // so that there is room for 10 connections
	var inside sync.WaitGroup
	leave := make(chan struct{})
	base, _ := start(t, api.Config{MaxRequests: requests}, io.Discard, healthy, mount{"/wait", func(w http.ResponseWriter, _ *http.Request) {
		inside.Done()
		<-leave
		_, _ = io.WriteString(w, strings.Repeat("answer ", 1000))
	}})
	dial := func(send string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(conn, send); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	var busy []net.Conn
	inside.Add(requests - 1)
	for range requests - 1 {
		busy = append(busy, dial("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"))
	}
	inside.Wait()
	silent := dial("")
	for range 50 {
		dial("GET / HTTP/1.1\r\n")
	}
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the silent connection: %v, want it closed", err)
	}
	if resp, body := get(t, base+"/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("a new caller: %d %s", resp.StatusCode, body)
	}
	close(leave)
	for _, conn := range busy {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 7000 {
			t.Errorf("an answer: %d bytes, %v", len(body), err)
		}
	}
	if _, page := get(t, base+"/metrics"); strings.Contains(page, "bbbpool_connections_pushed_total 0\n") {
		t.Error("nobody was pushed out")
	}
}

// A connection is used again after a body that was read, and closed after one that was not, however the rest comes.
func TestServer_Bodies(t *testing.T) {
	base, _ := start(t, api.Config{}, io.Discard, healthy, mount{"/read", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%d %v", len(body), err)
	}}, mount{"/refuse", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, strings.Repeat("long ", 1000))
	}})
	for _, c := range []struct {
		path, header, body string
		kept               bool
	}{
		{"/read", "Content-Length: 5", "hello", true},
		{"/read", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", true},
		{"/read", "Content-Length: 0", "", true},
		{"/refuse", "Content-Length: 0", "", true},
		{"/refuse", "Content-Length: 5", "hello", false},
		{"/refuse", "Content-Length: 5", "", false},
		{"/refuse", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", false},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "POST "+c.path+" HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\n\r\n"+c.body); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err == nil {
			_, err = http.ReadResponse(reader, nil)
			if (err == nil) != c.kept {
				t.Errorf("%s %s %q: kept %v, want %v (%v)", c.path, c.header, c.body, err == nil, c.kept, err)
			}
		}
		_ = conn.Close()
	}
}
