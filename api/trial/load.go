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

// load is a load test under way.
type load struct {
	*trial
	Load
	next  atomic.Int64
	mu    sync.Mutex
	tally tally // guarded by mu while meetings are held
}

// tally is how the calls of a load test went.
type tally struct {
	times  map[string][]time.Duration // of those that succeeded, by call
	failed map[string]int             // by call
	done   int                        // meetings
	bad    int                        // meetings of which some call failed
	first  string                     // what failed first
}

// addCall takes a call into account.
func (t *tally) addCall(call string, took time.Duration, err error) {
	if err != nil {
		t.failed[call]++
		return
	}
	t.times[call] = append(t.times[call], took)
}

// addMeeting takes a meeting into account that is over. Of the errors the first one is kept, in words.
func (t *tally) addMeeting(err error, words string) {
	t.done++
	if err != nil {
		t.bad++
		t.first = cmp.Or(t.first, words)
	}
}

// load holds many meetings at once.
func (t *trial) load(ctx context.Context, want Load) {
	ctx, cancel := context.WithTimeout(ctx, loadTest)
	defer cancel()
	l := &load{trial: t, tally: tally{times: map[string][]time.Duration{}, failed: map[string]int{}}, Load: Load{
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
	return ctx.Err() != nil || l.tally.bad > max(l.Meetings/giveUp, l.Concurrency)
}

// hold holds one meeting, and ends it whatever happens. The first call that fails is the last one but for that.
func (l *load) hold(ctx context.Context) error {
	p := newProbe(l.caller, false)
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
		_, took, err := p.getMeetings(ctx)
		return took, err
	})
}

// time makes a call, and counts how long it took or that it failed.
func (l *load) time(call string, do func() (time.Duration, error)) error {
	took, err := do()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.addCall(call, took, err)
	return err
}

// count counts a meeting, and tells of it.
func (l *load) count(err error) {
	words := ""
	if err != nil {
		words = clean(l.explain(err), maxDetail)
	}
	l.mu.Lock()
	l.tally.addMeeting(err, words)
	done := l.tally.done
	l.mu.Unlock()
	l.steps.begin(fmt.Sprintf("load %d/%d", done, l.Meetings))
}

// conclude puts the report together, once all meetings are over.
func (l *load) conclude(ctx context.Context) {
	report := &LoadReport{Meetings: l.tally.done, Concurrency: l.Concurrency, Failed: l.tally.bad, Error: l.tally.first}
	for _, call := range loadCalls {
		times := l.tally.times[call]
		latency := CallLatency{
			Call: call, Count: len(times), Failed: l.tally.failed[call],
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
	l.add("load", level, verdict, 0)
}

// verdict says what the load test shows, once all meetings are over.
func (l *load) verdict(ctx context.Context) (Level, string) {
	n := &l.tally
	if errors.Is(ctx.Err(), context.Canceled) {
		return Fail, "the test was cut off: run it again"
	}
	if n.bad*maxFailures > n.done || n.done == 0 {
		return Fail, fmt.Sprintf("%d of %s failed, the first because: %s", n.bad, counted(n.done, "meeting", "meetings"), n.first)
	}
	if n.done < l.Meetings {
		return Fail, fmt.Sprintf("no more than %d of %d meetings were held within %v: look at the server's load",
			n.done, l.Meetings, loadTest)
	}
	if n.bad > 0 {
		return Warning, fmt.Sprintf("%d of %d meetings failed, the first because: %s", n.bad, n.done, n.first)
	}
	for _, call := range loadCalls {
		if p95 := percentile(n.times[call], 95); p95 > bearable {
			return Warning, fmt.Sprintf("one %s in 20 takes %s or more: look at the server's load, or give it less weight",
				call, round(p95))
		}
	}
	own, pool := percentile(n.times["getMeetings"], 50), percentile(l.options.Pool, 50)
	if pool > 0 && own > slower*pool && own-pool > noticeable {
		return Warning, fmt.Sprintf("under load the server lists its meetings in %s, the pool in %s: give it less weight",
			round(own), round(pool))
	}
	return Pass, counted(n.done, "meeting", "meetings") + " held without a failure"
}
