package hooks

import (
	"context"
	"sync"
)

const (
	maxBodies = 32 // deliveries at once
	perServer = 8  // of them of one server, which makes one after another for each relay
)

// places bound the deliveries that are in memory. One server cannot have them all, nor can somebody who has read its address: no
// other would be heard.
type places struct {
	all chan struct{}

	mu sync.Mutex
	of map[string]int // by server, those that are taken or waited for
}

func newPlaces() places { return places{all: make(chan struct{}, maxBodies), of: map[string]int{}} }

// enter waits for a place; it returns false where there was none in time, or the server has as many as it may have.
func (p *places) enter(ctx context.Context, server string) bool {
	if !p.count(server) {
		return false
	}
	select {
	case p.all <- struct{}{}:
		return true
	case <-ctx.Done():
		p.uncount(server)
		return false
	}
}

// leave gives a place back.
func (p *places) leave(server string) {
	<-p.all
	p.uncount(server)
}

func (p *places) count(server string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[server] >= perServer {
		return false
	}
	p.of[server]++
	return true
}

func (p *places) uncount(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[server]--; p.of[server] == 0 {
		delete(p.of, server)
	}
}
