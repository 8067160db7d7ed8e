package poller

import "time"

// Health is what we see of a server, as opposed to what people decided about it.
type Health string

// The healths.
const (
	Unknown Health = "unknown" // not asked yet
	Online  Health = "online"
	Suspect Health = "suspect" // it failed just now
	Offline Health = "offline" // it has failed for a while
)

// health is the state of one server. It decides nothing but its own value.
type health struct {
	is      Health
	failing time.Time // since when every call has failed; zero while they succeed
	rounds  int       // failed rounds in a row
	counted time.Time // when the last round was counted
	oks     int       // successes in a row, while offline
	reason  string    // of the last failure
}

// thresholds are what turns one health into another.
type thresholds struct {
	unhealthy int           // failed rounds in a row
	healthy   int           // successes in a row
	round     time.Duration // the poll interval; failures closer together than this count once
	failover  time.Duration // no server is offline before it has failed this long
}

// ok takes a success into account.
func (h *health) ok(t thresholds) {
	h.failing, h.rounds, h.counted, h.reason = time.Time{}, 0, time.Time{}, ""
	h.oks++
	if h.is != Offline || h.oks >= t.healthy {
		h.is, h.oks = Online, 0
	}
}

// failed takes a failure into account. With stay set a server does not get worse than suspect.
func (h *health) failed(now time.Time, reason string, t thresholds, stay bool) {
	h.oks, h.reason = 0, reason
	if h.failing.IsZero() {
		h.failing = now
	}
	if h.counted.IsZero() || now.Sub(h.counted) >= t.round {
		h.rounds++
		h.counted = now
	}
	switch {
	case h.is == Offline:
	case h.rounds >= t.unhealthy && now.Sub(h.failing) >= t.failover && !stay:
		h.is = Offline
	default:
		h.is = Suspect
	}
}

// quickProbe is how often a server is asked while a blip may still pass.
const quickProbe = 500 * time.Millisecond

// next is how long after one poll the next one begins.
func (h *health) next(now time.Time, t thresholds) time.Duration {
	failing := now.Sub(h.failing)
	switch {
	case h.is == Online && h.failing.IsZero():
		return t.round
	case h.failing.IsZero(), failing < t.failover+2*quickProbe: // unknown, on the way back, or a blip
		return min(quickProbe, t.round)
	}
	return min(failing/2, t.round)
}
