package tenancy

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Report is what a sync has done or, before it is performed, would do.
func (s *Sync) Report() v1.Synced { return s.report(func(*step) bool { return true }) }

// report tells of those steps that are wanted.
func (s *Sync) report(wanted func(*step) bool) v1.Synced {
	report := v1.Synced{DryRun: s.dry, Changes: []v1.SyncChange{}}
	for _, step := range s.steps {
		if wanted(step) {
			report.Changes = append(report.Changes, step.change)
		}
	}
	return report
}

// Perform takes the steps, unless they were only to be shown, and returns what has become of the tenants. A step that fails is
// noted, and stops no other; whoever hangs up ends the sync after the one that is under way, and the report beside the error is
// of those until then. Those that go, go first, and one whose name, host or secret another still has waits for that one to give
// it up. Said tells what an error says to whoever has asked.
func (t *Tenancy) Perform(
	ctx context.Context, s *Sync, log *zerolog.Logger, said func(error) string, tell func(v1.Progress),
) (v1.Synced, error) {
	if s.dry {
		return s.Report(), nil
	}
	w := &syncing{tenancy: t, log: log, said: said, tell: tell, left: ctx.Err, total: len(s.steps)}
	var cut error // nobody waits for the rest; what was done by then is brought into force all the same
	err := t.inTurn(ctx, func(ctx context.Context, turn *turn) error {
		w.turn = turn
		cut = w.perform(ctx, s.steps)
		return nil
	})
	if err = errors.Join(cut, err); err != nil {
		return s.report(func(one *step) bool { return one.taken }), err
	}
	return s.Report(), nil
}

// syncing is a sync at work: one turn, so that all of it is in force at once.
type syncing struct {
	tenancy *Tenancy
	turn    *turn
	log     *zerolog.Logger
	said    func(error) string
	tell    func(v1.Progress)
	left    func() error // why whoever has asked waits no longer; nil while he does

	total, done int
}

// perform takes the steps as long as somebody waits for that.
func (w *syncing) perform(ctx context.Context, steps []*step) error {
	open := slices.Clone(steps)
	slices.SortStableFunc(open, func(x, y *step) int { return before(x.after.ID != "", y.after.ID != "") })
	for stuck := false; len(open) > 0; {
		var waiting []*step
		for _, step := range open {
			if err := w.left(); err != nil {
				return err
			}
			err := w.take(ctx, step)
			if clashing(err) && !stuck {
				waiting = append(waiting, step)
				continue
			}
			w.note(step, err)
		}
		stuck = len(waiting) == len(open) // each waits for another
		open = waiting
	}
	return nil
}

// clashing tells whether a step failed for what another tenant has.
func clashing(err error) bool {
	e, ok := err.(*v1.Error) //nolint:errorlint // what take returns is not wrapped
	return ok && e.Code == v1.CodeExists
}

// note notes how a step went.
func (w *syncing) note(step *step, err error) {
	step.taken = true
	if err != nil {
		step.change.Action, step.change.Error = syncFailed, w.said(err)
	}
	w.log.Info().Str("tenant", step.change.ID).Str("action", step.change.Action).Strs("changed", step.change.Fields).
		Str("warning", step.change.Warning).Str("problem", step.change.Error).Msg("tenant synced")
	w.done++
	w.tell(v1.Progress{Done: w.done, Total: w.total, Current: step.change.ID, Problem: step.change.Error})
}

// take takes a step.
func (w *syncing) take(ctx context.Context, s *step) error {
	switch {
	case s.after.ID == "":
		return w.dismiss(ctx, s)
	case s.before.ID == "":
		return w.turn.insert(ctx, s.after)
	}
	_, err := w.turn.write(ctx, s.after.ID, s.apply)
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
func (w *syncing) dismiss(ctx context.Context, s *step) error {
	_, left, err := w.tenancy.dismiss(ctx, w.turn, s.change.ID, false)
	if refusedForMeetings(err) {
		s.change.Action, s.change.Warning = syncDisabled, "it has "+v1.Running(left.Meetings, left.People)+": a later sync removes it"
		_, err = w.turn.write(ctx, s.change.ID, func(t *store.Tenant) error {
			t.Disabled = true
			return nil
		})
		return err
	}
	s.change.Warning = strings.Join(left.Left(), "; ")
	return err
}
