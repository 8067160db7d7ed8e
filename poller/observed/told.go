package observed

import (
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Ago is how long ago something was; 0 is never.
type Ago time.Duration

// longAgo bounds what is told: nothing that is observed is older.
const longAgo = 10 * 365 * 24 * time.Hour

// AgoOf says how long ago a time was. The zero time is never.
func AgoOf(t, now time.Time) Ago {
	if t.IsZero() {
		return 0
	}
	return Ago(min(max(now.Sub(t), 1), longAgo))
}

// At is when that was.
func (a Ago) At(now time.Time) time.Time {
	if a <= 0 {
		return time.Time{}
	}
	return now.Add(-min(time.Duration(a), longAgo))
}

// HealthTold is the health of a server, as one instance tells another.
type HealthTold struct {
	Is       Health     `json:"is"`
	Failing  Ago        `json:"failing,omitempty"`
	Rounds   int        `json:"rounds,omitempty"`
	Counted  Ago        `json:"counted,omitempty"`
	Offline  Ago        `json:"offline,omitempty"`
	Clean    int        `json:"clean,omitempty"`
	Cleaned  Ago        `json:"cleaned,omitempty"`
	Episodes []Ago      `json:"episodes,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Cause    bbb.Reason `json:"cause,omitempty"`
	Refused  bool       `json:"refused,omitempty"`
}

// Tell is the health as it is told.
func (h *Machine) Tell(now time.Time) HealthTold {
	told := HealthTold{
		Is: h.Is, Failing: AgoOf(h.Failing, now), Rounds: h.rounds, Counted: AgoOf(h.counted, now),
		Offline: AgoOf(h.offline, now), Clean: h.clean, Cleaned: AgoOf(h.cleaned, now), Reason: h.Reason, Cause: h.cause,
		Refused: h.Refused,
	}
	for _, began := range h.episodes {
		if !began.IsZero() {
			told.Episodes = append(told.Episodes, AgoOf(began, now))
		}
	}
	return told
}

// maxRounds bounds numbers of rounds: thresholds are at most 1000.
const maxRounds = 1_000_000

// Hear is the health that was told, now. What cannot be is turned down.
func (t HealthTold) Hear(now time.Time) (h Machine, ok bool) {
	switch t.Is {
	case Unknown, Online, Suspect, Offline:
	default:
		return h, false
	}
	if t.Is == Online && t.Failing != 0 || t.Is == Offline && t.Failing == 0 {
		return h, false
	}
	h = Machine{
		Is: t.Is, Failing: t.Failing.At(now), rounds: within(t.Rounds, maxRounds), counted: t.Counted.At(now),
		offline: t.Offline.At(now), clean: within(t.Clean, maxRounds), cleaned: t.Cleaned.At(now), Reason: Brief(t.Reason),
		cause: Known(t.Cause), Refused: t.Refused,
	}
	for i, began := range t.Episodes[:min(len(t.Episodes), maxEpisodes)] {
		h.episodes[i] = began.At(now)
	}
	return h, true
}

func within(n, most int) int { return min(max(n, 0), most) }

// Known is the reason of a failed call, if it is one that there is; else "".
func Known(reason bbb.Reason) bbb.Reason {
	switch reason {
	case bbb.DNS, bbb.Refused, bbb.TLS, bbb.Timeout, bbb.Broken, bbb.Status, bbb.NotBBB, bbb.TooLarge, bbb.BadURL:
		return reason
	case bbb.Cancel, bbb.Busy, bbb.Ours:
	}
	return ""
}

// maxReason is how much of what others say is kept.
const maxReason = 300

// Brief is what others say, cut off where it is long.
func Brief(text string) string {
	if len(text) > maxReason {
		return strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// PaceTold is the pace of a server, as one instance tells another.
type PaceTold struct {
	Mean      time.Duration `json:"mean"`
	Deviation time.Duration `json:"deviation"`
	Timeouts  int           `json:"timeouts,omitempty"`
}

// Tell is the pace as it is told; nil where nothing is known.
func (p *Pace) Tell() *PaceTold {
	if !p.known && p.timeouts == 0 {
		return nil
	}
	return &PaceTold{p.mean, p.deviation, p.timeouts}
}

// Hear is the pace that was told.
func (t *PaceTold) Hear() Pace {
	if t == nil {
		return Pace{}
	}
	return Pace{
		known: t.Mean > 0, mean: span(t.Mean), deviation: span(t.Deviation), timeouts: within(t.Timeouts, maxTimeouts),
	}
}

// longestSpan bounds how long an answer may be said to have taken.
const longestSpan = time.Hour

func span(d time.Duration) time.Duration { return min(max(d, 0), longestSpan) }

// FiveTold are the last measurements of many, oldest first.
type FiveTold []time.Duration

func (l *lastFive) tell() (told FiveTold) {
	known := min(l.count, len(l.samples))
	for i := l.count - known; i < l.count; i++ {
		told = append(told, l.samples[i%len(l.samples)])
	}
	return told
}

func (t FiveTold) hear(least, most time.Duration) (l lastFive) {
	for _, d := range t[max(0, len(t)-len(l.samples)):] {
		l.add(min(max(d, least), most))
	}
	return l
}

// Tell is the clock as it is told.
func (c *Clock) Tell() FiveTold { return c.skews.tell() }

// HearClock is the clock that was told.
func HearClock(t FiveTold) Clock {
	const year = 365 * 24 * time.Hour
	return Clock{t.hear(-year, year)}
}

// Tell is the slowness as it is told, with its level.
func (s *Slowness) Tell() (FiveTold, Level) { return s.polls.tell(), s.Level }

// HearSlowness is the slowness that was told.
func HearSlowness(t FiveTold, level Level) Slowness {
	return Slowness{polls: t.hear(0, longestSpan), Level: min(max(level, Brisk), Crawling)}
}
