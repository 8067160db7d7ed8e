package outbox_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// Operators have dead ones tried again, and drop them; what is done stays done.
func TestOutbox_Operate(t *testing.T) {
	b, r := start(t), newReceiver(t)
	dead := func(c *store.Callback) {
		c.State, c.Outcome, c.Created = store.CallbackDead, "answered 500", epoch.Add(-100*time.Hour)
	}
	first, second := callback(store.CallbackEnd, "1", r.URL+"/a", dead), callback(store.CallbackEnd, "2", r.URL+"/b", dead)
	third := callback(store.CallbackEnd, "3", "http://else.example.edu/b", dead)
	b.tell(first, second, third)
	if _, is, err := b.Drop(t.Context(), first.ID); err != nil || is.State != store.CallbackDone {
		t.Errorf("%+v, %v", is, err)
	}
	if _, _, err := b.Retry(t.Context(), first.ID); err == nil {
		t.Error("what was dropped is retried")
	}
	if _, _, err := b.Drop(t.Context(), "nobody"); err == nil {
		t.Error("dropped nothing")
	}
	n, err := b.RetryAll(t.Context(), outbox.Selection{Host: strings.TrimPrefix(r.URL, "http://")})
	if n != 1 || err != nil {
		t.Errorf("%d retried, %v", n, err)
	}
	r.say <- 500
	<-r.got
	if c := b.row(second.ID, tried(1)); c.State != store.CallbackWaiting { // it has all the time again
		t.Errorf("%+v", c)
	}
	b.row(third.ID, in(store.CallbackDead))
}

// One of which nobody knows yet where it goes is not sent, whatever operators do, and goes there once that is found out.
func TestOutbox_PutOff(t *testing.T) {
	r := newReceiver(t)
	asked := make(chan string, 10)
	b := start(t, func(p *outbox.Parts) {
		p.PutOff = func(c store.Callback) bool {
			if strings.HasPrefix(c.URL, "/") {
				asked <- c.ID
				return true
			}
			return false
		}
	})
	c := callback(store.CallbackEnd, "1", "/sealed", func(c *store.Callback) { c.Due = epoch.Add(time.Hour) })
	b.tell(c)
	if _, _, err := b.Retry(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if id := <-asked; id != c.ID {
		t.Fatalf("it is asked for %q", id)
	}
	if is, err := b.db.Callback(t.Context(), c.ID); err != nil || is.State != store.CallbackWaiting || is.Attempts != 0 {
		t.Fatalf("%+v %v", is, err)
	}
	if _, err := b.db.UpdateCallback(t.Context(), c.ID, func(c *store.Callback) error {
		c.URL = r.URL
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.later(time.Minute)
	<-r.got
	r.say <- 200
	b.row(c.ID, in(store.CallbackDone))
}

// One that is retried while it is under way keeps its place before those that are younger.
func TestOutbox_RetryUnderWay(t *testing.T) {
	b, r := start(t), newReceiver(t)
	first := callback(store.CallbackEnd, "1", r.URL)
	second := callback(store.CallbackEnd, "2", r.URL, func(c *store.Callback) { c.Created = epoch.Add(time.Second) })
	b.tell(first, second)
	<-r.got
	if _, _, err := b.Retry(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	r.say <- 500
	b.row(first.ID, tried(1))
	b.later(time.Minute)
	if got := (<-r.got).header.Get("Bbbpool-Delivery"); got != first.ID {
		t.Fatalf("the second went before the first was done: %q", got)
	}
	r.say <- 200
	b.row(first.ID, in(store.CallbackDone))
	r.say <- 200
	b.row(second.ID, in(store.CallbackDone))
}

// Other kinds have senders of their own, with their own schedule and their own idea of an answer.
func TestOutbox_Handle(t *testing.T) {
	db, c := openDB(t), &clock{now: epoch}
	b := &box{t: t, db: db, clock: c, Outbox: newBox(t, db, c)}
	gaveUp := make(chan store.Callback, 1)
	b.Handle(store.CallbackEvent, outbox.Sender{
		Request: func(ctx context.Context, c store.Callback, to *url.URL, _ store.TenantSecret, _ outbox.Tenant) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(c.Body))
		},
		Judge: func(status int) outbox.Verdict {
			if status == 401 {
				return outbox.Delivered
			}
			return outbox.Again
		},
		Retry:  func(c store.Callback) (time.Duration, bool) { return 100 * time.Millisecond, c.Attempts >= 2 },
		GaveUp: func(c store.Callback) { gaveUp <- c },
	})
	b.run()
	r := newReceiver(t)
	event := func(subject string) store.Callback {
		return callback(store.CallbackEvent, subject, r.URL+"/hook", func(c *store.Callback) { c.Body = []byte(subject) })
	}
	r.say <- 401
	b.tell(event("a"))
	b.row(event("a").ID, in(store.CallbackDone))
	r.say <- 410
	b.tell(event("b"))
	b.row(event("b").ID, tried(1))
	r.say <- 404
	b.later(time.Second)
	if c := <-gaveUp; c.ID != event("b").ID || c.State != store.CallbackDead || len(c.Body) == 0 {
		t.Errorf("gave up %+v", c)
	}
}

// What is done is forgotten after a while, and there is a bound on what waits.
func TestOutbox_Bounds(t *testing.T) {
	b := start(t, func(p *outbox.Parts) { p.Config.Max, p.Config.MaxBytes = 3, 10_000 })
	old := callback(store.CallbackEnd, "old", "http://x.example.edu/", func(c *store.Callback) {
		c.State, c.Created = store.CallbackDone, epoch.Add(-200*time.Hour)
	})
	late := func(c *store.Callback) { c.Due = epoch.Add(time.Hour) }
	if !b.Room(3, 1000) || b.Room(4, 0) || b.Room(1, 20_000) || b.Full() {
		t.Error("an empty outbox has another room")
	}
	var rows []store.Callback
	for _, subject := range []string{"1", "2", "3", "4"} {
		rows = append(rows, callback(store.CallbackEnd, subject, "http://x.example.edu/"+subject, late))
	}
	r := newReceiver(t)
	sign := callback(store.CallbackEnd, "0", r.URL, func(c *store.Callback) { c.Created = epoch.Add(-time.Minute) })
	b.tell(append(rows, old, sign)...)
	<-r.got // what was read with it has been counted
	if !b.Full() {
		t.Error("it is not full")
	}
	if b.Room(1, 0) || b.RoomFor("physics", 1, 0) {
		t.Error("a full outbox has room")
	}
	var page bytes.Buffer
	b.WriteMetrics(&page)
	for _, want := range []string{`bbbpool_callbacks{kind="end",state="waiting"} 3`, "bbbpool_callbacks_turned_away_total 7"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("metrics lack %s:\n%s", want, &page)
		}
	}
	if list := b.Problems(t.Context()); len(list) == 0 || !strings.Contains(list[0].String(), "--callback-max") {
		t.Errorf("problems %v", list)
	}
}

// One that was delivered late is remembered from then on, however long ago it was written.
func TestOutbox_KeptSinceDelivered(t *testing.T) {
	b, r := start(t), newReceiver(t)
	long := func(c *store.Callback) { c.Created = epoch.Add(-200 * time.Hour) }
	late := callback(store.CallbackEnd, "late", r.URL, long)
	r.say <- http.StatusOK
	b.tell(late)
	b.row(late.ID, in(store.CallbackDone))
	b.stop()
	old := callback(store.CallbackEnd, "old", r.URL, long, func(c *store.Callback) {
		c.State, c.Changed = store.CallbackDone, epoch.Add(-199*time.Hour)
	})
	b.tell(old)
	b.run()
	for err := error(nil); err == nil; _, err = b.db.Callback(t.Context(), old.ID) { // until it is taken away
		time.Sleep(time.Millisecond)
	}
	b.row(late.ID, in(store.CallbackDone))
}

// A tenant that has much that waits finds no more room while others do.
func TestOutbox_RoomFor(t *testing.T) {
	b, r := start(t, func(p *outbox.Parts) { p.Config.Max = 20 }), newReceiver(t)
	for n := range 17 {
		b.tell(callback(store.CallbackEnd, strconv.Itoa(n), "http://x.example.edu/", func(c *store.Callback) { c.Due = epoch.Add(time.Hour) }))
	}
	b.tell(callback(store.CallbackEnd, "sign", r.URL, func(c *store.Callback) { c.Created = epoch.Add(time.Second) }))
	<-r.got // what was read before it has been counted
	if b.RoomFor("default", 1, 0) || !b.RoomFor("physics", 1, 0) || b.Full() {
		t.Error("a tenant that has filled the outbox has room, or another has none")
	}
}

// Nor does one whose few are large: what is bounded in bytes is shared, too.
func TestOutbox_RoomFor_Bytes(t *testing.T) {
	b, r := start(t, func(p *outbox.Parts) { p.Config.MaxBytes = 100_000 }), newReceiver(t)
	for n := range 17 {
		b.tell(callback(store.CallbackAnalytics, strconv.Itoa(n), "http://x.example.edu/", func(c *store.Callback) {
			c.Due, c.Body = epoch.Add(time.Hour), make([]byte, 5_000)
		}))
	}
	b.tell(callback(store.CallbackEnd, "sign", r.URL, func(c *store.Callback) { c.Created = epoch.Add(time.Second) }))
	<-r.got // what was read before it has been counted
	if b.RoomFor("default", 1, 0) || !b.RoomFor("physics", 1, 1_000) || b.Full() {
		t.Error("a tenant that has filled the outbox has room, or another has none")
	}
}

// A front end that names many hosts hides no others: that there are more is said.
func TestOutbox_ManyHosts(t *testing.T) {
	b := start(t)
	for n := range 30 {
		b.tell(callback(store.CallbackEnd, "s", fmt.Sprintf("http://0x%d.1/end", n)))
	}
	for {
		list := b.Problems(t.Context())
		if last := len(list) - 1; last == 20 && strings.Contains(list[last].String(), "10 hosts more") {
			return
		} else if last > 20 {
			t.Fatalf("%d problems, the last %s", last+1, list[last])
		}
		runtime.Gosched()
	}
}

// What is put off by whoever wrote it is not late; what has failed for an hour is, by its host.
func TestOutbox_Late(t *testing.T) {
	b, r := start(t), newReceiver(t)
	failing := callback(store.CallbackEnd, "s", r.URL+"/end")
	b.tell(failing, callback(store.CallbackAnalytics, "a", "/callbacks/later", func(c *store.Callback) { c.Due = epoch.Add(9 * time.Hour) }))
	r.say <- 500
	<-r.got
	b.row(failing.ID, tried(1))
	b.clock.add(2 * time.Hour)
	list := b.Problems(t.Context())
	if len(list) != 1 || list[0].Name != "not-told" || !strings.Contains(list[0].String(), "callback list --host 127.0.0.1") {
		t.Errorf("problems %v", list)
	}
}
