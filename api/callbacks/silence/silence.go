// Package silence finds the servers that never call back. A server that is not allowed to call our address says nothing of it:
// its meetings end, and polls are what tells. That works, only later, so nobody would notice.
//
// It owns the counts of calls and of ends that polls saw, since the start of this process, and what follows from them. It
// keeps nothing, asks nobody, and decides nothing.
//
// What counts are ends in a row: a call starts them anew, however it went. So a server that stopped calling, as after an
// update that brought rules for addresses, is found as well as one that never did, and the one meeting whose call a poll was
// ahead of does not matter.
package silence

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/reach"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// Enough is how many ends in a row are seen by polls before a server is thought not to call.
const Enough = 5

// maxServers is how many are counted; a pool of more has other worries.
const maxServers = 10_000

// Counters count what each server has called. The zero value counts, and finds nothing before Address is set.
type Counters struct {
	// Address is where servers are told to call: https://HOST, "" if they are told of nothing. It must not wait.
	Address func() string
	// InPool tells whether a server is in the pool; what was counted of others is forgotten. All are if it is nil. It must
	// not wait.
	InPool func(server string) bool
	Now    func() time.Time // time.Now if nil

	mu      sync.Mutex
	servers map[string]*counts
}

// counts are those of a server since it has called last.
type counts struct {
	called bool      // it has, since the start
	ends   int       // that polls saw
	since  time.Time // the first of them
}

// Called counts a call that a server has made, verified by whoever has received it.
func (c *Counters) Called(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.of(server); n != nil {
		*n = counts{called: true}
	}
}

// EndSeen counts an end of a meeting that should have been called and that a poll has seen instead. A meeting that its server
// was never told an address for is none of them, nor is one whose server was away.
func (c *Counters) EndSeen(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of(server)
	if n == nil {
		return
	}
	if n.ends++; n.ends == 1 {
		n.since = c.now()
	}
}

// of returns the counts of a server, nil if there is no room for them. The lock must be held.
func (c *Counters) of(server string) *counts {
	n := c.servers[server]
	if n == nil && len(c.servers) < maxServers {
		if c.servers == nil {
			c.servers = map[string]*counts{}
		}
		n = &counts{}
		c.servers[server] = n
	}
	return n
}

func (c *Counters) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Problems names the servers that do not call, by their IDs, with what is to be set there.
func (c *Counters) Problems(context.Context) []problems.Problem {
	address := ""
	if c.Address != nil {
		address = c.Address()
	}
	var list []problems.Problem
	c.mu.Lock()
	defer c.mu.Unlock()
	for server, n := range c.servers {
		switch {
		case c.InPool != nil && !c.InPool(server):
			delete(c.servers, server)
		case address != "" && n.ends >= Enough:
			list = append(list, n.problem(server, address))
		}
	}
	slices.SortFunc(list, func(a, b problems.Problem) int { return cmp.Compare(a.Subject.ID, b.Subject.ID) })
	return list
}

// problem says in words that a server does not call.
func (n *counts) problem(server, address string) problems.Problem {
	text := server + " has called back at the end of none of its meetings since we started: polls saw " +
		quantity.Count(n.ends, "end", "ends") + ", later than it would have told"
	if n.called {
		text = server + " does not call back any more at the end of its meetings: polls saw the last " +
			quantity.Count(n.ends, "end", "ends") + ", later than it would have told"
	}
	remedy := "bbbpool server test " + server + " says whether our address can be called"
	if advice := reach.Advice(address); advice != "" {
		remedy = strings.Join([]string{remedy, advice}, "; if it can, ")
	}
	return problems.Problem{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Server, ID: server}, Name: "silent",
		Since: n.since, Text: text, Remedy: remedy,
	}
}
