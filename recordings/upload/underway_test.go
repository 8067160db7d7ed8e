package upload_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/upload"
)

// gauge returns a metric of a pool, "" where there is none of that name.
func (p *pool) gauge(name string) string {
	var b strings.Builder
	p.Metrics.WritePrometheus(&b)
	for line := range strings.Lines(b.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// What is under way is counted while it is, and what has come once it has.
func TestHandler_Counted(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config.MaxUploads = 8 })
	measures := func(when string, want map[string]string) {
		t.Helper()
		for name, value := range want {
			if got := p.gauge(name); got != value {
				t.Errorf("%s: %s is %q, want %q", when, name, got, value)
			}
		}
	}
	measures("before", map[string]string{"bbbpool_uploads_active": "0", "bbbpool_upload_bytes_total": "0"})
	first, second := random(1000), random(2000)
	finish := []func() answer{p.under(t, bbb1, first), p.under(t, bbb2, second)}
	measures("under way", map[string]string{"bbbpool_uploads_active": "2"})
	for _, f := range finish {
		if a := f(); a.status != http.StatusCreated {
			t.Errorf("finished: %+v", a)
		}
	}
	if a := p.send(t, first, 7, first[7:]); a.status != http.StatusOK || !a.Complete {
		t.Errorf("what is here already: %+v", a)
	}
	third := random(3000)
	if a := p.send(t, third, 7, third[7:]); a.Code != "offset" {
		t.Errorf("from the middle of nothing: %+v", a)
	}
	measures("afterwards", map[string]string{
		"bbbpool_uploads_active": "0", "bbbpool_upload_bytes_total": "3000",
		`bbbpool_upload_requests_total{outcome="waiting"}`: "3", `bbbpool_upload_requests_total{outcome="offset"}`: "1",
	})
}

// A pool that stops begins nothing, and says so to whoever asks first; what it has already it still tells.
func TestHandler_Stopped(t *testing.T) {
	p := start(t)
	here, missing := random(1000), random(2000)
	if a := p.send(t, here, 0, here); a.status != http.StatusCreated {
		t.Fatalf("sent: %+v", a)
	}
	p.Stop()
	p.Stop() // again, which does nothing
	for _, a := range p.both(t, bbb2, missing) {
		if a.status != http.StatusServiceUnavailable || a.Code != "stopping" || a.header.Get("Retry-After") != "10" {
			t.Errorf("stopped: %+v", a)
		}
	}
	if a := p.ask(t, here); a.status != http.StatusOK || !a.Complete {
		t.Errorf("what is here: %+v", a)
	}
	if parts := p.parts(t); len(parts) != 0 {
		t.Errorf("begun: %v", parts)
	}
	p.has(t, here)
}

// Senders that ask and send piece by piece, all at once and while parts are swept, lose no byte.
func TestHandler_AtOnce(t *testing.T) {
	p := start(t, func(h *upload.Handler) { h.Config.MaxUploads = 40 })
	var all sync.WaitGroup
	done := make(chan struct{})
	all.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := p.Sweep(time.Now()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	var sending sync.WaitGroup
	for size := range 8 {
		archive := random(10_000 + size)
		sending.Go(func() {
			for offset := 0; offset < len(archive); {
				if a := p.ask(t, archive); a.status != http.StatusOK || a.Offset != int64(offset) {
					t.Errorf("asked at %d: %+v", offset, a)
					return
				}
				end := min(offset+3000, len(archive))
				a := p.send(t, archive, offset, archive[offset:end])
				if a.status/100 != 2 || a.Offset != int64(end) {
					t.Errorf("sent to %d: %+v", end, a)
					return
				}
				offset = end
			}
		})
	}
	sending.Wait()
	close(done)
	all.Wait()
	if n := len(p.taken()); n != 8 || len(p.parts(t)) != 0 {
		t.Errorf("%d were taken, left is %v", n, p.parts(t))
	}
	for _, u := range p.taken() {
		content, err := os.ReadFile(filepath.Join(p.inbox, u.SHA256))
		if err != nil || digest(content) != u.SHA256 {
			t.Errorf("%s has %d bytes, %v", u.Name, len(content), err)
		}
	}
}

// A disk that does not do its work is our trouble: the sender is not told that it has made a mistake, nothing counts as
// here, and nobody learns where it lies.
func TestHandler_NoDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, func(h *upload.Handler) { h.Dir = filepath.Join(file, "parts") })
	archive := random(1000)
	for _, a := range p.both(t, bbb1, archive) {
		if a.status != http.StatusServiceUnavailable || a.Code != "internal" || strings.Contains(a.Error, file) {
			t.Errorf("without a disk: %+v", a)
		}
	}
	if err := p.Sweep(time.Now()); err == nil {
		t.Error("swept where nothing can be")
	}
	p.has(t)
	p.Dir = filepath.Join(t.TempDir(), "later")
	if err := p.Sweep(time.Now()); err != nil {
		t.Errorf("before the first upload: %v", err)
	}
	if a := p.send(t, archive, 0, archive); a.status != http.StatusCreated {
		t.Errorf("with a disk again: %+v", a)
	}
	p.has(t, archive)
}
