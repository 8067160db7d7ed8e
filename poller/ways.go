package poller

import (
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Way is how a server is called, and whether that is any use now.
type Way struct {
	store.Server
	Client *bbb.Client
	Health Health
}

// Ways returns how each server is called, by ID. Unlike Servers it counts no meetings, so that it can be asked often.
func (p *Poller) Ways() []Way {
	servers := p.pool.sorted()
	list := make([]Way, 0, len(servers))
	for _, s := range servers {
		list = append(list, s.way())
	}
	return list
}

func (s *server) way() Way {
	s.mu.Lock()
	defer s.mu.Unlock()
	health, _ := s.state.shown(s.state.now())
	return Way{Server: s.state.record, Client: s.state.client, Health: health}
}
