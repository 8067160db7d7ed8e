package access

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	guessEvery   = 2 * time.Second // and network
	guessBurst   = 10
	maxGuessFrom = 1000 // networks that are remembered
)

// Guesses counts the wrong tokens from each network by itself, so that the log shows those of all. The zero value has seen
// none.
type Guesses struct {
	mu   sync.Mutex
	from map[netip.Prefix]*rate.Limiter
}

// Allow counts a wrong token from an address, and tells whether there were not too many from its network.
func (g *Guesses) Allow(from netip.Addr, now time.Time) bool {
	return g.limit(network(from)).AllowN(now, 1)
}

func (g *Guesses) limit(network netip.Prefix) *rate.Limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	limit := g.from[network]
	if limit == nil {
		if len(g.from) >= maxGuessFrom {
			clear(g.from) // who has so many addresses is not to be slowed down by counting them
		}
		if g.from == nil {
			g.from = map[netip.Prefix]*rate.Limiter{}
		}
		limit = rate.NewLimiter(rate.Every(guessEvery), guessBurst)
		g.from[network] = limit
	}
	return limit
}

// network is what one guesser has at hand: an address of IPv4, or the last half of one of IPv6. Those without an address are
// one.
func network(from netip.Addr) netip.Prefix {
	from = from.Unmap().WithZone("")
	bits := 64
	if from.Is4() {
		bits = 32
	}
	prefix, err := from.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
