package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api"
)

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
