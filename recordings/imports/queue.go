package imports

import (
	"context"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// queue is the jobs that wait, by when they may be tried, and who is at which of them. What is due goes newest archive
// first: a teacher waits for today's lesson, nobody for the backlog. Archives of one recording go one after another, the
// oldest first, so that the newest has the last word.
type queue struct {
	mu      sync.Mutex
	waiting map[string]waiting // by the ID of the job, as the next
	held    map[string]*ticket
	wake    chan struct{}
	epoch   uint64 // of those that are handed out
}

// ticket is the right to work on one job and on what it stages. The queue hands it out, to one at a time; it ends when
// whoever has it gives it up, and nobody else can.
type ticket struct {
	queue   *queue
	id      string // of the job
	subject string // what must not be worked on beside it
	staging string // where it unpacks
	epoch   uint64 // under which it was handed out; 0 where there are none
}

// waiting is a job that nobody works on yet.
type waiting struct {
	next, modified time.Time
	subject        string // what must go one after another
	stuck          bool   // tried often enough not to hold up others of the recording
}

// before tells whether an archive is older than another one.
func (w waiting) before(v waiting, id, other string) bool {
	return w.modified.Before(v.modified) || w.modified.Equal(v.modified) && id < other
}

func (q *queue) init() {
	q.waiting, q.held, q.wake = map[string]waiting{}, map[string]*ticket{}, make(chan struct{}, 1)
}

// subjectOf is what archives have in common that must not be imported out of order: the recording, and who has sent it, so
// that no server holds up another one's.
func subjectOf(j store.Job) string {
	if s := record.LeadingID(j.ID); s != "" {
		return s + "/" + j.Server
	}
	return j.ID
}

func waitingFor(j store.Job) waiting {
	return waiting{j.Next, j.Modified, subjectOf(j), j.Attempts >= maxAttempts}
}

// load lets a job wait that was open when the program ended.
func (q *queue) load(j store.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting[j.ID] = waitingFor(j)
}

// nudge has whoever waits for a job look again.
func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take hands out the job that is due and newest, else it tells how long nothing will be due.
func (q *queue) take(now time.Time) (t *ticket, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, wait := "", time.Hour
	for _, candidate := range heads(q.waiting, q.held) {
		w := q.waiting[candidate]
		if due := w.next.Sub(now); due > 0 {
			wait = min(wait, due)
		} else if id == "" || q.waiting[id].before(w, id, candidate) {
			id = candidate
		}
	}
	if id == "" {
		return nil, wait
	}
	t = newTicket(q, id, q.waiting[id].subject)
	q.held[id] = t
	return t, 0
}

// heads are the jobs that wait for nobody but themselves: the oldest of each recording that is not at work.
func heads(all map[string]waiting, held map[string]*ticket) map[string]string {
	busy := make(map[string]bool, len(held))
	for _, t := range held {
		busy[t.subject] = true
	}
	first := make(map[string]string, len(all))
	for id, w := range all {
		subject := w.subject
		if w.stuck {
			subject = id
		}
		if head, ok := first[subject]; !ok || w.before(all[head], id, head) {
			first[subject] = id
		}
	}
	for subject, id := range first {
		if held[id] != nil || busy[all[id].subject] {
			delete(first, subject)
		}
	}
	return first
}

func newTicket(q *queue, id, subject string) *ticket {
	return &ticket{queue: q, id: id, subject: subject, staging: stagingName(q.epoch, id), epoch: q.epoch}
}

// begin hands out a job, whether it waits or not, or nil while somebody else has it.
func (q *queue) begin(id string) *ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[id] != nil {
		return nil
	}
	subject := id
	if w, waits := q.waiting[id]; waits {
		subject = w.subject
	}
	t := newTicket(q, id, subject)
	q.held[id] = t
	return t
}

// has tells whether a job waits or is at work.
func (q *queue) has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, waits := q.waiting[id]
	return waits || q.held[id] != nil
}

// await lets the job wait for its next try, from when it is given up.
func (t *ticket) await(j store.Job) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	t.queue.waiting[t.id] = waitingFor(j)
	t.subject = subjectOf(j)
}

// later lets the job wait as it is until then, from when it is given up. One that nobody knows does not.
func (t *ticket) later(next time.Time) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	if w, waits := t.queue.waiting[t.id]; waits {
		w.next = next
		t.queue.waiting[t.id] = w
	}
}

// over takes the job out of what waits.
func (t *ticket) over() {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	delete(t.queue.waiting, t.id)
}

// done gives the job up. Once it was given up, that does nothing.
func (t *ticket) done() { t.queue.release(t) }

// release gives several jobs up in one step, so that their order is known to whoever takes the next.
func (q *queue) release(list ...*ticket) {
	q.mu.Lock()
	for _, t := range list {
		if q.held[t.id] == t {
			delete(q.held, t.id)
		}
	}
	q.mu.Unlock()
	q.nudge()
}

// Dispatch runs the jobs that are due, so many at a time, until ctx ends.
func (i *Importer) Dispatch(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, i.Config.Parallel)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		t := i.next(ctx)
		if t == nil {
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			defer t.done()
			i.try(ctx, t, false)
		})
	}
}

// next waits for the next job that is due, and returns nil when ctx ends. While the disk cannot be used, or has no room, no
// job is touched.
func (i *Importer) next(ctx context.Context) *ticket {
	for ctx.Err() == nil {
		wait := i.gate.left(i.Now())
		if i.Disk.Problem() != "" {
			wait = max(wait, i.Config.Retry)
		}
		if wait == 0 {
			var t *ticket
			if t, wait = i.queue.take(i.Now()); t != nil {
				return t
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-i.queue.wake:
		}
		timer.Stop()
	}
	return nil
}

// newJob is a job that waits for its first try.
func (i *Importer) newJob(id, path, source string, of identity) store.Job {
	now := i.Now()
	return store.Job{
		ID: id, Path: path, Source: source, State: store.JobWaiting, Bytes: of.size, Modified: of.modified,
		Created: now, Changed: now,
	}
}
