package recordings

import (
	"regexp"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// queue is the jobs that wait, by when they may be tried. What is due goes newest archive first: a teacher waits for
// today's lesson, nobody for the backlog. Archives of one recording go one after another, the oldest first, so that the
// newest has the last word.
type queue struct {
	mu      sync.Mutex
	waiting map[string]turn
	busy    map[string]string // and what they are about
	wake    chan struct{}
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
	q.waiting, q.busy, q.wake = map[string]turn{}, map[string]string{}, make(chan struct{}, 1)
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

// put lets jobs wait for their next try.
func (q *queue) put(jobs ...store.Job) {
	q.mu.Lock()
	for _, j := range jobs {
		q.waiting[j.ID] = turn{j.Next, j.Modified, subject(j), j.Attempts >= maxAttempts}
	}
	q.mu.Unlock()
	q.nudge()
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns the job whose turn it is and marks it busy, else how long nothing will be due.
func (q *queue) take(now time.Time) (id string, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = time.Hour
	for _, candidate := range q.heads() {
		t := q.waiting[candidate]
		if due := t.next.Sub(now); due > 0 {
			wait = min(wait, due)
		} else if id == "" || q.waiting[id].before(t, id, candidate) {
			id = candidate
		}
	}
	if id != "" {
		q.busy[id] = q.waiting[id].of
	}
	return id, wait
}

// heads are the jobs that wait for nobody but themselves: the oldest of each recording that is not at work.
func (q *queue) heads() map[string]string {
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
	for id, of := range q.busy {
		delete(heads, id)
		delete(heads, of)
	}
	return heads
}

// has tells whether a job waits or is at work.
func (q *queue) has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, waits := q.waiting[id]
	_, busy := q.busy[id]
	return waits || busy
}

// drop takes a job out that is over.
func (q *queue) drop(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

// begin marks a job busy that nobody else is at. If it waits, it goes on waiting afterwards.
func (q *queue) begin(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, busy := q.busy[id]; busy {
		return false
	}
	q.busy[id] = q.waiting[id].of // "" for one that does not wait, which goes beside everything
	return true
}

// done gives a job up.
func (q *queue) done(id string) {
	q.mu.Lock()
	delete(q.busy, id)
	q.mu.Unlock()
	q.nudge()
}
