package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// discard is a caller that does not look at the answer.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// 500 servers with 50,000 people, each list rendered once, fit into a small machine beside whatever is tested.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("500 servers")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	sim, _ := start(t, simulator.Config{Servers: 500})
	for _, s := range sim.Servers() {
		if err := s.Populate(10, 100); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, signed(s, "getMeetings", ""), nil)
		s.ServeHTTP(discard{http.Header{}}, r)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	heap, all := after.HeapAlloc-before.HeapAlloc, after.Sys-before.Sys
	t.Logf("500 servers, 50,000 people: heap %d MiB, from the system %d MiB", heap>>20, all>>20)
	if heap > 150<<20 || all > 1<<30 {
		t.Errorf("heap %d MiB, want at most 150; from the system %d MiB, want less than 1024", heap>>20, all>>20)
	}
	runtime.KeepAlive(sim)
}

// handle measures a call without the network.
func handle(b *testing.B, s *simulator.Server, name string, query func(int) string) {
	b.Helper()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		target := "http://host/bigbluebutton/api/" + name + "?" + bbb.SHA256.Sign(name, query(i), s.Secret())
		s.ServeHTTP(discard{http.Header{}}, httptest.NewRequestWithContext(b.Context(), http.MethodGet, target, nil))
		i++
	}
}

func BenchmarkCreate(b *testing.B) {
	s := one(b)
	handle(b, s, "create", func(i int) string {
		if i%(simulator.MaxMeetings-1) == 0 {
			s.Restart()
		}
		return "name=Room&attendeePW=ap&moderatorPW=mp&meetingID=room-" + strconv.Itoa(i)
	})
}

func BenchmarkCreate_Repeated(b *testing.B) {
	handle(b, one(b), "create", func(int) string { return "name=Room&attendeePW=ap&moderatorPW=mp&meetingID=room" })
}

func BenchmarkGetMeetingInfo(b *testing.B) {
	for _, people := range []int{0, 20, 200} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) {
			s := one(b)
			if err := s.Populate(1, people); err != nil {
				b.Fatal(err)
			}
			handle(b, s, "getMeetingInfo", func(int) string { return "meetingID=sim1-load-1" })
		})
	}
}

func BenchmarkGetMeetings(b *testing.B) {
	s := one(b)
	if err := s.Populate(10, 100); err != nil {
		b.Fatal(err)
	}
	handle(b, s, "getMeetings", func(int) string { return "" })
}

func BenchmarkJoin(b *testing.B) {
	s := one(b)
	mustCreate(b, s, "room", "")
	handle(b, s, "join", func(i int) string {
		if i%(simulator.MaxPeople-1) == 0 {
			_ = s.Leave("room", 0)
		}
		return "meetingID=room&fullName=Ada&role=viewer&userID=u" + strconv.Itoa(i)
	})
}

// Over HTTP, for comparison with what stands before the server.
func BenchmarkGetMeetingInfo_HTTP(b *testing.B) {
	s := one(b)
	if err := s.Populate(1, 20); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		httpClient := &http.Client{Transport: &http.Transport{}}
		target := signed(s, "getMeetingInfo", "meetingID=sim1-load-1")
		for pb.Next() {
			resp, err := httpClient.Get(target)
			if err != nil {
				b.Error(err)
				return
			}
			buf := make([]byte, 64<<10)
			for err == nil {
				_, err = resp.Body.Read(buf)
			}
			_ = resp.Body.Close()
		}
	})
}
