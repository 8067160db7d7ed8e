package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/store"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// rig is a queue with the tickets that a test has got.
type rig struct {
	*queue.Queue
	held map[string]*queue.Ticket
}

func newRig(jobs ...store.Job) *rig {
	r := &rig{queue.New(), map[string]*queue.Ticket{}}
	for _, j := range jobs {
		r.Load(j)
	}
	return r
}

// begin takes a job, if nobody has it.
func (r *rig) begin(id string) bool {
	t := r.Begin(id)
	if t != nil {
		r.held[id] = t
	}
	return t != nil
}

// end takes a job out of what waits, and gives it up.
func (r *rig) end(id string) {
	r.held[id].Over()
	r.held[id].Done()
}

// of is a job whose archive is of a recording, so old.
func of(n, edition int, age time.Duration) store.Job {
	return store.Job{ID: fmt.Sprintf("%040x-%013d-%d.tar", n, 1_760_000_000_000, edition), Modified: monday.Add(-age), State: store.JobWaiting}
}

// drain takes all that is due.
func drain(q *rig, now time.Time) (ids []string) {
	for {
		t, _ := q.Take(now)
		if t == nil {
			return ids
		}
		ids, q.held[t.ID] = append(ids, t.ID), t
	}
}

func ids(jobs ...store.Job) (list []string) {
	for _, j := range jobs {
		list = append(list, j.ID)
	}
	return list
}

// Today's lesson comes before the backlog.
func TestQueue_NewestFirst(t *testing.T) {
	old, older, today := of(1, 1, time.Hour), of(2, 1, 48*time.Hour), of(3, 1, 0)
	if got, want := drain(newRig(old, older, today), monday), ids(today, old, older); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	a, b := of(1, 1, 0), of(2, 1, 0) // of one age, by name
	if got, want := drain(newRig(b, a), monday), ids(b, a); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Archives of one recording go one after another, the oldest first, while others pass them; from two servers they do not
// hold each other up.
func TestQueue_OneRecording(t *testing.T) {
	first, second, third := of(1, 1, 3*time.Hour), of(1, 2, 2*time.Hour), of(1, 3, time.Hour)
	other := of(2, 1, 5*time.Hour)
	q := newRig(third, first, other, second)
	if got, want := drain(q, monday), ids(first, other); !slices.Equal(got, want) {
		t.Errorf("at first: got %v, want %v", got, want)
	}
	q.end(first.ID)
	if got, want := drain(q, monday), ids(second); !slices.Equal(got, want) {
		t.Errorf("after the first: got %v, want %v", got, want)
	}
	second.Next = monday.Add(time.Minute) // it waits for another try, and the third for it
	q.held[second.ID].Await(second)
	q.held[second.ID].Done()
	if got := drain(q, monday); len(got) != 0 {
		t.Errorf("while the second waits: %v", got)
	}
	if got, want := drain(q, monday.Add(time.Minute)), ids(second); !slices.Equal(got, want) {
		t.Errorf("in its time: got %v, want %v", got, want)
	}

	one, two := of(3, 1, time.Hour), of(3, 2, 0)
	one.Server, two.Server = "bbb1", "bbb2"
	if got := drain(newRig(one, two), monday); len(got) != 2 {
		t.Errorf("from two servers: %v", got)
	}
}

// An archive that was tried often does not hold up others of its recording any more.
func TestQueue_Stuck(t *testing.T) {
	bad, good := of(1, 1, time.Hour), of(1, 2, 0)
	bad.Next = monday.Add(time.Hour)
	if got := drain(newRig(bad, good), monday); len(got) != 0 {
		t.Errorf("it may still come: %v", got)
	}
	bad.Attempts = 5
	if got, want := drain(newRig(bad, good), monday), ids(good); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Whoever has a job has it alone, whether it waits or not, until he gives it up.
func TestQueue_Begin(t *testing.T) {
	j := of(1, 1, 0)
	q := newRig(j)
	if !q.begin(j.ID) || q.begin(j.ID) || !q.begin("none") {
		t.Error("not alone with it")
	}
	if got := drain(q, monday); len(got) != 0 {
		t.Errorf("taken beside: %v", got)
	}
	if !q.Has(j.ID) || q.Has("nothing") {
		t.Error("unknown, or made up")
	}
	q.end(j.ID)
	if q.Has(j.ID) || !q.begin(j.ID) {
		t.Error("not over")
	}
}

// While nothing is due it is told how long that lasts.
func TestQueue_Wait(t *testing.T) {
	soon, late := of(1, 1, 0), of(2, 1, 0)
	soon.Next, late.Next = monday.Add(time.Minute), monday.Add(time.Hour)
	for _, c := range []struct {
		jobs []store.Job
		want time.Duration
	}{{nil, time.Hour}, {[]store.Job{late, soon}, time.Minute}, {[]store.Job{late}, time.Hour}} {
		if got, wait := newRig(c.jobs...).Take(monday); got != nil || wait != c.want {
			t.Errorf("%v: %v, %s", c.jobs, got, wait)
		}
	}
}

// What is staged says under which epoch; of two instances the one of the later epoch has the job.
func TestTicket_Mine(t *testing.T) {
	q := queue.New()
	q.Renew(7)
	mine := q.Begin("a")
	for staging, taken := range map[string]bool{
		mine.Staging: false, queue.Staging(6, "a"): false, queue.Staging(8, "a"): true, queue.Staging(0, "a"): false, "": false,
		"x-y": false,
	} {
		if err := mine.Mine(store.Job{Staging: staging}); errors.Is(err, queue.ErrTaken) != taken {
			t.Errorf("%q: %v", staging, err)
		}
	}
	if j := (store.Job{}); true {
		if mine.Mark(&j); queue.EpochOf(j.Staging) != 7 {
			t.Errorf("marked %q", j.Staging)
		}
	}
	alone := queue.New().Begin("a") // where there is but one instance
	j := store.Job{Staging: queue.Staging(8, "a")}
	if alone.Mark(&j); alone.Mine(j) != nil || queue.EpochOf(j.Staging) != 8 {
		t.Errorf("%v, %q", alone.Mine(j), j.Staging)
	}
}
