package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// What a load test shows.
const (
	bearable    = 2 * time.Second // the 95th percentile of a call
	maxFailures = 20              // one meeting in so many may fail
	giveUp      = 4               // after one in so many there is no more to be learnt
)

// loadCalls are the calls of a load test, in the order of the report.
var loadCalls = []string{"create", "join", "getMeetingInfo", "getMeetings", "end"}

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

// load is a load test under way.
type load struct {
	*trial
	Load
	next   atomic.Int64
	mu     sync.Mutex // guards all below
	times  map[string][]time.Duration
	errors map[string]int
	done   int
	bad    int // meetings
	first  string
}

// load holds many meetings at once.
func (t *trial) load(ctx context.Context, want Load) {
	ctx, cancel := context.WithTimeout(ctx, loadTest)
	defer cancel()
	l := &load{trial: t, times: map[string][]time.Duration{}, errors: map[string]int{}, Load: Load{
		Meetings:    min(max(want.Meetings, 1), MaxMeetings),
		Concurrency: min(max(want.Concurrency, 1), MaxConcurrency),
	}}
	var workers sync.WaitGroup
	for range l.Concurrency {
		workers.Go(func() {
			for l.next.Add(1) <= int64(l.Meetings) && !l.hopeless(ctx) {
				l.count(l.hold(ctx))
			}
		})
	}
	workers.Wait()
	l.conclude(ctx)
}

// hopeless tells whether there is no more to be learnt.
func (l *load) hopeless(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ctx.Err() != nil || l.bad > max(l.Meetings/giveUp, l.Concurrency)
}

// hold holds one meeting, and ends it whatever happens. The first call that fails is the last one but for that.
func (l *load) hold(ctx context.Context) error {
	p := l.newProbe(false)
	if err := l.time("create", func() (time.Duration, error) { return p.create(ctx) }); err != nil {
		p.abandon(ctx)
		return err
	}
	err := l.attend(ctx, p)
	ended := l.time("end", func() (time.Duration, error) { return p.end(ctx) })
	return cmp.Or(err, ended)
}

// attend makes the calls of a meeting's life.
func (l *load) attend(ctx context.Context, p *probe) error {
	if err := l.time("join", func() (time.Duration, error) { return p.join(ctx) }); err != nil {
		return err
	}
	if err := l.time("getMeetingInfo", func() (time.Duration, error) {
		_, took, err := p.info(ctx)
		return took, err
	}); err != nil {
		return err
	}
	return l.time("getMeetings", func() (time.Duration, error) {
		_, took, err := p.getMeetings(ctx, p.client)
		return took, err
	})
}

// time makes a call, and notes how long it took or that it failed.
func (l *load) time(call string, do func() (time.Duration, error)) error {
	took, err := do()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errors[call]++
		return err
	}
	l.times[call] = append(l.times[call], took)
	return nil
}

// count counts a meeting.
func (l *load) count(err error) {
	l.mu.Lock()
	l.done++
	if err != nil {
		l.bad++
		if l.first == "" {
			l.first = clean(l.why(err), maxDetail)
		}
	}
	done := l.done
	l.mu.Unlock()
	l.step(fmt.Sprintf("load %d/%d", done, l.Meetings))
}

// conclude puts the report together.
func (l *load) conclude(ctx context.Context) {
	report := &LoadReport{Meetings: l.done, Concurrency: l.Concurrency, Failed: l.bad, Error: l.first}
	for _, call := range loadCalls {
		times := l.times[call]
		latency := CallLatency{
			Call: call, Count: len(times), Failed: l.errors[call],
			P50: milliseconds(percentile(times, 50)), P95: milliseconds(percentile(times, 95)),
			P99: milliseconds(percentile(times, 99)), Max: milliseconds(percentile(times, 100)),
		}
		if call == "getMeetings" {
			latency.Pool = milliseconds(percentile(l.options.Pool, 50))
		}
		report.Calls = append(report.Calls, latency)
	}
	level, verdict := l.verdict(ctx)
	report.Verdict = clean(verdict, maxDetail)
	l.report.Load = report
	l.note("load", level, verdict, 0)
}

// verdict judges the load test.
func (l *load) verdict(ctx context.Context) (Level, string) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Fail, "the test was cut off: run it again"
	}
	if l.bad*maxFailures > l.done || l.done == 0 {
		return Fail, fmt.Sprintf("%d of %s failed, the first because: %s", l.bad, counted(l.done, "meeting", "meetings"), l.first)
	}
	if l.done < l.Meetings {
		return Fail, fmt.Sprintf("no more than %d of %d meetings were held within %v: look at the server's load",
			l.done, l.Meetings, loadTest)
	}
	if l.bad > 0 {
		return Warning, fmt.Sprintf("%d of %d meetings failed, the first because: %s", l.bad, l.done, l.first)
	}
	for _, call := range loadCalls {
		if p95 := percentile(l.times[call], 95); p95 > bearable {
			return Warning, fmt.Sprintf("one %s in 20 takes %s or more: look at the server's load, or give it less weight",
				call, round(p95))
		}
	}
	own, pool := percentile(l.times["getMeetings"], 50), percentile(l.options.Pool, 50)
	if pool > 0 && own > slower*pool && own-pool > noticeable {
		return Warning, fmt.Sprintf("under load the server lists its meetings in %s, the pool in %s: give it less weight",
			round(own), round(pool))
	}
	return Pass, counted(l.done, "meeting", "meetings") + " held without a failure"
}
