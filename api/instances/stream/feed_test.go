package stream_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/stream"
	"github.com/bbbpool/bbbpool/store"
)

// wire is a leader whose stream a test writes by hand. It says nothing of how long the stream has gone on where that is nil.
type wire struct {
	io.Reader

	at func() time.Duration
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.Method == http.MethodGet:
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(w.Reader)}, nil
	case w.at == nil:
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
	}
	body := fmt.Sprintf(`{"at":%d}`, w.at().Milliseconds())
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// write writes a frame of the stream itself.
func write(t *testing.T, w io.Writer, kind string, epoch uint64, at time.Duration) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"kind": kind, "epoch": epoch, "at": at.Milliseconds(), "later": true}) //nolint:errchkjson // plain values
	head := binary.BigEndian.AppendUint32(nil, uint32(2+len(body)))
	if _, err := w.Write(append(append(head, 0, 0), body...)); err != nil {
		t.Fatal(err)
	}
}

// Beats that have waited somewhere tell old news, however many come at once.
func TestFeed_Late(t *testing.T) {
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	e := newEpochs()
	var offset atomic.Int64
	began := time.Now()
	f := &stream.Feed{ID: "follower", Epochs: e, Client: wire{Reader: in}, Log: zerolog.Nop()}
	f.Now = func() time.Time { return began.Add(time.Duration(offset.Load())) }
	e.set(store.Lease{Holder: "leader", Address: "a:1", Epoch: 7})
	go func() { _ = f.Run(t.Context()) }()
	write(t, out, "hello", 7, 0)
	write(t, out, "beat", 7, 0)
	write(t, out, "unknown", 7, 0)
	eventually(t, f.Fresh)
	offset.Store(int64(600 * time.Millisecond))
	if f.Fresh() {
		t.Error("no beat for 600 ms, and it is fresh")
	}
	offset.Store(int64(5 * time.Second)) // it was stopped, and finds what lies in the buffers
	for at := 100 * time.Millisecond; at <= 4*time.Second; at += 100 * time.Millisecond {
		write(t, out, "beat", 7, at)
		if f.Fresh() {
			t.Fatalf("fresh at %s", at)
		}
	}
	write(t, out, "beat", 7, 5*time.Second)
	eventually(t, f.Fresh)
	if lag, ok := f.Lag(); !ok || lag > 100*time.Millisecond {
		t.Errorf("lag %s, %v", lag, ok)
	}
}

// A stream whose beginning has waited somewhere tells old news from its first beat on, until the leader says how long it has gone on.
func TestFeed_BegunLate(t *testing.T) {
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	e := newEpochs()
	var offset, at atomic.Int64
	at.Store(int64(700 * time.Millisecond)) // as long as it has taken to come
	began := time.Now()
	client := wire{Reader: in, at: func() time.Duration { return time.Duration(at.Load()) }}
	f := &stream.Feed{ID: "follower", Epochs: e, Log: zerolog.Nop(), Client: late{client, &offset}}
	f.Now = func() time.Time { return began.Add(time.Duration(offset.Load())) }
	e.set(store.Lease{Holder: "leader", Address: "a:1", Epoch: 7})
	go func() { _ = f.Run(t.Context()) }()
	write(t, out, "hello", 7, 0)
	for range 3 {
		write(t, out, "beat", 7, 0)
		write(t, out, "unknown", 7, 0)
		if f.Fresh() {
			t.Fatal("nobody knows how old that is, and it is fresh")
		}
	}
	at.Store(int64(50 * time.Millisecond)) // it has gone on for no longer
	eventually(t, func() bool {
		write(t, out, "beat", 7, 0)
		return f.Fresh()
	})
	if lag, ok := f.Lag(); !ok || lag != 50*time.Millisecond {
		t.Errorf("lag %s, %v", lag, ok)
	}
}

// A machine that was paused has a clock that was, too: what has come since is not from the future, and nobody knows how old it is,
// until the leader says how long the stream has gone on.
func TestFeed_Paused(t *testing.T) {
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	e := newEpochs()
	var at atomic.Int64
	began := time.Now()
	f := &stream.Feed{ID: "follower", Epochs: e, Log: zerolog.Nop(), Now: func() time.Time { return began.Add(time.Second) }}
	f.Client = wire{Reader: in, at: func() time.Duration { return time.Duration(at.Load()) }}
	e.set(store.Lease{Holder: "leader", Address: "a:1", Epoch: 7})
	go func() { _ = f.Run(t.Context()) }()
	write(t, out, "hello", 7, 0)
	write(t, out, "beat", 7, 0)
	eventually(t, f.Fresh)
	for range 3 {
		write(t, out, "beat", 7, 5*time.Second) // which is five seconds more than have gone by here
		write(t, out, "unknown", 7, 0)
		if lag, _ := f.Lag(); f.Fresh() || lag < 0 {
			t.Fatalf("it is fresh, with a lag of %s", lag)
		}
	}
	at.Store(int64(5 * time.Second))
	eventually(t, func() bool {
		write(t, out, "beat", 7, 5*time.Second)
		return f.Fresh()
	})
}

// late is a connection that takes a while, by a clock that a test moves.
type late struct {
	http.RoundTripper

	clock *atomic.Int64
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	l.clock.CompareAndSwap(0, int64(700*time.Millisecond))
	return l.RoundTripper.RoundTrip(r)
}

// What is no stream is no news.
func TestFeed_Strange(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"text": []byte("HTTP/1.1 200 OK\r\n\r\n"), "large": {0xff, 0xff, 0xff, 0xff, 0, 0}, "short": {0, 0, 0, 1, 200, 0},
		"no hello": {0, 0, 0, 4, 0, 0, '{', '}'},
	} {
		in, out := io.Pipe()
		e := newEpochs()
		f := &stream.Feed{ID: "follower", Epochs: e, Client: wire{Reader: in}, Log: zerolog.Nop()}
		e.set(store.Lease{Holder: "leader", Address: "a:1", Epoch: 7})
		go func() { _ = f.Run(t.Context()) }()
		_, _ = out.Write(bytes)
		eventually(t, func() bool { return f.Fault() != nil })
		if f.Fresh() {
			t.Errorf("%s is fresh", name)
		}
		_ = out.Close()
	}
}
