package callback

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxWaiting is how many callbacks wait in a queue at most.
const maxWaiting = 10_000

// Options are what an outbox needs.
type Options struct {
	Client  *http.Client
	Now     func() time.Time
	Timeout time.Duration // how long an answer may take; that of BigBlueButton where it is 0
	Resolve Resolver      // for the rules; that of the machine where it is nil
	Report  func(error)   // told of what failed
	Faults  *Faults
	Traces  *Traces
}

// Outbox holds the callbacks of a server until they are due, and sends them, those of each queue one after the other. They do
// not survive it. Its methods are safe for concurrent use.
type Outbox struct {
	opts Options

	mu    sync.Mutex
	way   Way
	rules Rules

	ends    queue // of bbb-web
	scripts map[Kind]*queue
}

// New returns an empty outbox that calls as the latest release does, without rules.
func New(opts Options) *Outbox {
	if opts.Resolve == nil {
		opts.Resolve = net.DefaultResolver.LookupNetIP
	}
	return &Outbox{opts: opts, scripts: map[Kind]*queue{KindReady: {}, KindAnalytics: {}}}
}

// SetWay has ends told as other releases do.
func (o *Outbox) SetWay(w Way) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.way = w
}

// SetRules says which addresses are called.
func (o *Outbox) SetRules(r Rules) error {
	if err := r.check(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rules = r
	return nil
}

// Rules returns which addresses are called.
func (o *Outbox) Rules() Rules {
	_, rules := o.manner()
	return rules
}

func (o *Outbox) manner() (Way, Rules) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.way, o.rules
}

func (o *Outbox) queueOf(k Kind) *queue {
	if q := o.scripts[k]; q != nil {
		return q
	}
	return &o.ends
}

func (o *Outbox) queues() []*queue {
	return []*queue{&o.ends, o.scripts[KindReady], o.scripts[KindAnalytics]}
}

// Add has callbacks sent once they are due, unless a fault has it otherwise. Those that are too many are lost.
func (o *Outbox) Add(callbacks ...Callback) {
	for _, c := range callbacks {
		switch f := o.opts.Faults.Of(c.Kind); f.Kind {
		case Never:
			o.trace(&c, Suppressed, 0, "fault: never", nil)
			continue
		case Late:
			c.due = c.due.Add(f.Delay)
		case Twice:
			o.enqueue(c)
		case Missigned: // it was signed so
		}
		o.enqueue(c)
	}
}

func (o *Outbox) enqueue(c Callback) {
	if !o.queueOf(c.Kind).add(c) {
		o.trace(&c, Suppressed, 0, "too many wait", nil)
	}
}

// Waiting returns how many callbacks wait.
func (o *Outbox) Waiting() (n int) {
	for _, q := range o.queues() {
		n += q.count()
	}
	return n
}

// Forget loses what bbb-web had to say: its queue does not survive a restart. Scripts start again where they were.
func (o *Outbox) Forget() { o.ends.clear() }

// Rush makes everything due that waits.
func (o *Outbox) Rush() {
	for _, q := range o.queues() {
		q.rush(o.opts.Now())
	}
}

// Deliver sends what is due, and blocks until all of it is answered or has failed.
func (o *Outbox) Deliver(ctx context.Context) {
	var sending sync.WaitGroup
	for _, q := range o.queues() {
		if q.isDue(o.opts.Now()) {
			sending.Go(func() {
				q.sending.Lock()
				defer q.sending.Unlock()
				o.drain(ctx, q)
			})
		}
	}
	sending.Wait()
}

// Start has what is due sent, and does not wait for it: the group does. Queues that are being sent go on with it by themselves.
func (o *Outbox) Start(ctx context.Context, sending *sync.WaitGroup) {
	for _, q := range o.queues() {
		if q.isDue(o.opts.Now()) && q.sending.TryLock() {
			sending.Go(func() {
				defer q.sending.Unlock()
				o.drain(ctx, q)
			})
		}
	}
}

// drain sends what is due of a queue, one after the other.
func (o *Outbox) drain(ctx context.Context, q *queue) {
	for ctx.Err() == nil {
		c, ok := q.next(o.opts.Now())
		if !ok {
			return
		}
		o.send(ctx, q, c)
	}
}

// send sends one callback, and has it sent again later where BigBlueButton would.
func (o *Outbox) send(ctx context.Context, q *queue, c Callback) {
	way, rules := o.manner()
	c.attempts++
	if c.form == nil && way == Single {
		if err := rules.refuse(ctx, o.opts.Resolve, c.url); err != nil {
			o.trace(&c, Refused, 0, err.Error(), nil)
			return
		}
	}
	status, err := o.attempt(ctx, way, &c)
	if err == nil {
		o.trace(&c, Answered, status, "", nil)
		return
	}
	if ctx.Err() != nil {
		return
	}
	at, again := c.again(o.opts.Now())
	if !again {
		o.trace(&c, Failed, status, err.Error(), nil)
	} else {
		o.trace(&c, Failed, status, err.Error(), &at)
		c.due = at
		q.add(c)
	}
	o.opts.Report(fmt.Errorf("callback: %w", err))
}

func (o *Outbox) trace(c *Callback, outcome Outcome, status int, reason string, again *time.Time) {
	o.opts.Traces.Add(Trace{
		At: o.opts.Now(), Kind: c.Kind, Meeting: c.Meeting, URL: c.url, Attempt: c.attempts,
		Outcome: outcome, Status: status, Reason: reason, Again: again,
	})
}

// queue is callbacks that wait for one that sends them.
type queue struct {
	sending sync.Mutex // held by the one that sends

	mu        sync.Mutex
	callbacks []Callback
}

// add tells whether there was room.
func (q *queue) add(c Callback) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.callbacks) >= maxWaiting {
		return false
	}
	q.callbacks = append(q.callbacks, c)
	return true
}

// first is the place of the one that has been due longest, or -1.
func (q *queue) first(now time.Time) int {
	first := -1
	for i := range q.callbacks {
		due := q.callbacks[i].due
		if !due.After(now) && (first < 0 || due.Before(q.callbacks[first].due)) {
			first = i
		}
	}
	return first
}

// next removes the one that has been due longest and returns it.
func (q *queue) next(now time.Time) (Callback, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.first(now)
	if i < 0 {
		return Callback{}, false
	}
	c := q.callbacks[i]
	q.callbacks = slices.Delete(q.callbacks, i, i+1)
	return c, true
}

func (q *queue) isDue(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.first(now) >= 0
}

// rush makes everything due, in the order in which it would have been.
func (q *queue) rush(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.SortStableFunc(q.callbacks, func(a, b Callback) int { return a.due.Compare(b.due) })
	for i := range q.callbacks {
		if q.callbacks[i].due.After(now) {
			q.callbacks[i].due = now
		}
	}
}

func (q *queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.callbacks)
}

func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.callbacks = nil
}
