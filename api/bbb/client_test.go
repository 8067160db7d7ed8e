package bbb_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newTransport(t *testing.T) *bbb.Transport {
	t.Helper()
	transport := bbb.NewTransport(bbb.Timeouts{Connect: 10 * time.Second})
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func newClient(t *testing.T, address string) *bbb.Client {
	t.Helper()
	return bbb.NewClient(bbb.Endpoint{URL: address, Secret: secret}, newTransport(t), 10*time.Second)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func callError(t *testing.T, err error) *bbb.CallError {
	t.Helper()
	failed, ok := errors.AsType[*bbb.CallError](err)
	if !ok {
		t.Fatalf("got %v, want a *CallError", err)
	}
	for text := range strings.SplitSeq(fmt.Sprintf("%v %+v %s", err, failed.Err, errors.Unwrap(failed)), " ") {
		if strings.Contains(text, "checksum") || strings.Contains(text, string(secret)) {
			t.Fatalf("the error shows a checksum: %v", err)
		}
	}
	return failed
}

// A call is signed, its query arrives byte for byte, and a body makes it a POST.
func TestClient_Do(t *testing.T) {
	const query = "&name=a+b%20c%3a;~!*'()&meetingID=[0]"
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		raw, checksum := bbb.SplitChecksum(r.URL.RawQuery)
		signed := bbb.Verify("create", raw, checksum, []bbb.Secret{secret}, bbb.SHA256) == 0
		got = append(got, fmt.Sprint(r.Method, " ", r.URL.Path, " ", raw, " ", signed, " ",
			r.Header.Get("Content-Type"), " ", string(body), len(r.Header["Idempotency-Key"])))
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Date", "Thu, 09 Oct 2025 08:53:20 GMT")
		_, _ = io.WriteString(w, "<response/>")
	})
	c := newClient(t, s.URL+"/bigbluebutton/api")
	for _, body := range [][]byte{nil, {}, []byte(modules)} {
		reply, err := c.Do(t.Context(), "create", query, "application/xml", body)
		want := &bbb.Reply{
			Status: 200, ContentType: "text/xml", Body: []byte("<response/>"), Date: time.Unix(1_760_000_000, 0).UTC(),
		}
		if diff := cmp.Diff(want, reply); diff != "" {
			t.Error(err, diff)
		}
	}
	want := []string{
		"GET /bigbluebutton/api/create " + query + " true  0",
		"POST /bigbluebutton/api/create " + query + " true application/xml 0",
		"POST /bigbluebutton/api/create " + query + " true application/xml " + modules + "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Calls one after another share a connection, also when the server answers with errors.
func TestClient_Reuse(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "end") {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, "<response><returncode>FAILED</returncode></response>")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := newClient(t, s.URL)
	for _, call := range []string{"create", "end", "getMeetings", "end", "create"} {
		_, _ = c.Do(t.Context(), call, "", "", nil)
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}

// A server that takes too long costs no more than the deadline, before its first byte and between two of them.
func TestClient_ResponseDeadline(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "getMeetings") {
			_, _ = io.WriteString(w, "<response>")
			w.(http.Flusher).Flush()
		}
		<-release
	})
	defer close(release)
	c := bbb.NewClient(bbb.Endpoint{URL: s.URL, Secret: secret}, newTransport(t), 50*time.Millisecond)
	for _, call := range []string{"create", "getMeetings"} {
		_, err := c.Do(t.Context(), call, "", "", nil)
		if failed := callError(t, err); failed.Reason != bbb.Timeout {
			t.Errorf("%s: got %+v", call, failed)
		}
	}
	if _, err := c.Probe(t.Context()); callError(t, err).Reason != bbb.Timeout {
		t.Errorf("probe: got %v", err)
	}
}

// A server that takes no connection is given up after the connect deadline, and the error says that nothing was sent.
func TestClient_ConnectDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := bbb.NewTransport(bbb.Timeouts{Connect: 2 * time.Second})
		silent.Lookup = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
		silent.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, _ := net.Pipe() // takes TCP, and nothing of TLS
			return ours, nil
		}
		start := time.Now()
		c := bbb.NewClient(bbb.Endpoint{URL: "https://h", Secret: secret}, silent, time.Minute)
		_, err := c.Do(t.Context(), "create", "", "", nil)
		if failed := callError(t, err); failed.Reason != bbb.Timeout {
			t.Errorf("got %+v", failed)
		}
		if took := time.Since(start); took < time.Second || took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

// An answer is read up to a limit.
func TestClient_TooLarge(t *testing.T) {
	c := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: secret}, roundTrip(
		func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: endless{}}, nil
		}), time.Minute)
	_, err := c.Do(t.Context(), "getMeetings", "", "", nil)
	if failed := callError(t, err); failed.Reason != bbb.TooLarge {
		t.Errorf("got %+v", failed)
	}
}

// Statuses of 500 and above are errors, all others replies; redirects are replies too and are not followed.
func TestClient_Status(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
	})
	c := newClient(t, s.URL)
	statuses := []int{200, 204, 301, 302, 307, 400, 401, 403, 404, 500, 502, 503, 504, 599}
	for _, status := range statuses {
		reply, err := c.Do(t.Context(), fmt.Sprint(status), "", "", nil)
		if status < 500 && (err != nil || reply.Status != status) {
			t.Errorf("%d: got %+v, %v", status, reply, err)
		}
		if status >= 500 {
			if failed := callError(t, err); failed.Reason != bbb.Status || failed.Status != status {
				t.Errorf("%d: got %+v", status, failed)
			}
		}
	}
	if int(calls.Load()) != len(statuses) {
		t.Errorf("%d calls, want %d", calls.Load(), len(statuses))
	}
}

// What a server answers with an HTTP error is its own failure, unless the error is about the call: it is too large, or the
// server does not know it.
func TestClient_OwnStatus(t *testing.T) {
	var status atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) })
	c := newClient(t, s.URL)
	for code, aboutTheCall := range map[int]string{
		400: "create getMeetings insertDocument new", 401: "new", 402: "new", 403: "new", 404: "insertDocument new",
		405: "insertDocument new", 408: "", 413: "create getMeetings insertDocument new", 414: "create getMeetings insertDocument new",
		418: "new", 429: "", 431: "create getMeetings insertDocument new", 451: "new", 500: "", 503: "",
	} {
		status.Store(int32(code))
		for _, call := range []string{"create", "getMeetings", "insertDocument", "new"} {
			reply, err := c.Do(t.Context(), call, "", "application/xml", []byte("<a/>"))
			if strings.Contains(aboutTheCall, call) {
				if err != nil || reply.Status != code {
					t.Errorf("%s, %d: %v", call, code, err)
				}
			} else if failed := callError(t, err); failed.Reason != bbb.Status || failed.Status != code {
				t.Errorf("%s, %d: got %v", call, code, err)
			}
		}
		if _, err := c.Probe(t.Context()); (callError(t, err).Reason == bbb.Status) == strings.Contains(aboutTheCall, "create") {
			t.Errorf("probe, %d: got %v", code, err)
		}
	}
}

// What we lack ourselves is no fault of the server that could not be asked for it, in whatever step it shows.
func TestClient_Ours(t *testing.T) {
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.EADDRNOTAVAIL, syscall.ENOMEM} {
		dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", lack)}
		lookup := &net.DNSError{Err: lack.Error(), Name: "h", UnwrapErr: dial}
		for step, spoil := range map[string]func(*bbb.Transport){
			"dial": func(way *bbb.Transport) {
				way.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, dial }
			},
			"lookup": func(way *bbb.Transport) {
				way.Lookup = func(context.Context, string) ([]string, error) { return nil, lookup }
			},
			"write": func(way *bbb.Transport) {
				way.Dial = func(context.Context, string, string) (net.Conn, error) {
					ours, _ := net.Pipe()
					return failing{ours, &net.OpError{Op: "write", Err: os.NewSyscallError("write", lack)}}, nil
				}
			},
		} {
			way := newTransport(t)
			way.Lookup = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
			spoil(way)
			c := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: secret}, way, 10*time.Second)
			_, err := c.Do(t.Context(), "create", "", "", nil)
			if failed := callError(t, err); failed.Reason != bbb.Ours || !errors.Is(err, lack) {
				t.Errorf("%v in a %s: got %v", lack, step, err)
			}
			if text := bbb.Explain("http://h", err).Error(); strings.Contains(text, "firewall") || strings.Contains(text, "port") {
				t.Errorf("%v in a %s is explained as %q", lack, step, text)
			}
		}
	}
}

// failing is a connection that takes nothing.
type failing struct {
	net.Conn
	err error
}

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A server gets 64 calls at once and no more. Who waits longer than he wants to goes away; probes do not wait.
func TestClient_Concurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.RawQuery != "" { // no probe
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				now.Add(-1)
			}
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{},
				Body: io.NopCloser(strings.NewReader("<response><returncode>SUCCESS</returncode></response>")),
			}, nil
		})
		c := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: secret}, slow, time.Minute)
		for range 200 {
			go func() {
				if _, err := c.Answer(context.Background(), "getMeetings", ""); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Probe(ctx); err != nil {
			t.Errorf("probe: %v", err)
		}
		if _, err := c.Do(ctx, "create", "", "", nil); callError(t, err).Reason != bbb.Busy {
			t.Errorf("got %v, want busy", err)
		}
		hungUp, hangUp := context.WithCancel(t.Context())
		hangUp()
		if _, err := c.Do(hungUp, "create", "", "", nil); callError(t, err).Reason != bbb.Cancel {
			t.Errorf("got %v, want cancelled", err)
		}
		time.Sleep(5 * time.Second)
		if most.Load() != 64 {
			t.Errorf("%d calls at once, want 64", most.Load())
		}
	})
}

// The reasons tell what an operator has to look at.
func TestCallError_Reason(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, test := range []struct {
		err  error
		want bbb.Reason
	}{
		{dial(&net.DNSError{Err: "no such host", Name: "h"}), bbb.DNS},
		{dial(&net.DNSError{Err: "i/o timeout", Name: "h", IsTimeout: true}), bbb.DNS},
		{dial(syscall.ECONNREFUSED), bbb.Refused},
		{dial(syscall.EHOSTUNREACH), bbb.Refused},
		{dial(syscall.ETIMEDOUT), bbb.Timeout},
		{context.DeadlineExceeded, bbb.Timeout},
		{context.Canceled, bbb.Cancel},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, bbb.TLS},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, bbb.TLS},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, bbb.TLS},
		{io.EOF, bbb.Broken},
		{io.ErrUnexpectedEOF, bbb.Broken},
		{syscall.ECONNRESET, bbb.Broken},
		{&url.Error{Op: "Get", URL: "http://h/?checksum=0", Err: io.EOF}, bbb.Broken},
		{errors.New(`malformed HTTP response "GET /?checksum=0"`), bbb.Broken},
	} {
		c := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: secret},
			roundTrip(func(*http.Request) (*http.Response, error) { return nil, test.err }), time.Minute)
		_, err := c.Do(t.Context(), "create", "a=1", "", nil)
		if failed := callError(t, err); failed.Reason != test.want || failed.Call != "create" {
			t.Errorf("%v: got %+v, want %s", test.err, failed, test.want)
		}
	}
	c := bbb.NewClient(bbb.Endpoint{URL: "http://h h"}, newTransport(t), time.Minute)
	if _, err := c.Do(t.Context(), "create", "", "", nil); callError(t, err).Reason != bbb.BadURL {
		t.Errorf("bad URL: got %v", err)
	}
}

// raw is a server that sends some bytes to whoever connects, or whatever it is sent.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answer(conn)
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// A server that is something else, and sends our own request back, gets no checksum into our logs.
func TestClient_Echo(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"echo": func(c net.Conn) {
			line := make([]byte, 200)
			n, _ := c.Read(line)
			_, _ = c.Write(line[:n])
		},
		"location": func(c net.Conn) {
			line := make([]byte, 200)
			_, _ = c.Read(line)
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://h:port/?checksum=0\r\nContent-Length: 1\r\n\r\n")
		},
		"status": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 200))
			_, _ = io.WriteString(c, "HTTP/1.1 500 ?checksum=0\r\nContent-Length: 0\r\n\r\n")
		},
	} {
		_, err := newClient(t, raw(t, answer)).Do(t.Context(), "create", "a=1", "", nil)
		if failed := callError(t, err); failed.Call != "create" {
			t.Errorf("%s: got %+v", name, failed)
		}
	}
}

// An address with an escaped slash in it stays as it is.
func TestClient_EscapedAddress(t *testing.T) {
	path := make(chan string, 1)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path <- r.URL.EscapedPath()
		_, _ = w.Write(bbb.Success().Bytes())
	}).URL
	if _, err := newClient(t, address+"/a%2Fb/api").Do(t.Context(), "getMeetingInfo", "meetingID=x", "", nil); err != nil {
		t.Fatal(err)
	}
	if got := <-path; got != "/a%2Fb/api/getMeetingInfo" {
		t.Errorf("called at %s", got)
	}
}

// BenchmarkClient makes calls over a connection that is kept.
func BenchmarkClient(b *testing.B) {
	body := []byte("<response><returncode>SUCCESS</returncode></response>")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })}
	go func() { _ = server.Serve(listener) }()
	transport := bbb.NewTransport(bbb.Timeouts{Connect: time.Second})
	defer transport.CloseIdleConnections()
	c := bbb.NewClient(bbb.Endpoint{URL: "http://" + listener.Addr().String()}, transport, time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(b.Context(), "getMeetingInfo", "meetingID=a", "", nil); err != nil {
			b.Fatal(err)
		}
	}
}
