package outbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// hanging is a receiver that never answers, and counts how many wait for it at once.
type hanging struct {
	*httptest.Server
	mu   sync.Mutex
	now  int
	most int
	come chan struct{}
}

func newHanging(t *testing.T) *hanging {
	t.Helper()
	h := &hanging{come: make(chan struct{}, 10_000)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.now++
		h.most = max(h.most, h.now)
		h.mu.Unlock()
		h.come <- struct{}{}
		<-r.Context().Done()
		h.mu.Lock()
		h.now--
		h.mu.Unlock()
	}))
	t.Cleanup(func() { h.CloseClientConnections(); h.Close() })
	return h
}

// A host that hangs has its share of the requests at once and no more, and so has a tenant whose hosts all hang. Whoever else is
// to be told does not wait for them.
func TestOutbox_Shares(t *testing.T) {
	b, quick := start(t), newReceiver(t)
	slow := newHanging(t)
	port := slow.URL[strings.LastIndex(slow.URL, ":"):]
	to := func(n int, tenant, host string) store.Callback {
		return callback(store.CallbackEnded, fmt.Sprint(n), "http://"+host+port+"/x", func(c *store.Callback) {
			c.Tenant, c.MeetingID = tenant, fmt.Sprint("room-", n)
		})
	}
	var rows []store.Callback
	for n := range 100 { // one host, many meetings
		rows = append(rows, to(n, "default", "slow.example.edu"))
	}
	b.tell(rows...)
	for range 4 {
		<-slow.come
	}
	rows = nil
	for n := range 100 { // many hosts, one tenant
		rows = append(rows, to(1000+n, "default", fmt.Sprintf("slow%d.example.edu", n)))
	}
	b.tell(rows...)
	for range 12 {
		<-slow.come
	}
	for n := range 20 {
		quick.say <- 200
		row := callback(store.CallbackEnded, fmt.Sprint("quick-", n), quick.URL+"/x", func(c *store.Callback) { c.Tenant = "physics" })
		b.tell(row)
		b.row(row.ID, in(store.CallbackDone))
	}
	slow.mu.Lock()
	defer slow.mu.Unlock()
	if slow.most != 16 || slow.now != 16 {
		t.Errorf("%d requests at once, %d now; want 16", slow.most, slow.now)
	}
}

// counting is a store of which rows are asked for.
type counting struct {
	kept
	mu  sync.Mutex
	one map[string]int
}

func (c *counting) Callback(ctx context.Context, id string) (store.Callback, error) {
	c.mu.Lock()
	c.one[id]++
	c.mu.Unlock()
	return c.kept.Callback(ctx, id)
}

// waiting fills an outbox with callbacks that are not due.
func waiting(tb testing.TB, db store.Callbacks, n int) {
	tb.Helper()
	body := []byte(strings.Repeat("x", 256))
	for from := 0; from < n; from += 1000 {
		var rows []store.Callback
		for i := from; i < min(from+1000, n); i++ {
			rows = append(rows, callback(store.CallbackAnalytics, fmt.Sprint(i), fmt.Sprintf("http://h%d.example.edu/x", i%50),
				func(c *store.Callback) {
					c.Due, c.Body, c.MeetingID = epoch.Add(time.Hour), body, fmt.Sprint("room-", i%500)
				}))
		}
		if err := db.AddCallbacks(tb.Context(), rows...); err != nil {
			tb.Fatal(err)
		}
	}
}

// Ten thousand that wait take some memory, and none for their bodies; none is looked at before it is due, and whoever adds more
// waits for nobody.
func TestOutbox_Many(t *testing.T) {
	const many = 10_000
	db := &counting{kept: openDB(t).kept, one: map[string]int{}}
	waiting(t, db, many)
	c := &clock{now: epoch}
	box := newBox(t, db, c, func(p *outbox.Parts) { p.Config.Max, p.Config.MaxBytes = 100_000, 1<<28 })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = box.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-over })
	r := newReceiver(t)
	r.say <- 200
	last := callback(store.CallbackEnded, "last", r.URL+"/x", func(c *store.Callback) { c.Created = epoch.Add(time.Second) })
	if err := db.AddCallbacks(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	box.Nudge()
	<-r.got // which was found behind all others
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > many*1000 {
		t.Errorf("%d bytes for each", grown/many)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.one) != 1 {
		t.Errorf("%d were looked at", len(db.one))
	}
}

// What a create costs that has something to tell, while so many wait: whether there is room, and that somebody should look.
func BenchmarkOutbox_Waiting(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkWaiting(b, n) })
	}
}

func benchmarkWaiting(b *testing.B, n int) {
	db := openDB(b)
	waiting(b, db, n)
	box := newBox(b, db, &clock{now: epoch}, func(p *outbox.Parts) { p.Config.Max, p.Config.MaxBytes = 100_000, 1<<28 })
	ctx, cancel := context.WithCancel(b.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = box.Run(ctx) }()
	for b.Loop() {
		box.Room(1, 100)
		box.Nudge()
	}
	b.StopTimer()
	cancel()
	<-over
}
