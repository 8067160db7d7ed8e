package trial

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/bbbpool/bbbpool/api/bbb"
)

const (
	maxQuote  = 200 // bytes that are repeated of what a server says
	maxDetail = 600 // bytes of a detail
)

// Level is how a check went.
type Level string

// The levels.
const (
	Pass    Level = "pass"
	Warning Level = "warning" // it can carry meetings, and something wants looking at
	Fail    Level = "fail"    // it cannot carry meetings
	Skipped Level = "skipped" // does not apply, or could not be tried because of what failed before
)

// Check is one thing that was tried.
type Check struct {
	Name    string  `json:"name"`
	Level   Level   `json:"level"`
	Detail  string  `json:"detail"`               // what was found and, where that is bad, what to do
	Latency float64 `json:"latency_ms,omitempty"` // of the call that it took, in milliseconds
}

// Report is what a trial found.
type Report struct {
	Passed    bool          `json:"passed"` // nothing failed; there may be warnings
	URL       string        `json:"url"`
	Version   string        `json:"version,omitempty"`   // of BigBlueButton, where it reveals it
	Algorithm bbb.Algorithm `json:"algorithm,omitempty"` // the best one that it accepts
	Expires   time.Time     `json:"expires,omitzero"`    // its certificate; none over http
	Skew      float64       `json:"skew_ms"`             // its clock minus ours, in milliseconds; 0 where that is unknown
	Checks    []Check       `json:"checks"`              // always all of them, in the order of checks
	Load      *LoadReport   `json:"load,omitempty"`
}

// LoadReport is what a load test found.
type LoadReport struct {
	Meetings    int           `json:"meetings"` // that were tried
	Concurrency int           `json:"concurrency"`
	Failed      int           `json:"failed"`          // meetings of which some call failed
	Error       string        `json:"error,omitempty"` // the first one
	Calls       []CallLatency `json:"calls"`
	Verdict     string        `json:"verdict"` // in words, with what to do
}

// CallLatency is how long the calls of a kind took, in milliseconds.
type CallLatency struct {
	Call   string  `json:"call"`
	Count  int     `json:"count"` // that succeeded, which are those that were timed
	Failed int     `json:"failed"`
	P50    float64 `json:"p50_ms"`
	P95    float64 `json:"p95_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
	Pool   float64 `json:"pool_p50_ms,omitempty"` // of the other servers, where it is known
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// inMilliseconds prints milliseconds with no more digits than tell something.
func inMilliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// round prints a duration of any length with as few digits.
func round(d time.Duration) string {
	if d < time.Second {
		return inMilliseconds(milliseconds(d))
	}
	return d.Round(100 * time.Millisecond).String()
}

// milliseconds is a time in milliseconds, to the hundredth.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// clean makes what a server may have had a hand in fit for a terminal: one line, of bounded length.
func clean(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:limit]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	if cut {
		s += "…"
	}
	return s
}
