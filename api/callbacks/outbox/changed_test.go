package outbox_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// This file has what becomes of callbacks whose rows others change: operators, whoever has marks, another instance; while they
// are under way, while what has come of them cannot be written, and before they were found.

// shaky is a store that a test takes away from whoever writes, or whoever looks.
type shaky struct {
	*watched

	mu     sync.Mutex
	away   bool          // nothing can be changed
	refuse chan struct{} // each change that was refused
	look   chan struct{} // where there is one, each look waits for it
}

func newShaky(t *testing.T) *shaky {
	t.Helper()
	return &shaky{watched: openDB(t), refuse: make(chan struct{}, 1000)}
}

func (s *shaky) UpdateCallback(ctx context.Context, id string, change func(*store.Callback) error) (store.Callback, error) {
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	if away {
		s.refuse <- struct{}{}
		return store.Callback{}, store.ErrAway
	}
	return s.watched.UpdateCallback(ctx, id, change)
}

func (s *shaky) Callbacks(ctx context.Context, f store.CallbackFilter) ([]store.Callback, error) {
	s.mu.Lock()
	look := s.look
	s.mu.Unlock()
	if look != nil {
		select {
		case <-look:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.watched.Callbacks(ctx, f)
}

func (s *shaky) goAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// over is an outbox on a shaky store.
func over(t *testing.T, db *shaky, change ...func(*outbox.Parts)) *box {
	t.Helper()
	b := &box{t: t, db: db.watched, clock: &clock{now: epoch}}
	b.Outbox = newBox(t, db, b.clock, change...)
	b.run()
	return b
}

// elsewhere is what operators have at another instance.
func (b *box) elsewhere() *outbox.Outbox { return newBox(b.t, b.db, b.clock) }

// nothingMore checks that a callback is done, and was not sent again: by something that is told behind it.
func (b *box) nothingMore(r *receiver, id string) {
	b.t.Helper()
	sign := callback(store.CallbackEnded, "sign", r.URL+"/sign", func(c *store.Callback) { c.Created = epoch.Add(time.Millisecond) })
	r.say <- 200
	b.tell(sign)
	b.row(sign.ID, in(store.CallbackDone))
	b.row(id, in(store.CallbackDone))
	for len(r.got) > 0 {
		if got := <-r.got; got.header.Get("Bbbpool-Delivery") == id {
			b.t.Errorf("it is sent again, as attempt %s", got.header.Get("Bbbpool-Attempt"))
		}
	}
}

// What a receiver has said, while it cannot be written, is not forgotten because an operator has it retried: it is not sent again.
func TestOutbox_RetryUnwritten(t *testing.T) {
	for _, code := range []int{200, 410} {
		db := newShaky(t)
		b, r := over(t, db), newReceiver(t)
		row := callback(store.CallbackEnd, "1", r.URL+"/end")
		b.tell(row)
		<-r.got
		db.goAway(true)
		r.say <- code
		<-db.refuse
		db.goAway(false)
		if _, _, err := b.Retry(t.Context(), row.ID); err != nil {
			t.Fatal(err)
		}
		b.later(time.Minute)
		b.nothingMore(r, row.ID)
	}
}

// Nor because it was retried while it was under way.
func TestOutbox_RetryUnderWay_Unwritten(t *testing.T) {
	db := newShaky(t)
	b, r := over(t, db), newReceiver(t)
	row := callback(store.CallbackEnd, "1", r.URL+"/end")
	b.tell(row)
	<-r.got
	if _, _, err := b.Retry(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	db.goAway(true)
	r.say <- 410
	<-db.refuse
	db.goAway(false)
	b.later(time.Minute)
	b.nothingMore(r, row.ID)
}

// Nor because the lead goes to another instance and comes back.
func TestOutbox_UnwrittenTerms(t *testing.T) {
	db := newShaky(t)
	b, r := over(t, db), newReceiver(t)
	row := callback(store.CallbackEnd, "1", r.URL+"/end")
	b.tell(row)
	<-r.got
	db.goAway(true)
	r.say <- 200
	<-db.refuse
	b.stop()
	db.goAway(false)
	b.run()
	b.nothingMore(r, row.ID)
}

// One that is retried while its last attempt is under way has all the time again, also where that attempt fails.
func TestOutbox_RetryAtTheLimit(t *testing.T) {
	for _, here := range []bool{true, false} {
		b, r := start(t), newReceiver(t)
		row := callback(store.CallbackEnd, "1", r.URL+"/end", func(c *store.Callback) { c.Created = epoch.Add(-73 * time.Hour) })
		b.tell(row)
		<-r.got
		b.clock.add(time.Second)
		by := b.Outbox
		if !here {
			by = b.elsewhere()
		}
		if _, _, err := by.Retry(t.Context(), row.ID); err != nil {
			t.Fatal(err)
		}
		r.say <- 500
		if c := b.row(row.ID, tried(1)); c.State != store.CallbackWaiting {
			t.Fatalf("retried here %v: %+v", here, c)
		}
		<-r.got // at once, as the operator wanted it
		r.say <- 200
		b.row(row.ID, in(store.CallbackDone))
	}
}

// A clock that is set back hides nothing that is written from then on.
func TestOutbox_ClockSetBack(t *testing.T) {
	b, r := start(t), newReceiver(t)
	r.say <- 200
	first := callback(store.CallbackEnd, "1", r.URL+"/end")
	b.tell(first)
	b.row(first.ID, in(store.CallbackDone))
	b.clock.add(-time.Hour)
	r.say <- 200
	second := callback(store.CallbackEnd, "2", r.URL+"/end", func(c *store.Callback) { c.Created = b.clock.Now() })
	b.tell(second)
	b.row(second.ID, in(store.CallbackDone))
}

// One that is retried before it was found does not go before what is older and was not found either.
func TestOutbox_RetryUnfound(t *testing.T) {
	db := newShaky(t)
	db.look = make(chan struct{})
	b, r := over(t, db), newReceiver(t)
	first := callback(store.CallbackEnd, "1", r.URL+"/end")
	second := callback(store.CallbackEnd, "2", r.URL+"/end", func(c *store.Callback) {
		c.Created, c.Due, c.Outcome = epoch.Add(time.Second), epoch.Add(time.Hour), "answered 500"
	})
	b.clock.add(time.Minute)
	b.tell(first, second)
	if _, _, err := b.Retry(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	r.say <- 200
	r.say <- 200
	close(db.look)
	b.row(second.ID, in(store.CallbackDone))
	if got := (<-r.got).header.Get("Bbbpool-Delivery"); got != first.ID {
		t.Error("the second went before the first")
	}
}

// What others make of one that waits behind one which is under way is known at once, and not when they next look at all.
func TestOutbox_ChangedBehind(t *testing.T) {
	b, r := start(t), newReceiver(t)
	first := callback(store.CallbackEnd, "1", r.URL+"/end", func(c *store.Callback) { c.Created = epoch.Add(-time.Hour) })
	second := callback(store.CallbackEnd, "2", r.URL+"/end", func(c *store.Callback) {
		c.Created, c.Due, c.Outcome = epoch.Add(-time.Minute), epoch.Add(time.Hour), "answered 500"
	})
	other := callback(store.CallbackEnded, "0", r.URL+"/other")
	b.tell(first, second, other)
	<-r.got
	<-r.got
	b.clock.add(time.Minute) // until the next look at all
	if _, _, err := b.elsewhere().Retry(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	b.tell(callback(store.CallbackEnded, "sign", r.URL+"/sign", func(c *store.Callback) { c.Created = epoch.Add(time.Second) }))
	<-r.got // what was found before it is known
	for range 4 {
		r.say <- 200
	}
	b.row(first.ID, in(store.CallbackDone))
	b.row(second.ID, in(store.CallbackDone))
}

// One that another instance's operator has dropped while its last attempt is under way is not among those that were given up.
func TestOutbox_DroppedElsewhere(t *testing.T) {
	b, r := start(t), newReceiver(t)
	row := callback(store.CallbackEnd, "1", r.URL+"/end", func(c *store.Callback) { c.Created = epoch.Add(-73 * time.Hour) })
	behind := callback(store.CallbackEnd, "2", r.URL+"/end")
	b.tell(row, behind)
	<-r.got
	if _, _, err := b.elsewhere().Drop(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	r.say <- 500
	r.say <- 200
	b.row(behind.ID, in(store.CallbackDone))
	if list := b.Problems(t.Context()); len(list) > 0 {
		t.Errorf("problems %v", list)
	}
}
