package imports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// Names of the problems that imports can have.
const (
	Crowded     = "crowded"     // all wait for room
	Ignored     = "ignored"     // something lies in the spool that nothing takes
	Quarantined = "quarantined" // archives that are not imported
	Failing     = "failing"     // archives that are tried again
)

// Problems says what is wrong with imports. What it reads from the store it reads within ctx, and it does not wait for a
// disk that does not answer. While there are very many jobs, it may be what was so some seconds ago.
func (i *Importer) Problems(ctx context.Context) []problems.Problem {
	list := slices.Concat(i.crowdedProblem(), i.awayProblem(), i.ignoredProblem(ctx), i.badArchives(ctx))
	for n := range list {
		list[n].Subject = problems.Subject{Kind: problems.Import}
	}
	return list
}

func (i *Importer) crowdedProblem() []problems.Problem {
	if i.gate.Left(i.Now()) == 0 {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Stuck, Name: Crowded, Logged: true, Cause: problems.NoSpace,
		Text: "imports wait for room:", Remedy: "bbbpool recording jobs says for how much",
	}}
}

// ignoredProblem says that something lies in the spool which nothing takes.
func (i *Importer) ignoredProblem(ctx context.Context) []problems.Problem {
	ignored := i.glance.of(ctx, i.ignored)
	if len(ignored) == 0 {
		return nil
	}
	more := ""
	if n := len(ignored) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more (bbbpool recording jobs)", n)
	}
	return []problems.Problem{{
		Severity: problems.Stuck, Name: Ignored,
		Text: fmt.Sprintf("in the spool, and nothing takes it: %s %s%s", ignored[0].ID, ignored[0].Reason, more),
	}}
}

// fewJobs is how many jobs are read each time that somebody asks for problems, as the program itself does every few seconds.
// Where there are more, what was found in them is told again for badFor.
const (
	fewJobs = 1000
	badFor  = 15 * time.Second
)

// badOnes is what was found in jobs when those were many.
type badOnes struct {
	mu    sync.Mutex
	found []problems.Problem
	until time.Time // until when it is told again
}

// told returns what was found in jobs, if that need not be looked for again yet.
func (b *badOnes) told(now time.Time) (found []problems.Problem, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.found, now.Before(b.until)
}

func (b *badOnes) keep(found []problems.Problem, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.found, b.until = found, until
}

// badArchives names the archives that are in quarantine, and those that could not be imported so far. That the store does
// not answer is said elsewhere.
func (i *Importer) badArchives(ctx context.Context) (list []problems.Problem) {
	now, read := i.Now(), 0
	if told, ok := i.bad.told(now); ok {
		return told
	}
	for _, kind := range []struct {
		state          store.JobState
		name           string
		one, many      string
		withoutAttempt bool
	}{
		{
			store.JobFailed, Quarantined, "archive is in quarantine, and not imported",
			"archives are in quarantine, and not imported", true,
		},
		{
			store.JobWaiting, Failing, "archive cannot be imported, and is tried again",
			"archives cannot be imported, and are tried again", false,
		},
	} {
		jobs, err := i.Jobs(ctx, store.JobFilter{States: []store.JobState{kind.state}})
		if err != nil {
			return list
		}
		read += len(jobs)
		if !kind.withoutAttempt {
			jobs = slices.DeleteFunc(jobs, func(j store.Job) bool { return j.Attempts == 0 || j.Reason == "" })
		}
		if len(jobs) == 0 {
			continue
		}
		list = append(list, problems.Problem{
			Severity: problems.Late, Name: kind.name, Logged: true,
			Text:   quantity.Count(len(jobs), kind.one, kind.many) + ": " + quantity.Some(reasons(jobs)),
			Remedy: "bbbpool recording jobs says more",
		})
	}
	if read > fewJobs {
		i.bad.keep(list, now.Add(badFor))
	}
	return list
}

// reasons says of jobs what is wrong with each.
func reasons(jobs []store.Job) (list []string) {
	for _, j := range jobs {
		list = append(list, fmt.Sprintf("%s (%s)", j.ID, cut(j.Reason)))
	}
	return list
}

// cut shortens a reason to what fits in a list.
func cut(reason string) string {
	const most = 120
	if runes := []rune(reason); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return cmp.Or(reason, "no reason is known")
}
