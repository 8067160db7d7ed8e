package owed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Owing is a recording that a server owes, with the age of the step.
type Owing struct {
	store.Recording
	Age     time.Duration // since the meeting ended
	Step    time.Duration // since the present step began
	Overdue bool
}

// onTheirWay are the states of jobs whose archives are here.
var onTheirWay = []store.JobState{store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobFailed}

// Owed returns what servers owe, the oldest first.
func (d *Debts) Owed(ctx context.Context) ([]Owing, error) {
	owed, err := d.Index.OwedRecordings(ctx)
	if err != nil {
		return nil, fmt.Errorf("list what is owed: %w", err)
	}
	list, _ := d.owing(ctx, owed)
	return list, nil
}

// owing completes what is owed by what is here already, and tells how many rows of the store that is made of.
func (d *Debts) owing(ctx context.Context, owed []store.Recording) (list []Owing, rows int) {
	jobs, err := d.Jobs.Jobs(ctx, store.JobFilter{States: onTheirWay})
	arrived := map[string]store.Job{} // none, if they cannot be read: then it counts as on its way
	if err == nil {
		for _, j := range jobs {
			arrived[record.LeadingID(j.ID)] = j
		}
	}
	now := d.Now()
	list = make([]Owing, 0, len(owed))
	for _, r := range owed {
		if j, ok := arrived[r.RecordID]; ok {
			seen := *r.Owed // what is stored stays as the server has told it
			seen.Step, seen.Since = store.OwedArrived, j.Created
			r.Owed = &seen
		}
		o := Owing{Recording: r, Age: record.Age(now, r.Owed.Ended), Step: record.Age(now, r.Owed.Since)}
		o.Overdue = o.Age > d.Overdue && r.Owed.Step != store.OwedMissing
		list = append(list, o)
	}
	slices.SortStableFunc(list, func(a, b Owing) int { return a.Owed.Ended.Compare(b.Owed.Ended) })
	return list, len(owed) + len(jobs)
}

func (d *Debts) setLast(list []Owing, rows int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last, d.rows, d.seen = list, rows, d.Now()
}

// Last is what servers owed when they were asked last, from memory.
func (d *Debts) Last() []Owing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// fewRows is how many rows of the store are read each time that somebody asks for problems, as the program itself does every
// few seconds.
const fewRows = 1000

// lately returns what servers owe; where that takes very many rows, as Pursue has seen it a moment ago.
func (d *Debts) lately(ctx context.Context) ([]Owing, error) {
	d.mu.Lock()
	last, rows, seen := d.last, d.rows, d.seen
	d.mu.Unlock()
	if rows > fewRows && d.Now().Sub(seen) < 2*pulse {
		return last, nil
	}
	return d.Owed(ctx)
}

// Problems says how many recordings are overdue. It reads the store within ctx, unless that takes very many rows; that
// the store does not answer is said elsewhere.
func (d *Debts) Problems(ctx context.Context) []problems.Problem {
	owed, err := d.lately(ctx)
	overdue := 0
	for _, o := range owed {
		if o.Overdue {
			overdue++
		}
	}
	if err != nil || overdue == 0 {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Late, Subject: problems.Subject{Kind: problems.Import}, Name: "overdue",
		Text:   quantity.Count(overdue, "recording is", "recordings are") + " overdue:",
		Remedy: "bbbpool recording list --owed says where they are",
	}}
}
