package exchange_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bbbpool/bbbpool/poller/exchange"
)

// What has changed is told once to each listener, however often it has; what leaves hears of nothing any more.
func TestListeners(t *testing.T) {
	var l exchange.Listeners
	l.Touch("before") // nobody listens
	one, other := l.Add(), l.Add()
	for range 100 {
		l.Touch("b")
		l.Touch("a")
	}
	l.Repeat("c")
	l.Answer([]string{"w1", "w2"})
	for _, o := range []*exchange.Listener{one, other} {
		due, ok := o.Next()
		if !ok || !slices.Equal(due.IDs, []string{"a", "b", "c"}) || !slices.Equal(due.Again, []string{"c"}) ||
			!slices.Equal(due.Asks, []string{"w1", "w2"}) {
			t.Errorf("due is %+v, %t", due, ok)
		}
	}
	one.Leave()
	if _, ok := one.Next(); ok {
		t.Error("who has left is told something")
	}
	l.Touch("d")
	if due, ok := other.Next(); !ok || !slices.Equal(due.IDs, []string{"d"}) || due.Again != nil || due.Asks != nil {
		t.Errorf("due is %+v, %t", due, ok)
	}
	for n := range 1000 {
		l.Answer([]string{fmt.Sprint(n)})
	}
	if due, _ := other.Next(); len(due.Asks) > exchange.MostWishes {
		t.Errorf("%d answers are kept", len(due.Asks))
	}
}

// A wish waits until it is done or another instance leads; there are only so many at a time.
func TestWishes(t *testing.T) {
	var w exchange.Wishes
	name, done := w.Add()
	w.Done("another")
	select {
	case <-done:
		t.Error("it is done with another")
	default:
	}
	w.Done(name)
	w.Done(name)
	<-done
	var last <-chan struct{}
	for range exchange.MostWishes {
		if name, last = w.Add(); name == "" {
			t.Fatal("there is no room")
		}
	}
	if name, _ := w.Add(); name != "" {
		t.Error("there is room for ever more")
	}
	w.Done()
	<-last
	if name, _ := w.Add(); name == "" {
		t.Error("there is no room after all have ended")
	}
}

// One round answers all wishes that came before it, and another one those that came meanwhile.
func TestQueue(t *testing.T) {
	var q exchange.Queue
	began := 0
	begin := func() bool { began++; return true }
	q.Add("a", begin)
	q.Add("b", begin)
	q.Add(string(make([]byte, 1000)), begin)
	if list := q.Take(); began != 1 || !slices.Equal(list, []string{"a", "b"}) {
		t.Errorf("began %d times, to answer %q", began, list)
	}
	q.Add("c", begin)
	if list := q.Take(); began != 1 || !slices.Equal(list, []string{"c"}) {
		t.Errorf("began %d times, to answer %q", began, list)
	}
	if list := q.Take(); len(list) > 0 {
		t.Errorf("there is more: %q", list)
	}
	q.Add("d", begin)
	if began != 2 {
		t.Errorf("began %d times", began)
	}
	for range 10_000 {
		q.Add("e", begin)
	}
	if n := len(q.Take()); n > exchange.MostWishes {
		t.Errorf("%d wait", n)
	}
}
