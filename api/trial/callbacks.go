package trial

import (
	"context"

	"github.com/bbbpool/bbbpool/api/bbb/releases"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
)

// probeCallbacks begins to look at the address that servers are to call, so that it takes no time of its own, and returns what
// waits for the outcome.
func (t *trial) probeCallbacks(ctx context.Context) (wait func()) {
	if t.options.Callback == nil {
		return func() {}
	}
	found := make(chan reach.Outcome, 1)
	go func() { found <- t.options.Callback(ctx) }()
	return func() { t.callbacks(<-found) }
}

// callbacks says whether the server can call us. What only later releases want of an address is said of earlier ones as well,
// because they are to be upgraded, with that it does not matter yet.
func (t *trial) callbacks(found reach.Outcome) {
	if found.Come() {
		t.add("callbacks", Pass, found.String()+", as seen from here", 0)
		return
	}
	text := "the server will not call back, and ends are learnt by polls alone: " + found.String()
	if before, known := releases.Before(t.report.Version, releases.Calling); known && before && found.Ruled() {
		text = "once the server is " + releases.Calling + " or later it will not call back: " + found.String()
	}
	t.add("callbacks", Warning, text, 0)
}
