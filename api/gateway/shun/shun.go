// Package shun remembers for some minutes which servers live and fail at creates. It asks no server, and decides nothing: whoever
// places meetings takes others first.
package shun

import (
	"sync"
	"time"
)

// Servers are those that are shunned. Health does not see that they fail, and such a server looks emptiest: without this every
// new meeting would be tried there first. Its zero value shuns none.
type Servers struct {
	mu      sync.Mutex
	servers map[string]shunning
}

// shunning is for how long, doubling with each failure in a row.
type shunning struct {
	until time.Time
	span  time.Duration
}

const (
	shortest = 5 * time.Second
	longTry  = 2 * time.Minute // after a create was waited for in vain, which nobody should have to do again soon
	longest  = 5 * time.Minute
)

// List returns who is shunned now.
func (s *Servers) List(now time.Time) (servers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sh := range s.servers {
		if now.Before(sh.until) {
			servers = append(servers, id)
		}
	}
	return servers
}

// Succeeded takes note of a create that one server has made after others had failed at it. Were it the create's own
// fault, none would have made it.
func (s *Servers) Succeeded(server string, failed []string) {
	s.mu.Lock()
	delete(s.servers, server)
	s.mu.Unlock()
	for _, id := range failed {
		if id != server {
			s.add(id, shortest)
		}
	}
}

// Long takes note of a server that a create was waited for in vain at.
func (s *Servers) Long(id string) { s.add(id, longTry) }

// add shuns a server for some time, and for twice as long as the last time.
func (s *Servers) add(id string, atLeast time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	span := min(max(2*s.servers[id].span, atLeast), longest)
	if s.servers == nil {
		s.servers = map[string]shunning{}
	}
	s.servers[id] = shunning{until: time.Now().Add(span), span: span}
}
