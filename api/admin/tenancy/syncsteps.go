package tenancy

import (
	"context"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Report is what a sync has done or, before it is performed, would do.
func (s *Sync) Report() v1.Synced {
	report := v1.Synced{DryRun: s.dry, Changes: []v1.SyncChange{}}
	for _, step := range s.steps {
		report.Changes = append(report.Changes, step.change)
	}
	return report
}

// Perform takes the steps, unless they were only to be shown, and returns what has become of the tenants. A step that fails is
// noted, and stops no other; whoever hangs up ends the sync after the one that is under way. Those that go, go first, and one
// whose name, host or secret another still has waits for that one to give it up. Said tells what an error says to whoever has
// asked.
func (t *Tenancy) Perform(
	ctx context.Context, s *Sync, log *zerolog.Logger, said func(error) string, tell func(v1.Progress),
) (v1.Synced, error) {
	if s.dry {
		return s.Report(), nil
	}
	open := slices.Clone(s.steps)
	slices.SortStableFunc(open, func(x, y *step) int { return before(x.after.ID != "", y.after.ID != "") })
	for done := 0; len(open) > 0; {
		var waiting []*step
		for _, step := range open {
			if ctx.Err() != nil {
				return v1.Synced{}, ctx.Err()
			}
			err := t.take(ctx, step)
			if clashing(err) {
				waiting = append(waiting, step)
				continue
			}
			done++
			note(step, err, log, said)
			tell(v1.Progress{Done: done, Total: len(s.steps), Current: step.change.ID, Problem: step.change.Error})
		}
		if len(waiting) == len(open) { // each waits for another
			for _, step := range waiting {
				note(step, t.take(ctx, step), log, said)
			}
			break
		}
		open = waiting
	}
	return s.Report(), nil
}

// clashing tells whether a step failed for what another tenant has.
func clashing(err error) bool {
	e, ok := err.(*v1.Error) //nolint:errorlint // what take returns is not wrapped
	return ok && e.Code == v1.CodeExists
}

// note notes how a step went.
func note(step *step, err error, log *zerolog.Logger, said func(error) string) {
	if err != nil {
		step.change.Action, step.change.Error = syncFailed, said(err)
	}
	log.Info().Str("tenant", step.change.ID).Str("action", step.change.Action).Strs("changed", step.change.Fields).
		Str("warning", step.change.Warning).Str("problem", step.change.Error).Msg("tenant synced")
}

// take takes a step.
func (t *Tenancy) take(ctx context.Context, s *step) error {
	switch {
	case s.after.ID == "":
		return t.dismiss(ctx, s)
	case s.before.ID == "":
		return t.create(ctx, s.after)
	}
	c, err := t.change(ctx, s.after.ID, s.apply)
	t.forget(ctx, c)
	return err
}

// apply makes the change to a record, unless that is not what it was when the sync began.
func (s *step) apply(now *store.Tenant) error {
	if len(Differences(s.before, *now)) > 0 || !slices.Equal(s.before.Params, now.Params) {
		return v1.Conflict("tenant %s was changed meanwhile: sync again", s.before.ID)
	}
	*now = copied(s.after)
	return nil
}

// dismiss removes a tenant. One of which a meeting has begun meanwhile is disabled instead.
func (t *Tenancy) dismiss(ctx context.Context, s *step) error {
	_, left, err := t.Remove(ctx, s.change.ID, false)
	if refusedForMeetings(err) {
		s.change.Action, s.change.Warning = syncDisabled, "it has "+v1.Running(left.Meetings, left.People)+": a later sync removes it"
		_, err = t.SetDisabled(ctx, s.change.ID, true)
		return err
	}
	s.change.Warning = strings.Join(left.Left(), "; ")
	return err
}
