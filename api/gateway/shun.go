package gateway

import (
	"sync"
	"time"
)

// shunned remembers servers that live and fail at creates. Health does not see that, and such a server looks emptiest:
// without this every new meeting would be tried there first.
type shunned struct {
	mu      sync.Mutex
	servers map[string]shunning
}

// shunning is for how long, doubling with each failure in a row.
type shunning struct {
	until time.Time
	span  time.Duration
}

const (
	shortestShun = 5 * time.Second
	longTry      = 2 * time.Minute // after a create was waited for in vain, which nobody should have to do again soon
	longestShun  = 5 * time.Minute
)

// list returns who is shunned now.
func (s *shunned) list(now time.Time) (servers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sh := range s.servers {
		if now.Before(sh.until) {
			servers = append(servers, id)
		}
	}
	return servers
}

// succeeded takes note of a create that one server has made after others had failed at it. Were it the create's own
// fault, none would have made it.
func (s *shunned) succeeded(server string, failed []string) {
	s.mu.Lock()
	delete(s.servers, server)
	s.mu.Unlock()
	for _, id := range failed {
		if id != server {
			s.add(id, shortestShun)
		}
	}
}

// add shuns a server for some time, and for twice as long as the last time.
func (s *shunned) add(id string, atLeast time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	span := min(max(2*s.servers[id].span, atLeast), longestShun)
	if s.servers == nil {
		s.servers = map[string]shunning{}
	}
	s.servers[id] = shunning{until: time.Now().Add(span), span: span}
}
