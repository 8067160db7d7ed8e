package bbb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// script serves connections of a listener one after another, each by its own function, and counts them.
func script(t *testing.T, conns ...func(net.Conn, *bufio.Reader)) (address string, count *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	count = &atomic.Int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, answer := range conns {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			answer(c, bufio.NewReader(c))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return "http://" + listener.Addr().String(), count
}

// swallow reads one request without a body.
func swallow(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A connection that breaks before a byte of the answer has come costs nobody anything where it was used before and the
// call may be made twice. Other calls have connections of their own, and are made once.
func TestTransport_StaleConnection(t *testing.T) {
	for _, c := range []struct {
		call  string
		body  []byte
		works bool
	}{{"getMeetings", nil, true}, {"create", []byte("<a/>"), true}, {"insertDocument", []byte("<a/>"), false}} {
		once := func(conn net.Conn, r *bufio.Reader) {
			swallow(r)
			_, _ = io.WriteString(conn, ok)
			if c.works {
				swallow(r) // and say nothing
			}
		}
		silent := func(_ net.Conn, r *bufio.Reader) {
			if swallow(r); c.works {
				t.Errorf("%s: came a third time", c.call)
			}
		}
		second := once
		if !c.works {
			second = silent
		}
		address, count := script(t, once, second, silent)
		client := newClient(t, address)
		if _, err := client.Do(t.Context(), "getMeetings", "", "", nil); err != nil {
			t.Fatal(err)
		}
		_, err := client.Do(t.Context(), c.call, "a=1", "application/xml", c.body)
		if (err == nil) != c.works || count.Load() != 2 {
			t.Errorf("%s: %v, %d connections", c.call, err, count.Load())
		}
	}
}

// Replies that only say "go on" are passed over; without an end they are an error.
func TestTransport_Interim(t *testing.T) {
	address, _ := script(t, func(c net.Conn, r *bufio.Reader) {
		swallow(r)
		_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"+ok)
	}, func(c net.Conn, r *bufio.Reader) {
		swallow(r)
		for range 1000 {
			if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return
			}
		}
	})
	client := newClient(t, address)
	if reply, err := client.Do(t.Context(), "create", "", "", nil); err != nil || string(reply.Body) != "ok" {
		t.Errorf("%v %v", reply, err)
	}
	if _, err := client.Do(t.Context(), "end", "", "", nil); err == nil {
		t.Error("took a thousand interim replies")
	}
}

// What a server sends in headers is bounded.
func TestTransport_HeaderLimit(t *testing.T) {
	address, _ := script(t, func(c net.Conn, r *bufio.Reader) {
		swallow(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	})
	if _, err := newClient(t, address).Do(t.Context(), "create", "", "", nil); callError(t, err).Reason != bbb.Broken {
		t.Errorf("got %v", err)
	}
}

// Connections are used again after every sound reply, chunked or not, and never after one that was not read whole, came
// with more than it announced, or ended with the connection.
func TestTransport_Reuse(t *testing.T) {
	for name, c := range map[string]struct {
		reply  string
		reused bool
	}{
		"length":     {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
		"chunked":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
		"no content": {"HTTP/1.1 204 No Content\r\n\r\n", true},
		"close":      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
		"until end":  {"HTTP/1.1 200 OK\r\n\r\nok", false},
		"too much":   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nsmuggled", false},
	} {
		twice := func(conn net.Conn, r *bufio.Reader) {
			for range 2 {
				swallow(r)
				if _, err := io.WriteString(conn, c.reply); err != nil || !c.reused {
					return
				}
			}
		}
		address, count := script(t, twice, twice)
		client := newClient(t, address)
		for range 2 {
			if reply, err := client.Do(t.Context(), "end", "", "", nil); err != nil || len(reply.Body) > 2 {
				t.Errorf("%s: %+v %v", name, reply, err)
			}
		}
		if reused := count.Load() == 1; reused != c.reused {
			t.Errorf("%s: %d connections for two calls", name, count.Load())
		}
	}
}

// A server may turn a large body down before it has read it: the answer counts, not the broken pipe.
func TestTransport_EarlyAnswer(t *testing.T) {
	address, _ := script(t, func(c net.Conn, r *bufio.Reader) {
		swallow(r)
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20)) // what is on its way would reset the connection
	})
	reply, err := newClient(t, address).Do(t.Context(), "create", "", "application/xml", make([]byte, 1<<20))
	if err != nil || reply.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%+v %v", reply, err)
	}
}

// A call ends when its context does, in whatever state the server is, and says why.
func TestTransport_Cancel(t *testing.T) {
	entered := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	_, err := newClient(t, s.URL).Do(ctx, "create", "", "", nil)
	if failed := callError(t, err); failed.Reason != bbb.Cancel || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Over TLS the server's name is checked, and connections are kept as well.
func TestTransport_TLS(t *testing.T) {
	conns := &atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	if _, err := newClient(t, s.URL).Do(t.Context(), "end", "", "", nil); callError(t, err).Reason != bbb.TLS {
		t.Errorf("trusted a stranger: %v", err)
	}
	known := newTransport(t)
	known.TLS.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	client := bbb.NewClient(bbb.Endpoint{URL: s.URL, Secret: secret}, known, 10*time.Second)
	for range 3 {
		if reply, err := client.Do(t.Context(), "end", "", "", nil); err != nil || string(reply.Body) != "ok" {
			t.Fatalf("%+v %v", reply, err)
		}
	}
	if n := conns.Load(); n != 2 { // the stranger's, and ours
		t.Errorf("%d connections", n)
	}
}
