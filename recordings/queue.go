package recordings

import (
	"regexp"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// queue is the jobs that wait, by when they may be tried, and who is at which of them. What is due goes newest archive
// first: a teacher waits for today's lesson, nobody for the backlog. Archives of one recording go one after another, the
// oldest first, so that the newest has the last word.
type queue struct {
	mu      sync.Mutex
	waiting map[string]turn
	held    map[string]*attempt
	wake    chan struct{}
}

// attempt is the right to work on one job and on what it stages. The queue hands it out, to one at a time; it ends when
// whoever holds it gives it up, and nobody else can.
type attempt struct {
	queue   *queue
	id      string // of the job
	subject string // what must not be worked on beside it
	staging string // where it unpacks
}

type turn struct {
	next, modified time.Time
	of             string // what must go one after another: see subject
	stuck          bool   // tried often enough not to hold up others of the recording
}

// before tells whether an archive is older than another one.
func (t turn) before(u turn, id, other string) bool {
	return t.modified.Before(u.modified) || t.modified.Equal(u.modified) && id < other
}

func (q *queue) init() {
	q.waiting, q.held, q.wake = map[string]turn{}, map[string]*attempt{}, make(chan struct{}, 1)
}

// leading is a record ID at the start of an archive's name.
var leading = regexp.MustCompile(`^[0-9a-f]{40}-[0-9]{13}`)

// subject is what archives have in common that must not be imported out of order: the recording, and who has sent it, so
// that no server holds up another one's.
func subject(j store.Job) string {
	if s := leading.FindString(j.ID); s != "" {
		return s + "/" + j.Server
	}
	return j.ID
}

// load lets the jobs wait that were open when the program ended.
func (q *queue) load(jobs ...store.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		q.put(j)
	}
}

func (q *queue) put(j store.Job) {
	q.waiting[j.ID] = turn{j.Next, j.Modified, subject(j), j.Attempts >= maxAttempts}
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take hands out the job whose turn it is, else it tells how long nothing will be due.
func (q *queue) take(now time.Time) (a *attempt, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, wait := "", time.Hour
	for _, candidate := range q.heads() {
		t := q.waiting[candidate]
		if due := t.next.Sub(now); due > 0 {
			wait = min(wait, due)
		} else if id == "" || q.waiting[id].before(t, id, candidate) {
			id = candidate
		}
	}
	if id == "" {
		return nil, wait
	}
	return q.hold(id), 0
}

// heads are the jobs that wait for nobody but themselves: the oldest of each recording that is not at work.
func (q *queue) heads() map[string]string {
	busy := make(map[string]bool, len(q.held))
	for _, a := range q.held {
		busy[a.subject] = true
	}
	heads := make(map[string]string, len(q.waiting))
	for id, t := range q.waiting {
		of := t.of
		if t.stuck {
			of = id
		}
		if head, ok := heads[of]; !ok || t.before(q.waiting[head], id, head) {
			heads[of] = id
		}
	}
	for of, id := range heads {
		if q.held[id] != nil || busy[q.waiting[id].of] {
			delete(heads, of)
		}
	}
	return heads
}

// hold makes somebody the holder of a job that has none.
func (q *queue) hold(id string) *attempt {
	a := &attempt{queue: q, id: id, subject: id, staging: stagingName(id)}
	if t, waits := q.waiting[id]; waits {
		a.subject = t.of
	}
	q.held[id] = a
	return a
}

// begin hands out a job, whether it waits or not, or nil while somebody else has it.
func (q *queue) begin(id string) *attempt {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[id] != nil {
		return nil
	}
	return q.hold(id)
}

// has tells whether a job waits or is at work.
func (q *queue) has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, waits := q.waiting[id]
	return waits || q.held[id] != nil
}

// await lets the job wait for its next try, from when it is given up.
func (a *attempt) await(j store.Job) {
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	a.queue.put(j)
	a.subject = subject(j)
}

// over takes the job out of what waits.
func (a *attempt) over() {
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	delete(a.queue.waiting, a.id)
}

// done gives the job up. Once it was given up, that does nothing.
func (a *attempt) done() { a.queue.release(a) }

// release gives several jobs up in one step, so that their order is known to whoever takes the next.
func (q *queue) release(list ...*attempt) {
	q.mu.Lock()
	for _, a := range list {
		if q.held[a.id] == a {
			delete(q.held, a.id)
		}
	}
	q.mu.Unlock()
	q.nudge()
}
