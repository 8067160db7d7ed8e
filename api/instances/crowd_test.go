package instances_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// However many calls wait for the beginning, it is one that looks whether it is there: to look is not for nothing, and an instance
// that has just begun has other things to do. More than there is room for are answered at once.
func TestInstance_BeginsCrowded(t *testing.T) {
	url := store.Secret(servers.Redis(t).URL())
	leader := start(t, url)
	leader.write(t, "1")
	const many, room = 5000, 4096
	var looking atomic.Int64
	var gated atomic.Bool
	gate, second := make(chan struct{}), make(chan struct{}, many)
	follower := start(t, url, func(p *process) {
		p.Begins(func() bool { return false }, func() bool {
			if !gated.Load() {
				return false
			}
			if looking.Add(1) > 1 {
				second <- struct{}{}
			}
			<-gate
			return true
		})
	})
	follower.all(t, "1")
	answers := make(chan int, many)
	for range many {
		go func() {
			status, _ := follower.begun(context.WithoutCancel(t.Context()), "/bigbluebutton/api/join")
			answers <- status
		}()
	}
	for range many - room {
		if status := <-answers; status != http.StatusServiceUnavailable {
			t.Errorf("one too many is answered %d", status)
		}
	}
	gated.Store(true) // all have come, and have looked once
	select {
	case <-second:
		t.Error("two look at once")
	case <-time.After(100 * time.Millisecond): // for as long as ten looks
	}
	close(gate)
	for range room {
		if status := <-answers; status != http.StatusOK && status != http.StatusServiceUnavailable { // after 5 s
			t.Errorf("one that has waited is answered %d", status)
		}
	}
}
