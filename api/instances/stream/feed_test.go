package stream_test

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/stream"
	"github.com/bbbpool/bbbpool/store"
)

// wire is a leader whose stream a test writes by hand.
type wire struct{ io.Reader }

func (w wire) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(w.Reader)}, nil
}

// write writes a frame of the stream itself.
func write(t *testing.T, w io.Writer, kind string, epoch uint64, at time.Duration) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"kind": kind, "epoch": epoch, "at": at.Milliseconds(), "later": true})
	head := binary.BigEndian.AppendUint32(nil, uint32(2+len(body))) //nolint:gosec // small
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
	f := &stream.Feed{ID: "follower", Epochs: e, Client: wire{in}, Log: zerolog.Nop()}
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

// What is no stream is no news.
func TestFeed_Strange(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"text": []byte("HTTP/1.1 200 OK\r\n\r\n"), "large": {0xff, 0xff, 0xff, 0xff, 0, 0}, "short": {0, 0, 0, 1, 200, 0},
		"no hello": {0, 0, 0, 4, 0, 0, '{', '}'},
	} {
		in, out := io.Pipe()
		e := newEpochs()
		f := &stream.Feed{ID: "follower", Epochs: e, Client: wire{in}, Log: zerolog.Nop()}
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
