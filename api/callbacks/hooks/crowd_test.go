package hooks_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// slow is a body that never comes, until it is given up.
type slow struct {
	begun func()
	over  <-chan struct{}
}

func (s slow) Read([]byte) (int, error) {
	s.begun()
	<-s.over
	return 0, io.ErrUnexpectedEOF
}

// A server that sends many bodies and none of them whole, or somebody who has read its address, keeps no other server from being
// heard.
func TestHooks_Crowd(t *testing.T) {
	b := newBench(t)
	crowd, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	const many = 100
	settled := make(chan struct{}, 2*many) // at their bodies, or answered
	for range many {
		all.Go(func() {
			settle := sync.OnceFunc(func() { settled <- struct{}{} })
			defer settle()
			body := slow{settle, crowd.Done()}
			r := httptest.NewRequestWithContext(crowd, http.MethodPost, b.seal.URL("", place("bbb2")), body)
			b.mux.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	for range many {
		<-settled
	}
	if status := b.deliver("bbb1", about("int-1", "phys_room")); status != http.StatusOK {
		t.Errorf("another server is answered %d", status)
	}
	leave()
	all.Wait()
}
