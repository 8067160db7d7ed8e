package poller

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

// health is the health of one server, with what it follows from. It decides nothing but its own value, and has no lock: it
// is part of the state of a server.
type health struct {
	is       Health
	failing  time.Time              // since when every call has failed; zero while they succeed
	rounds   int                    // failed rounds in a row
	counted  time.Time              // when the last of them was counted
	offline  time.Time              // when it went offline
	clean    int                    // good rounds in a row on the way back
	cleaned  time.Time              // when the last of them was counted
	episodes [maxEpisodes]time.Time // when it last began to fail, newest first
	reason   string                 // of the last failure
	cause    bbb.Reason             // the same in a word; "" where the server answered
	refused  bool                   // the last failure was that it does not accept our secret
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

// thresholds are what turns one health into another.
type thresholds struct {
	unhealthy int           // failed rounds in a row
	healthy   int           // good rounds in a row, after a first episode of failing
	round     time.Duration // the poll interval; what is closer together than this counts once
	failover  time.Duration // no server is offline before it has failed this long
	noticed   time.Duration // how long it takes at most until a failure that concerns all is noticed of each
}

// apart is how far apart two things must be to count as two: an interval, as far as jitter lets it be one.
func (t thresholds) apart() time.Duration { return t.round / 10 * 9 }

// succeed takes a success into account. A server that has never failed is online with it, others once they have as many
// good rounds in a row as they need.
func (h *health) succeed(now time.Time, t thresholds) {
	h.failing, h.rounds, h.counted = time.Time{}, 0, time.Time{}
	switch {
	case h.is == Online:
		return
	case h.is == Unknown:
		h.is = Online
		return
	case h.clean == 0 || now.Sub(h.cleaned) >= t.apart():
		h.clean++
		h.cleaned = now
	}
	h.is = Suspect
	if h.clean >= h.needs(now, t) {
		h.is, h.clean, h.reason, h.cause = Online, 0, "", ""
	}
}

// needs is how many good rounds in a row bring a server back: twice as many with every further episode.
func (h *health) needs(now time.Time, t thresholds) int {
	needs := t.healthy
	for _, began := range h.episodes[1:] {
		if began.IsZero() || now.Sub(began) > max(episodeTime, episodeRounds*t.round) {
			break
		}
		needs = min(2*needs, max(maxClean, t.healthy))
	}
	return needs
}

// fail takes a failure into account. With ours set our own network is the likelier cause: the server does not get worse
// than suspect, and neither the round nor the episode counts, because what is to blame may be over before all calls have
// ended that it spoiled.
func (h *health) fail(now time.Time, why failure, t thresholds, ours bool) {
	h.clean, h.reason, h.cause, h.refused = 0, why.text, why.cause, why.refused
	if h.failing.IsZero() {
		h.failing = now
	}
	if h.counted.IsZero() || now.Sub(h.counted) >= t.round {
		h.counted = now
		if h.rounds++; h.rounds == 1 {
			h.addEpisode(now, t)
		}
	}
	if ours && h.is != Offline {
		h.takeBack()
	}
	switch {
	case h.is == Offline:
	case h.rounds >= t.unhealthy && now.Sub(h.failing) >= t.failover:
		h.is, h.offline = Offline, now
	default:
		h.is = Suspect
	}
}

// addEpisode remembers that the server began to fail. What begins again and again within one round is one episode.
func (h *health) addEpisode(now time.Time, t thresholds) {
	if last := h.episodes[0]; last.IsZero() || now.Sub(last) >= t.apart() {
		copy(h.episodes[1:], h.episodes[:])
		h.episodes[0] = now
	}
}

// takeBack forgets what the present failing has counted so far. Should it go on by itself, it counts from its next
// round on.
func (h *health) takeBack() {
	h.rounds = 0
	if !h.episodes[0].Before(h.failing) {
		copy(h.episodes[:], h.episodes[1:])
		h.episodes[maxEpisodes-1] = time.Time{}
	}
}

// recovering tells whether a server is on its way back.
func (h *health) recovering() bool { return h.is == Suspect && h.failing.IsZero() }

// why says in words why a server is not online; "" where it is, or was not asked yet.
func (h *health) why(now time.Time, t thresholds) string {
	if !h.recovering() {
		return h.reason
	}
	return fmt.Sprintf("recovering, %d of %d clean polls; last failure: %s", h.clean, h.needs(now, t), h.reason)
}

// witness tells whether a server says anything about our own network, and whether what it says is that the network fails.
// One that has been offline for long says nothing about now; one that went offline just now may have been the first of
// all to be noticed.
func (h *health) witness(now time.Time, t thresholds) (counts, failing bool) {
	if h.is == Offline {
		first := now.Sub(h.offline) < t.noticed
		return first, first
	}
	return true, !h.failing.IsZero()
}

// forgive takes back what the failing of a server has counted, because our own network is the likelier cause. It tells
// whether the server had gone offline by that, just now, and no longer is.
func (h *health) forgive(now time.Time, t thresholds) (back bool) {
	if _, failing := h.witness(now, t); !failing {
		return false
	}
	h.takeBack()
	back = h.is == Offline
	h.is = Suspect
	return back
}

// nameless tells whether a server fails because its name does not resolve, and no address of it is known.
func (h *health) nameless() bool { return h.cause == bbb.DNS && !h.failing.IsZero() }

// quickProbe is how often a server is asked while a blip may still pass.
const quickProbe = 500 * time.Millisecond

// pause is how long after the beginning of one poll the next one begins.
func (h *health) pause(now time.Time, t thresholds) time.Duration {
	failing := now.Sub(h.failing)
	switch {
	case h.failing.IsZero() && h.is != Unknown: // also on its way back: no round counts before its time
		return t.round
	case h.failing.IsZero(), failing < t.failover+2*quickProbe: // not known yet, or a blip
		return min(quickProbe, t.round)
	}
	return min(failing/2, t.round)
}
