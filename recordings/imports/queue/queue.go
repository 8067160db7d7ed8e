// Package queue says which import is tried when, and by whom: the jobs that wait, in the order in which they go, and the tickets
// of those who are at work. It is memory alone, and knows neither store nor files.
//
// # Epochs
//
// Of several instances that share spool, library and index one imports at a time, and each time has an epoch. It is in the name
// of what is staged, and by that in the job: so nobody unpacks where somebody else does, and whoever has imported before and goes
// on late finds its staging gone and its job another's.
package queue

import (
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Queue is the jobs that wait, by when they may be tried, and who is at which of them. What is due goes newest archive
// first: a teacher waits for today's lesson, nobody for the backlog. Archives of one recording go one after another, the
// oldest first, so that the newest has the last word.
type Queue struct {
	mu      sync.Mutex
	waiting map[string]waiting // by the ID of the job, as the next
	held    map[string]*Ticket
	wake    chan struct{}
	epoch   uint64 // of those that are handed out
}

// Ticket is the right to work on one job and on what it stages. The queue hands it out, to one at a time; it ends when
// whoever has it gives it up, and nobody else can.
type Ticket struct {
	queue   *Queue
	subject string // what must not be worked on beside it

	ID      string // of the job
	Staging string // where it unpacks
	Epoch   uint64 // under which it was handed out; 0 where there are none
}

// MaxAttempts is how often an archive is tried that seems to be cut off, or cannot be read.
const MaxAttempts = 5

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

// New returns an empty queue.
func New() *Queue {
	return &Queue{waiting: map[string]waiting{}, held: map[string]*Ticket{}, wake: make(chan struct{}, 1)}
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
	return waiting{j.Next, j.Modified, subjectOf(j), j.Attempts >= MaxAttempts}
}

// Load lets a job wait that was open when the program ended.
func (q *Queue) Load(j store.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting[j.ID] = waitingFor(j)
}

// Nudge has whoever waits for a job look again.
func (q *Queue) Nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Woken tells that it is worth to look again.
func (q *Queue) Woken() <-chan struct{} { return q.wake }

// Take hands out the job that is due and newest, else it tells how long nothing will be due.
func (q *Queue) Take(now time.Time) (t *Ticket, wait time.Duration) {
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
func heads(all map[string]waiting, held map[string]*Ticket) map[string]string {
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

func newTicket(q *Queue, id, subject string) *Ticket {
	return &Ticket{queue: q, subject: subject, ID: id, Staging: Staging(q.epoch, id), Epoch: q.epoch}
}

// Begin hands out a job, whether it waits or not, or nil while somebody else has it.
func (q *Queue) Begin(id string) *Ticket {
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

// Has tells whether a job waits or is at work.
func (q *Queue) Has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, waits := q.waiting[id]
	return waits || q.held[id] != nil
}

// Await lets the job wait for its next try, from when it is given up.
func (t *Ticket) Await(j store.Job) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	t.queue.waiting[t.ID] = waitingFor(j)
	t.subject = subjectOf(j)
}

// Later lets the job wait as it is until then, from when it is given up. One that nobody knows does not.
func (t *Ticket) Later(next time.Time) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	if w, waits := t.queue.waiting[t.ID]; waits {
		w.next = next
		t.queue.waiting[t.ID] = w
	}
}

// Over takes the job out of what waits.
func (t *Ticket) Over() {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	delete(t.queue.waiting, t.ID)
}

// Done gives the job up. Once it was given up, that does nothing.
func (t *Ticket) Done() { t.queue.Release(t) }

// Release gives several jobs up in one step, so that their order is known to whoever takes the next.
func (q *Queue) Release(list ...*Ticket) {
	q.mu.Lock()
	for _, t := range list {
		if q.held[t.ID] == t {
			delete(q.held, t.ID)
		}
	}
	q.mu.Unlock()
	q.Nudge()
}
