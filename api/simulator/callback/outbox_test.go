package callback_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/callback"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// What is too much for an outbox is lost; what is not due waits, and is sent once.
func TestOutbox(t *testing.T) {
	var calls atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(front.Close)
	now := time.UnixMilli(1_760_000_000_000)
	out := callback.New(callback.Options{
		Client: front.Client(), Now: func() time.Time { return now }, Report: func(err error) { t.Error(err) },
		Faults: &callback.Faults{}, Traces: &callback.Traces{},
	})
	out.SetWay(callback.Double)
	over := rooms.New(0, rooms.Hooks{
		Over:  func(m *rooms.Meeting, at time.Time) { out.Add(callback.Ended(m, at)...) },
		Taken: func(string) bool { return false },
	})
	m, _, failed := over.Admit(rooms.Wanted{ID: "room", EndedURL: front.URL}, now)
	if failed != nil {
		t.Fatal(failed)
	}
	over.End(m, now)
	over.Pass(now)
	now = now.Add(-time.Second) // before it is due
	out.Deliver(t.Context())
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls before it was due", n)
	}
	now = now.Add(time.Second)
	out.Deliver(t.Context())
	out.Deliver(t.Context())
	if n := calls.Load(); n != 2 { // to see where it leads, and then there
		t.Errorf("%d calls, want 2", n)
	}
	for range 10_001 {
		out.Add(callback.Ended(m, now.Add(time.Hour))...)
	}
	if n := out.Waiting(); n != 10_000 {
		t.Errorf("%d wait, want 10,000", n)
	}
}
