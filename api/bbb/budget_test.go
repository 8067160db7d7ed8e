package bbb_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// peak is the most memory that a function has in use at a time, beyond what was in use before.
func peak(do func()) uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	before, most := stats.HeapInuse, uint64(0)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			runtime.ReadMemStats(&stats)
			most = max(most, stats.HeapInuse)
			select {
			case <-over:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	do()
	close(over)
	<-done
	return max(most, before) - before
}

// Many servers that send what they can at the same time take no more of our memory than the budget, and the garbage
// that comes of it.
func TestBudget_Peak(t *testing.T) {
	list := []byte("<response><returncode>SUCCESS</returncode><meetings>" +
		strings.Repeat("<meeting><meetingID>a</meetingID><internalMeetingID>b</internalMeetingID></meeting>", 62<<20/83))
	for name, h := range map[string]http.HandlerFunc{
		"62 MiB": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list) },
		"15 MiB": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(list[:15<<20])
			_, _ = io.WriteString(w, "</meetings></response>")
		},
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(15<<20))
			_, _ = w.Write(list[:100])
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, h)
			s.Config.ErrorLog = nil
			transport := newTransport(t)
			got := peak(func() {
				var wg sync.WaitGroup
				for range 16 {
					c := bbb.NewClient(bbb.Endpoint{URL: s.URL, Secret: secret}, transport, time.Minute)
					wg.Go(func() {
						if _, err := c.Meetings(t.Context()); (err == nil) != (name == "15 MiB") {
							t.Errorf("getMeetings: %v", err)
						}
						for _, call := range []string{"create", "getMeetingInfo"} {
							if _, err := c.Do(t.Context(), call, "", "", nil); err == nil {
								t.Errorf("%s: no error", call)
							}
						}
					})
				}
				wg.Wait()
			})
			limit := uint64(3 * 256 << 20) // the collector lets the heap double, and the server has its part in it
			if name == "announced" {
				limit = 64 << 20
			}
			if t.Logf("%d MiB", got>>20); got > limit {
				t.Errorf("%d MiB in use, the limit is %d MiB", got>>20, limit>>20)
			}
		})
	}
}

// Lists alone may be large.
func TestBudget_Limits(t *testing.T) {
	var size atomic.Int64
	c := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, size.Load()))
	}).URL)
	for call, limit := range map[string]int64{
		"getMeetings": 16 << 20, "getRecordings": 8 << 20, "getMeetingInfo": 4 << 20, "create": 1 << 20, "end": 1 << 20, "any": 1 << 20,
	} {
		size.Store(limit)
		if reply, err := c.Do(t.Context(), call, "", "", nil); err != nil || int64(len(reply.Body)) != limit {
			t.Errorf("%s: %v", call, err)
		}
		size.Store(limit + 1)
		if _, err := c.Do(t.Context(), call, "", "", nil); callError(t, err).Reason != bbb.TooLarge {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// trickle is a network of servers that answer lists with much, and then with nothing more until they are let go. What
// else they are asked they answer.
func trickle(release chan struct{}) func(context.Context, string, string) (net.Conn, error) {
	much := bytes.Repeat([]byte("x"), 2<<20)
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = theirs.Close() }()
			head := make([]byte, 4096)
			n, _ := theirs.Read(head)
			if !bytes.Contains(head[:n], []byte("/getMeetings")) {
				_, _ = io.WriteString(theirs, ok)
				return
			}
			_, _ = fmt.Fprintf(theirs, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", 3<<20)
			_, _ = theirs.Write(much)
			<-release
			_, _ = theirs.Write(much[:1<<20])
		}()
		return ours, nil
	}
}

// Who finds no room for a large answer waits for it; if he waits in vain that is no fault of the server that he asked.
// Small answers need none.
func TestBudget_Exhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		transport := bbb.NewTransport(bbb.Timeouts{Connect: time.Second})
		transport.Dial = trickle(release)
		client := func(i int) *bbb.Client {
			return bbb.NewClient(bbb.Endpoint{URL: fmt.Sprintf("http://10.0.0.%d", i), Secret: secret}, transport, time.Minute)
		}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if reply, err := client(i).Do(t.Context(), "getMeetings", "", "", nil); err != nil || len(reply.Body) != 3<<20 {
					t.Errorf("waited in vain: %v", err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client(100).Do(ctx, "getMeetings", "", "", nil); callError(t, err).Reason != bbb.Busy {
			t.Errorf("got %v, want busy", err)
		}
		gone, goAway := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, goAway)
		if _, err := client(100).Do(gone, "getMeetings", "", "", nil); callError(t, err).Reason != bbb.Cancel {
			t.Errorf("got %v, want cancelled", err)
		}
		if reply, err := client(100).Do(t.Context(), "create", "", "", nil); err != nil || string(reply.Body) != "ok" {
			t.Errorf("create: %v", err)
		}
		close(release)
		wg.Wait()
		transport.CloseIdleConnections()
	})
}
