package fsapi

import (
	"sync"
	"time"
)

const (
	// callGuesses is how many wrong numbers one call has, and callerGuesses how many one caller has within guessTime. Who does
	// not tell a number shares one with all others who do not, so there are more of those.
	callGuesses   = 3
	callerGuesses = 10
	hiddenGuesses = 60
	guessTime     = 10 * time.Minute
	// maxGuessers bounds what is kept of callers.
	maxGuessers = 10_000
)

// guesses counts the wrong numbers of callers.
type guesses struct {
	mu    sync.Mutex
	since time.Time
	of    map[string]int // by call, and by caller, since then
}

// begin forgets what is over. It is called under the lock.
func (g *guesses) begin(now time.Time) {
	if passed := now.Sub(g.since); g.of == nil || passed >= guessTime || passed < 0 || len(g.of) > maxGuessers {
		g.since, g.of = now, map[string]int{}
	}
}

// may tells whether a caller may try a number.
func (g *guesses) may(now time.Time, caller, call string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begin(now)
	most := callerGuesses
	if caller == "" {
		most = hiddenGuesses
	}
	return g.of["caller "+cut(caller)] < most && (call == "" || g.of["call "+cut(call)] < callGuesses)
}

// wrong counts a number that led nowhere.
func (g *guesses) wrong(now time.Time, caller, call string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begin(now)
	g.of["caller "+cut(caller)]++
	if call != "" {
		g.of["call "+cut(call)]++
	}
}

// cut bounds what is kept of what somebody says of himself.
func cut(text string) string { return text[:min(len(text), 64)] }
