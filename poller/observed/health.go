package observed

import (
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Health is what we see of a server, as opposed to what people decided about it.
type Health string

// The healths.
const (
	Unknown Health = "unknown" // not asked yet
	Online  Health = "online"
	Suspect Health = "suspect" // it failed just now, or is on its way back
	Offline Health = "offline" // it has failed for a while
)

// Machine is the health of one server, with what it follows from. It decides nothing but its own value, and has no lock: it
// is part of the state of a server.
type Machine struct {
	Is       Health
	Failing  time.Time              // since when every call has failed; zero while they succeed
	rounds   int                    // failed rounds in a row
	counted  time.Time              // when the last of them was counted
	offline  time.Time              // when it went offline
	clean    int                    // good rounds in a row on the way back
	cleaned  time.Time              // when the last of them was counted
	episodes [maxEpisodes]time.Time // when it last began to fail, newest first
	Reason   string                 // of the last failure
	cause    bbb.Reason             // the same in a word; "" where the server answered
	Refused  bool                   // the last failure was that it does not accept our secret
}

const (
	// maxClean is how many good rounds in a row a server needs at most, unless more are configured.
	maxClean = 16
	// maxEpisodes is how many times of failing are remembered: enough to get from one good round to maxClean, and one
	// more, which may be taken back.
	maxEpisodes = 6
	// episodeTime is how long an episode is held against a server, and episodeRounds the same in rounds, whichever is
	// longer: where polls are rare so are failures.
	episodeTime   = 10 * time.Minute
	episodeRounds = 60
)

// Failure is why a call failed.
type Failure struct {
	Cause   bbb.Reason // "" where the server answered and it was that which would not do
	Text    string
	Refused bool // it does not accept our secret
}

// Thresholds are what turns one health into another.
type Thresholds struct {
	Unhealthy int           // failed rounds in a row
	Healthy   int           // good rounds in a row, after a first episode of failing
	Round     time.Duration // the poll interval; what is closer together than this counts once
	Failover  time.Duration // no server is offline before it has failed this long
	Noticed   time.Duration // how long it takes at most until a failure that concerns all is noticed of each
}

// apart is how far apart two things must be to count as two: an interval, as far as jitter lets it be one.
func (t Thresholds) apart() time.Duration { return t.Round / 10 * 9 }

// Succeed takes a success into account. A server that has never failed is online with it, others once they have as many
// good rounds in a row as they need.
func (h *Machine) Succeed(now time.Time, t Thresholds) {
	h.Failing, h.rounds, h.counted = time.Time{}, 0, time.Time{}
	switch {
	case h.Is == Online:
		return
	case h.Is == Unknown:
		h.Is = Online
		return
	case h.clean == 0 || now.Sub(h.cleaned) >= t.apart():
		h.clean++
		h.cleaned = now
	}
	h.Is = Suspect
	if h.clean >= h.Needs(now, t) {
		h.Is, h.clean, h.Reason, h.cause = Online, 0, "", ""
	}
}

// Needs is how many good rounds in a row bring a server back: twice as many with every further episode.
func (h *Machine) Needs(now time.Time, t Thresholds) int {
	needs := t.Healthy
	for _, began := range h.episodes[1:] {
		if began.IsZero() || now.Sub(began) > max(episodeTime, episodeRounds*t.Round) {
			break
		}
		needs = min(2*needs, max(maxClean, t.Healthy))
	}
	return needs
}

// Fail takes a failure into account. With ours set our own network is the likelier cause: the server does not get worse
// than suspect, and neither the round nor the episode counts, because what is to blame may be over before all calls have
// ended that it spoiled.
func (h *Machine) Fail(now time.Time, why Failure, t Thresholds, ours bool) {
	h.clean, h.Reason, h.cause, h.Refused = 0, why.Text, why.Cause, why.Refused
	if h.Failing.IsZero() {
		h.Failing = now
	}
	if h.counted.IsZero() || now.Sub(h.counted) >= t.Round {
		h.counted = now
		if h.rounds++; h.rounds == 1 {
			h.addEpisode(now, t)
		}
	}
	if ours && h.Is != Offline {
		h.takeBack()
	}
	switch {
	case h.Is == Offline:
	case h.rounds >= t.Unhealthy && now.Sub(h.Failing) >= t.Failover:
		h.Is, h.offline = Offline, now
	default:
		h.Is = Suspect
	}
}

// addEpisode remembers that the server began to fail. What begins again and again within one round is one episode.
func (h *Machine) addEpisode(now time.Time, t Thresholds) {
	if last := h.episodes[0]; last.IsZero() || now.Sub(last) >= t.apart() {
		copy(h.episodes[1:], h.episodes[:])
		h.episodes[0] = now
	}
}

// takeBack forgets what the present failing has counted so far. Should it go on by itself, it counts from its next
// round on.
func (h *Machine) takeBack() {
	h.rounds = 0
	if !h.episodes[0].Before(h.Failing) {
		copy(h.episodes[:], h.episodes[1:])
		h.episodes[maxEpisodes-1] = time.Time{}
	}
}

// Recovering tells whether a server is on its way back.
func (h *Machine) Recovering() bool { return h.Is == Suspect && h.Failing.IsZero() }

// Why says in words why a server is not online; "" where it is, or was not asked yet.
func (h *Machine) Why(now time.Time, t Thresholds) string {
	if !h.Recovering() {
		return h.Reason
	}
	return fmt.Sprintf("recovering, %d of %d clean polls; last failure: %s", h.clean, h.Needs(now, t), h.Reason)
}

// Witness tells whether a server says anything about our own network, and whether what it says is that the network fails.
// One that has been offline for long says nothing about now; one that went offline just now may have been the first of
// all to be noticed.
func (h *Machine) Witness(now time.Time, t Thresholds) (counts, failing bool) {
	if h.Is == Offline {
		first := now.Sub(h.offline) < t.Noticed
		return first, first
	}
	return true, !h.Failing.IsZero()
}

// Forgive takes back what the failing of a server has counted, because our own network is the likelier cause. It tells
// whether the server had gone offline by that, just now, and no longer is.
func (h *Machine) Forgive(now time.Time, t Thresholds) (back bool) {
	if _, failing := h.Witness(now, t); !failing {
		return false
	}
	h.takeBack()
	back = h.Is == Offline
	h.Is = Suspect
	return back
}

// OfflineFor is how long a server has been seen to be offline: from when it went offline until the last round that failed. While
// nobody looks, as in a machine that is suspended, it does not grow.
func (h *Machine) OfflineFor() time.Duration {
	if h.Is != Offline || h.counted.Before(h.offline) {
		return 0
	}
	return h.counted.Sub(h.offline)
}

// Nameless tells whether a server fails because its name does not resolve, and no address of it is known.
func (h *Machine) Nameless() bool { return h.cause == bbb.DNS && !h.Failing.IsZero() }

// QuickProbe is how often a server is asked while a blip may still pass.
const QuickProbe = 500 * time.Millisecond

// Pause is how long after the beginning of one poll the next one begins.
func (h *Machine) Pause(now time.Time, t Thresholds) time.Duration {
	failing := now.Sub(h.Failing)
	switch {
	case h.Failing.IsZero() && h.Is != Unknown: // also on its way back: no round counts before its time
		return t.Round
	case h.Failing.IsZero(), failing < t.Failover+2*QuickProbe: // not known yet, or a blip
		return min(QuickProbe, t.Round)
	}
	return min(failing/2, t.Round)
}
