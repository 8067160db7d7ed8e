package poller_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// 500 servers with 50,000 people in 5,000 meetings, on real sockets: what it takes to ask them all and to list what
// they have, and what a view of it all keeps in memory. The simulated servers run in the same process; their time is
// in the first figure, their memory is not in the last.
func BenchmarkMeetings(b *testing.B) {
	const servers, meetings, people = 500, 10, 100
	sim, err := simulator.New(simulator.Config{Servers: servers})
	if err != nil {
		b.Fatal(err)
	}
	sim.Start()
	b.Cleanup(sim.Close)
	claims := &memory{claims: map[store.MeetingKey]store.Claim{}}
	var ahead atomic.Int64 // of the real time, so that views grow old without anybody waiting
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	ledger := openLedger(b, claims, now)
	c := config()
	c.Interval = time.Hour // nobody but the benchmark asks
	p := poller.New(c, ledger, zerolog.Nop(), now)
	for _, s := range sim.Servers() {
		if err := s.Populate(meetings, people); err != nil {
			b.Fatal(err)
		}
		p.SetServer(store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1})
	}
	ctx, cancel := context.WithCancel(b.Context())
	over := make(chan error)
	go func() { over <- p.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			b.Error(err)
		}
	})
	for seen := 0; seen < servers*people; runtime.Gosched() {
		seen = 0
		for _, s := range p.Servers() {
			seen += s.Users
		}
	}

	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if n := len(p.Meetings(store.DefaultTenant)); n != servers*meetings {
				b.Fatalf("%d meetings", n)
			}
		}
	})
	b.Run("refresh", func(b *testing.B) {
		for b.Loop() {
			ahead.Add(int64(5 * time.Second))
			p.Refresh(b.Context())
		}
	})
	b.Run("memory", func(b *testing.B) {
		with := heap()
		for _, s := range p.Servers() {
			s.State = store.Disabled // forgets what was seen
			p.SetServer(s.Server)
		}
		views := with - heap()
		for b.Loop() { // nothing to repeat
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(views/(servers*people), "B/person")
		b.ReportMetric(views/(1<<20), "MiB")
	})
}

// heap is how many bytes are in use.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
