package stream_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/stream"
	"github.com/bbbpool/bbbpool/store"
)

// taker is a part that takes reports.
type taker chan string

func (c taker) Take(b []byte) error {
	c <- string(b)
	return nil
}

// Reports wait for a leader, come to the one that there is, and stay where this instance leads itself.
func TestReporter(t *testing.T) {
	var leads, mine atomic.Bool
	taken, own := make(taker, 100), make(taker, 100)
	at := &stream.Reporter{Parts: map[string]stream.Reports{"poller": taken}, Leading: leads.Load, Log: zerolog.Nop()}
	at.Open()
	s := httptest.NewTLSServer(at)
	defer s.Close()
	e := newEpochs()
	r := &stream.Reporter{
		Parts: map[string]stream.Reports{"poller": own}, ID: "follower", Epochs: e, Leading: mine.Load,
		Client: s.Client().Transport, Log: zerolog.Nop(),
	}
	r.Open()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	report, strange := r.Report("poller"), r.Report("newer")
	report([]byte("1"))
	strange([]byte("x"))
	report([]byte("2"))
	e.set(store.Lease{Holder: "leader", Address: s.Listener.Addr().String()}) // which does not lead yet
	leads.Store(true)
	for _, want := range []string{"1", "2"} {
		if got := <-taken; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	e.set(store.Lease{})
	report([]byte("3"))
	e.set(store.Lease{Holder: "follower"})
	if got := <-own; got != "3" {
		t.Error(got)
	}
	mine.Store(true)
	report([]byte("4"))
	if got := <-own; got != "4" || len(taken) > 0 || r.Dropped() > 0 {
		t.Errorf("%s, %d elsewhere, %d dropped", got, len(taken), r.Dropped())
	}
	cancel()
	<-done
}

// Without a leader no more than some megabytes wait, and what is lost is counted.
func TestReporter_Bounded(t *testing.T) {
	r := &stream.Reporter{Epochs: newEpochs(), Leading: func() bool { return false }, Log: zerolog.Nop()}
	r.Open()
	report := r.Report("poller")
	for range 100 {
		report(make([]byte, 100<<10))
	}
	if n := r.Dropped(); n < 15 || n > 25 {
		t.Errorf("%d of 100 were dropped", n)
	}
}

// What are no reports is refused, and so is everything where nobody leads.
func TestReporter_Strange(t *testing.T) {
	var leads atomic.Bool
	r := &stream.Reporter{Leading: leads.Load, Log: zerolog.Nop()}
	for _, c := range []struct {
		leads bool
		body  string
		want  int
	}{
		{false, "", http.StatusMisdirectedRequest},
		{true, "", http.StatusNoContent},
		{true, "abc", http.StatusBadRequest},
		{true, "\x00\x00\x00\x10\x00", http.StatusBadRequest},
		{true, strings.Repeat("\xff", 100), http.StatusBadRequest},
	} {
		leads.Store(c.leads)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, stream.ReportsPath, strings.NewReader(c.body)))
		if w.Code != c.want {
			t.Errorf("%q: %d, want %d", c.body, w.Code, c.want)
		}
	}
}
