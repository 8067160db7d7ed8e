package trial

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Prefix begins the ID of every probe meeting.
const Prefix = "bbbpool-probe-"

// Mark is the metadata key that every probe meeting carries, with the value "true".
const Mark = "bbbpool-probe"

// The limits of a trial.
const (
	MaxMeetings    = 200              // of a load test
	MaxConcurrency = 32               // meetings of a load test at once
	callTimeout    = 10 * time.Second // one call, where the options do not say
	shortTrial     = 45 * time.Second // all but the load test, whatever the server does
	loadTest       = 3 * time.Minute  // the load test
	endTimeout     = 5 * time.Second  // the end of a meeting, when the trial itself is over
)

// Target is the server to try.
type Target struct {
	Endpoint  bbb.Endpoint // its algorithm is found out
	NewClient func(bbb.Endpoint) *bbb.Client
}

// Options say how thoroughly to try it.
type Options struct {
	Load *Load           // nil: no load test
	Pool []time.Duration // what getMeetings takes on the other servers, to compare with; 0 is unknown, none is fine
	Call time.Duration   // what one call may take; 0 is 10 s
}

// Load is a load test.
type Load struct {
	Meetings    int // 1 to MaxMeetings
	Concurrency int // 1 to MaxConcurrency
}

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

// checks are the names of all checks, in the order of the report.
var checks = []string{
	"reach", "tls", "version", "checksum", "clock", "create", "join", "info", "recording", "list", "end", "speed", "load",
}

// trial is one trial under way.
type trial struct {
	target  Target
	options Options
	client  *bbb.Client     // with the best algorithm
	polls   []time.Duration // what getMeetings took
	skew    time.Duration   // the server's clock minus ours, where
	timed   bool            // it told its time
	report  Report
	mu      sync.Mutex // guards tell
	tell    func(step string)
}

// Run tries a server. It takes less than two seconds with one that is well and no load test, and less than five minutes
// with any. When ctx ends it ends the probe meetings and returns what it knows, as failed. Tell, which may be nil, is told
// what is going on, never from two goroutines at once.
func Run(ctx context.Context, target Target, options Options, tell func(step string)) Report {
	if options.Call <= 0 {
		options.Call = callTimeout
	}
	options.Pool = slices.DeleteFunc(slices.Clone(options.Pool), func(d time.Duration) bool { return d <= 0 })
	t := &trial{target: target, options: options, tell: tell, report: Report{URL: target.Endpoint.URL}}
	t.short(ctx)
	if options.Load != nil && t.passed() {
		t.load(ctx, *options.Load)
	}
	return t.conclude()
}

// short is all but the load test. What stands on something that failed is not tried.
func (t *trial) short(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, shortTrial)
	defer cancel()
	if !t.reach(ctx) {
		return
	}
	if t.checksum(ctx) {
		t.meeting(ctx)
		t.speed()
	}
	t.clock()
}

// step tells what is going on.
func (t *trial) step(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tell != nil {
		t.tell(text)
	}
}

// note adds a check to the report, and returns whether what follows can be tried.
func (t *trial) note(name string, level Level, detail string, took time.Duration) bool {
	t.report.Checks = append(t.report.Checks, Check{name, level, clean(detail, maxDetail), milliseconds(took)})
	return level != Fail
}

// failed notes what came of a call, where that is an error.
func (t *trial) failed(name string, err error, took time.Duration) bool {
	return err != nil && !t.note(name, Fail, t.why(err), took)
}

func (t *trial) passed() bool {
	return !slices.ContainsFunc(t.report.Checks, func(c Check) bool { return c.Level == Fail })
}

// conclude completes the report.
func (t *trial) conclude() Report {
	t.report.Passed = t.passed()
	for _, name := range checks {
		if !slices.ContainsFunc(t.report.Checks, func(c Check) bool { return c.Name == name }) {
			t.note(name, Skipped, t.skipped(name), 0)
		}
	}
	slices.SortStableFunc(t.report.Checks, func(a, b Check) int {
		return slices.Index(checks, a.Name) - slices.Index(checks, b.Name)
	})
	return t.report
}

// skipped tells why a check was not made.
func (t *trial) skipped(name string) string {
	if name == "load" && t.options.Load == nil {
		return "not asked for"
	}
	return "not tried, because of what failed before"
}

// milliseconds is a time in milliseconds, to the hundredth.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
