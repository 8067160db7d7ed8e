package storm_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly/children"
)

// courier brings what servers have recorded to the pool: every second archive it puts where the pool looks for them, the others
// are sent by HTTP, as the script on a server does, however often the pool is killed meanwhile.
type courier struct {
	sender children.Sender
	tokens map[string]string // of servers

	mu      sync.Mutex
	seen    map[string]bool
	sending sync.WaitGroup
	sent    int
}

// bring looks for archives that servers have made, until the test ends. What is on its way is there still; what has arrived
// is not.
func (w *world) bring() {
	w.courier.seen = map[string]bool{}
	w.courier.sender.At = func(*rand.Rand) string { return w.base }
	w.courier.sender.Pause = 30 * time.Millisecond
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			w.carry()
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	w.t.Cleanup(func() {
		close(stop)
		<-done
		w.courier.sending.Wait()
	})
}

// carry brings the archives that were not seen before.
func (w *world) carry() {
	c := &w.courier
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := filepath.Glob(filepath.Join(w.made, "*.tar"))
	if err != nil {
		w.t.Error(err)
	}
	for _, path := range list {
		if c.seen[path] {
			continue
		}
		c.seen[path] = true
		if n := len(c.seen); n%2 == 0 {
			c.sent++
			c.sending.Go(func() { w.send(n, path) })
		} else if err := os.Rename(path, filepath.Join(w.spool, filepath.Base(path))); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) send(n int, path string) {
	recording := strings.TrimSuffix(filepath.Base(path), ".tar")
	var token string
	for _, s := range w.sim.Servers() {
		if slices.Contains(s.Recordings(), recording) {
			token = w.courier.tokens[s.ID()]
		}
	}
	if err := w.courier.sender.Send(n, token, path); err != nil {
		w.t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		w.t.Error(err)
	}
}

// brought is how many archives were sent by HTTP, and in how many tries.
func (w *world) brought() (sent int, tries int64) {
	w.courier.mu.Lock()
	defer w.courier.mu.Unlock()
	return w.courier.sent, w.courier.sender.Tries.Load()
}
