package playback_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a listener for one connection.
type wire struct {
	conn chan net.Conn
	done chan struct{}
}

func (l wire) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l wire) Close() error   { close(l.done); return nil }
func (l wire) Addr() net.Addr { return &net.TCPAddr{} }

// dial serves the house, with the deadline for a whole answer that the program has, to one client.
func (h *house) dial() (client net.Conn, stop func()) {
	l := wire{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: h.mux, WriteTimeout: 3 * time.Minute, ReadTimeout: 2 * time.Minute}
	go func() { _ = server.Serve(l) }()
	client, far := net.Pipe()
	l.conn <- far
	return client, func() {
		_ = client.Close()
		_ = server.Close()
	}
}

const megabyte = 1 << 20

// A viewer on a slow line gets a long film whole, though it takes longer than any answer may.
func TestFlow_Slow(t *testing.T) {
	h := newHouse(t)
	h.write("video/"+open+"/long.mp4", strings.Repeat("x", megabyte))
	synctest.Test(t, func(t *testing.T) {
		client, stop := h.dial()
		defer stop()
		if _, err := io.WriteString(client, "GET /video/"+open+"/long.mp4 HTTP/1.0\r\nHost: pool.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, buf, start := 0, make([]byte, 32<<10), time.Now()
		for {
			n, err := io.ReadFull(client, buf)
			got += n
			if err != nil {
				break
			}
			time.Sleep(20 * time.Second)
		}
		if got < megabyte {
			t.Errorf("cut off after %d bytes, %s", got, time.Since(start))
		}
	})
}

// A viewer that takes nothing any more is gone after a minute, and its file is closed.
func TestFlow_Stalled(t *testing.T) {
	h := newHouse(t)
	h.write("video/"+open+"/long.mp4", strings.Repeat("x", megabyte))
	synctest.Test(t, func(t *testing.T) {
		client, stop := h.dial()
		defer stop()
		if _, err := io.WriteString(client, "GET /video/"+open+"/long.mp4 HTTP/1.0\r\nHost: pool.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := h.counted(`bbbpool_playback_requests_total{format="video",outcome="cut"}`); got != "1" {
			t.Errorf("cut off: %q", got)
		}
	})
}

// Over a real connection, where the kernel copies by itself, everything arrives as it is.
func TestFlow_Kernel(t *testing.T) {
	h := newHouse(t)
	film := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), megabyte/12)
	h.write("video/"+open+"/long.mp4", string(film))
	server := httptest.NewServer(h.mux)
	defer server.Close()
	for want, header := range map[string]string{string(film): "", string(film[1000:2000000]): "bytes=1000-1999999"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/video/"+open+"/long.mp4", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("Range", header)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", header, len(got), err)
		}
	}
}

// A film whose file is cut short while it is sent ends the connection: nobody takes the half for the whole.
func TestFlow_Truncated(t *testing.T) {
	h := newHouse(t)
	name := filepath.Join(h.dir, "video", open, "long.mp4")
	h.write("video/"+open+"/long.mp4", strings.Repeat("x", megabyte))
	synctest.Test(t, func(t *testing.T) {
		client, stop := h.dial()
		defer stop()
		_, _ = io.WriteString(client, "GET /video/"+open+"/long.mp4 HTTP/1.1\r\nHost: pool.test\r\n\r\n")
		if _, err := io.ReadFull(client, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, 1000); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(client)
		if err != nil && !errors.Is(err, io.EOF) || len(rest) >= megabyte {
			t.Errorf("%d bytes, %v", len(rest), err)
		}
	})
}
