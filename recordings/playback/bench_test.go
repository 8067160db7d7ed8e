package playback_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The gate costs little beside what it guards: 64 KB over loopback, against the file server of net/http without a gate.
func BenchmarkServe(b *testing.B) {
	h := newHouse(b)
	h.write("video/"+open+"/piece.mp4", strings.Repeat("x", 64<<10))
	cookie, _ := h.follow(h.link(protected, "video"))
	h.write("video/"+protected+"/piece.mp4", strings.Repeat("x", 64<<10))
	fetch := func(b *testing.B, handler http.Handler, id string) time.Duration {
		server := httptest.NewServer(handler)
		defer server.Close()
		start := time.Now()
		for range b.N {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/video/"+id+"/piece.mp4", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Cookie", strings.TrimPrefix(cookie, "Cookie: "))
			answer, err := server.Client().Do(r)
			if err != nil {
				b.Fatal(err)
			}
			n, _ := io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if n != 64<<10 {
				b.Fatalf("%d bytes with status %d", n, answer.StatusCode)
			}
		}
		return time.Since(start)
	}
	for name, id := range map[string]string{"open": open, "protected": protected} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(64 << 10)
			ours := fetch(b, h.mux, id)
			b.StopTimer()
			bare := fetch(b, http.FileServer(http.Dir(h.dir)), id)
			b.ReportMetric(float64(ours)/float64(bare), "x-bare")
		})
	}
}
