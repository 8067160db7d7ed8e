package owed

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/store"
)

// unmarked is what a server tells of a meeting of which nothing was marked for recording: it makes no recording of it.
const unmarked = "false"

// Unmarked is for a meeting of which its server has told that nothing was marked: what was owed of it is not, where nothing has
// arrived. Whoever can say so may be lying, so a recording that comes all the same is imported like any other.
func (d *Debts) Unmarked(ctx context.Context, recordID string) error {
	r, err := d.Index.Recording(ctx, recordID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !onlyExpected(r) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Files.Hold(recordID).Release()
	_, err = d.Index.UpdateRecording(ctx, r.Tenant, recordID, func(r *store.Recording) error {
		if !onlyExpected(*r) {
			return errUnchanged
		}
		r.Owed = nil
		return nil
	})
	if errors.Is(err, errUnchanged) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d.Log.Info().Str("recordID", recordID).Str("meetingID", r.MeetingID).Str("tenant", r.Tenant).Str("server", r.Server).
		Msg("no recording of this meeting is expected: nothing of it was marked")
	return d.Index.DeleteRecording(ctx, recordID)
}

// onlyExpected tells whether nothing of a recording is known but that its meeting was to be recorded.
func onlyExpected(r store.Recording) bool {
	return r.Imported.IsZero() && r.Owed != nil && r.Owed.Step == store.OwedEnded && r.State != store.Deleted && len(r.Formats) == 0
}
