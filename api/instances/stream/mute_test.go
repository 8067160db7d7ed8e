package stream_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/stream"
	"github.com/bbbpool/bbbpool/store"
)

// counted counts the streams that are asked for.
type counted struct {
	http.RoundTripper

	streams *atomic.Int64
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		c.streams.Add(1)
	}
	return c.RoundTripper.RoundTrip(r)
}

// A leader of the version before never says how long a stream has gone on. One that was slow to begin would be stale for ever: so
// it is asked for anew after a while.
func TestFeed_Mute(t *testing.T) {
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	e := newEpochs()
	var offset, streams atomic.Int64
	began := time.Now()
	f := &stream.Feed{ID: "follower", Epochs: e, Client: counted{wire{Reader: in}, &streams}, Log: zerolog.Nop()}
	f.Now = func() time.Time { return began.Add(time.Duration(offset.Load())) }
	e.set(store.Lease{Holder: "leader", Address: "a:1", Epoch: 7})
	go func() { _ = f.Run(t.Context()) }()
	for range 2 {
		write(t, out, "hello", 7, 0)
		write(t, out, "beat", 7, 0)
		eventually(t, f.Fresh)
		offset.Add(int64(100 * time.Second))
		write(t, out, "beat", 7, 99*time.Second) // its beginning has taken a second
		write(t, out, "unknown", 7, 0)
		if f.Fresh() {
			t.Fatal("it is fresh")
		}
		before := streams.Load()
		offset.Add(int64(30 * time.Second))
		write(t, out, "beat", 7, 129*time.Second)
		eventually(t, func() bool { return streams.Load() > before })
	}
}
