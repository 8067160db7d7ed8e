package admin

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
)

// recordingSums counts the recordings, and what is on its way. It is nil in a pool without.
func (a *API) recordingSums(ctx context.Context) (*RecordingSums, error) {
	if a.Recordings == nil {
		return nil, nil //nolint:nilnil // there is nothing to count
	}
	sums := &RecordingSums{}
	counts, err := a.Recordings.Counts(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		sums.add(c)
	}
	jobs, err := a.Recordings.Jobs(ctx, store.JobFilter{States: []store.JobState{
		store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobFailed,
	}})
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if j.State == store.JobFailed {
			sums.Failed++
		} else {
			sums.Importing++
		}
	}
	owed, err := a.Recordings.Owed(ctx)
	if err != nil {
		return nil, err
	}
	sums.Owed = len(owed)
	for _, o := range owed {
		if o.Overdue {
			sums.Overdue++
		}
	}
	return sums, nil
}

func (s *RecordingSums) add(c store.RecordingCount) {
	switch c.State {
	case store.Published:
		s.Published += c.Count
	case store.Unpublished:
		s.Unpublished += c.Count
	case store.Processing, store.Processed:
		s.Processing += c.Count
	case store.Awaited:
		return // perhaps there will be none
	case store.Deleted:
		s.Deleted += c.Count
		return // their bytes are on their way out
	}
	s.Bytes += c.Bytes
}

// problems says in words what somebody has to look at, beside the archives.
func (s *RecordingSums) problems() (list []string) {
	if s == nil {
		return nil
	}
	if s.Overdue > 0 {
		list = append(list, count(s.Overdue, "recording is", "recordings are")+
			" overdue: bbbpool recording list --owed says where they are")
	}
	return list
}
