package receiver_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
)

// A server that begins more and more calls has few of them wait: they would take the room that there is for all requests.
func TestLanes_Crowd(t *testing.T) {
	c := open(t)
	const many = 300
	var all sync.WaitGroup
	body, end := io.Pipe()
	signed := bearer(t, "secret of bbb1", monday)
	answers := make(chan int, many)
	for range many {
		all.Go(func() {
			answers <- c.call("POST", c.at(address.Analytics, "bbb1"), body, "Authorization", signed)
		})
	}
	late := time.After(20 * time.Second) // they may wait for longer than that
	for range many - 100 {
		select {
		case status := <-answers:
			if status != http.StatusServiceUnavailable {
				t.Errorf("status %d", status)
			}
		case <-late:
			t.Error("they wait")
			late = nil
		}
		if late == nil {
			break
		}
	}
	_ = end.Close()
	all.Wait()
}
