package imports

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/recordings/imports/sources"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// tellers are what tells front ends of what has come, by what there was of each recording before: what comes once more is no
// news. Of what an operator imports nobody is told who is not to be.
func (a *attempt) tellers(
	arrivals map[string]arrival, before map[string]store.Recording,
) []func(store.Recording) []store.Callback {
	if a.importer.Tell == nil || a.job.Source == fromCommand && !a.job.Notify {
		return nil
	}
	return []func(store.Recording) []store.Callback{func(r store.Recording) []store.Callback {
		was := before[r.RecordID]
		later := !was.Imported.IsZero() && was.State != store.Deleted && !a.job.Notify
		if later && len(record.MergeFormats(was.Formats, r.Formats)) == len(was.Formats) {
			return nil
		}
		return a.importer.Tell(r, arrivals[r.RecordID].session, later)
	}}
}

// Notify tells the front ends of recordings that are here, unless they were told before.
func (i *Importer) Notify(ctx context.Context, ids ...string) error {
	if i.Tell == nil {
		return nil
	}
	live, err := i.liveSessions(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := i.Index.Recording(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !record.Here(&r) {
			continue
		}
		if err != nil {
			return err
		}
		session, err := i.Owners.Asking(ctx, r, live)
		if err != nil {
			return err
		}
		if err := i.Index.AddCallbacks(ctx, i.Tell(r, session, false)...); err != nil {
			return err
		}
	}
	return nil
}

// notify tells the front ends of a source that was here already, where the operator wants that.
func (r *operatorRun) notify(c sources.Source) error {
	if !r.options.Notify {
		return nil
	}
	ids := []string{c.RecordID}
	if c.RecordID == "" {
		job, err := r.importer.Index.Job(r.ctx, c.Path)
		if err != nil {
			return store.Ignore(err, store.ErrNotFound)
		}
		ids = job.Recordings
	}
	return r.importer.Notify(r.ctx, ids...)
}
