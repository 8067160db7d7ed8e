package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
)

// The limits of a trial.
const (
	MaxMeetings    = 200              // of a load test
	MaxConcurrency = 32               // meetings of a load test at once
	callTimeout    = 10 * time.Second // one call, where the options do not say
	shortTrial     = 45 * time.Second // all but the load test, whatever the server does
	loadTest       = 3 * time.Minute  // the load test
)

// Target is the server to try.
type Target struct {
	Endpoint  bbb.Endpoint // its algorithm is found out
	NewClient func(bbb.Endpoint) *bbb.Client
}

// Options say how thoroughly to try it.
type Options struct {
	Load *Load            // nil: no load test
	Pool []time.Duration  // what getMeetings takes on the other servers, to compare with; 0 is unknown, none is fine
	Call time.Duration    // what one call may take; 0 is 10 s
	Now  func() time.Time // time.Now if nil; with a monotonic reading, as what calls take is measured with it
	// Callback looks at the address that servers are to call, within ctx; nil: that is not tested.
	Callback func(ctx context.Context) reach.Outcome
}

// Load is a load test.
type Load struct {
	Meetings    int // 1 to MaxMeetings
	Concurrency int // 1 to MaxConcurrency
}

// trial is one trial under way.
type trial struct {
	caller // with the best algorithm, once that is known

	target  Target
	options Options
	polls   []time.Duration // what getMeetings took
	skew    time.Duration   // the server's clock minus ours, where
	timed   bool            // it told its time
	report  Report
	steps   *steps
}

// steps are told one by one, whoever makes them.
type steps struct {
	mu   sync.Mutex
	tell func(step string) // nil where nobody listens
}

// Run tries a server. It takes less than two seconds with one that is well and no load test, and less than five minutes
// with any. When ctx ends it ends the probe meetings and returns what it knows, as failed. Tell, which may be nil, is told
// what is going on, never from two goroutines at once.
func Run(ctx context.Context, target Target, options Options, tell func(step string)) Report {
	if options.Call <= 0 {
		options.Call = callTimeout
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	options.Pool = slices.DeleteFunc(slices.Clone(options.Pool), func(d time.Duration) bool { return d <= 0 })
	t := &trial{
		caller: caller{timeout: options.Call, now: options.Now}, target: target, options: options,
		steps: &steps{tell: tell}, report: Report{URL: target.Endpoint.URL},
	}
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
	wait := t.probeCallbacks(ctx)
	defer wait()
	if !t.reach(ctx) {
		return
	}
	if t.checksum(ctx) {
		t.meeting(ctx)
		t.speed()
	}
	t.clock()
}

// begin tells that a step begins. It waits while another is told of.
func (s *steps) begin(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tell != nil {
		s.tell(text)
	}
}

// add adds a check to the report, and returns whether what follows can be tried.
func (t *trial) add(name string, level Level, detail string, took time.Duration) bool {
	t.report.Checks = append(t.report.Checks, Check{name, level, clean(detail, maxDetail), milliseconds(took)})
	return level != Fail
}

// addError adds a check that failed if a call did, and tells whether it did.
func (t *trial) addError(name string, err error, took time.Duration) bool {
	return err != nil && !t.add(name, Fail, t.explain(err), took)
}

func (t *trial) passed() bool {
	return !slices.ContainsFunc(t.report.Checks, func(c Check) bool { return c.Level == Fail })
}

// conclude completes the report.
func (t *trial) conclude() Report {
	t.report.Passed = t.passed()
	for _, name := range checks {
		if !slices.ContainsFunc(t.report.Checks, func(c Check) bool { return c.Name == name }) {
			t.add(name, Skipped, t.skipped(name), 0)
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
	if name == "callbacks" {
		return "not tested: no address is known at which servers could call back; it is the one of --callback-url or --public-url"
	}
	return "not tried, because of what failed before"
}

// explain says what is wrong with an answer and what to do about it.
func (t *trial) explain(err error) string {
	refused, isAnswer := errors.AsType[*bbb.Error](err)
	failed, isCall := errors.AsType[*bbb.CallError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "the test was cut off before this was known: run it again"
	case errors.Is(err, context.DeadlineExceeded) && !isCall:
		return "there was no time left for this: the server answers too slowly; look at its load"
	case isAnswer && refused.Key == bbb.ErrChecksum.Key:
		return "the server does not accept the secret any more: run bbb-conf --secret there and copy it once more"
	case isAnswer:
		return fmt.Sprintf("the server refuses, with %s: look for that in its /var/log/bigbluebutton/bbb-web.log",
			clean(refused.Error(), maxQuote))
	case isCall && failed.Reason == bbb.NotBBB && failed.Status == 200:
		return "the answer is none of BigBlueButton's: check what stands between here and the server, then bbb-conf --check there"
	}
	return bbb.Explain(t.target.Endpoint.URL, err).Error()
}
