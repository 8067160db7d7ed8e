package past

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/store"
)

// Analyses is what of the store has what servers have told of who did what.
type Analyses interface {
	// Analysis returns one by the internal meeting ID, or store.ErrNotFound.
	Analysis(ctx context.Context, id string) (store.Analysis, error)
	// Analytics returns those of a meeting of a tenant, newest first, at most limit of them.
	Analytics(ctx context.Context, tenant, meetingID string, limit int) ([]store.Analysis, error)
}

// fewAnalyses is how many of one meeting are looked at: each may be large.
const fewAnalyses = 5

// Analysis returns the newest that was kept of a meeting, by its internal ID or the one that its front end has given it, or
// store.ErrNotFound, and the internal IDs of others that were kept under that one. Tenant is whose it must be, "" for anybody's.
func (f *Finder) Analysis(ctx context.Context, of Analyses, tenant, id string) (a store.Analysis, others []string, err error) {
	a, err = of.Analysis(ctx, id)
	if err == nil && (tenant == "" || a.Tenant == tenant) {
		return a, nil, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return a, nil, err
	}
	tenants, err := f.tenants(ctx, tenant)
	if err != nil {
		return store.Analysis{}, nil, err
	}
	a = store.Analysis{}
	for _, t := range tenants {
		list, err := of.Analytics(ctx, t, id, fewAnalyses)
		if err != nil {
			return store.Analysis{}, nil, err
		}
		for _, one := range list {
			if one.At.After(a.At) {
				a, one = one, a
			}
			if one.ID != "" {
				others = append(others, one.ID)
			}
		}
	}
	if a.ID == "" {
		return a, nil, store.ErrNotFound
	}
	return a, others, nil
}

// analytics removes what was kept of who did what in a meeting, and what of that is yet to be passed on. What is kept is not
// searched through for a person.
func (f *forgetting) analytics(ctx context.Context) error {
	if f.Meeting == "" {
		return nil
	}
	if f.DryRun {
		list, err := f.Index.Analytics(ctx, f.Tenant, f.Meeting, fewAnalyses)
		f.report.Analytics = len(list)
		return err
	}
	for {
		n, err := f.Index.EraseAnalytics(ctx, f.Tenant, f.Meeting, page)
		if f.report.Analytics += n; err != nil {
			return err
		}
		if n < page {
			return f.takeBack(ctx)
		}
	}
}

// takeBack empties what is to be passed on of who did what, or was given up: analytics, and events of webhooks.
func (f *forgetting) takeBack(ctx context.Context) error {
	filter := store.CallbackFilter{
		States: []store.CallbackState{store.CallbackWaiting, store.CallbackDead}, Tenant: f.Tenant, MeetingID: f.Meeting,
		Kinds: []store.CallbackKind{store.CallbackAnalytics, store.CallbackEvent}, Limit: takenBack,
	}
	for {
		rows, err := f.Index.Callbacks(ctx, filter)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := f.empty(ctx, row.ID); err != nil {
				return err
			}
		}
		if len(rows) < takenBack {
			return nil
		}
		filter.After = rows[len(rows)-1]
	}
}

// takenBack is how many are read at once. Each may be large.
const takenBack = 50

func (f *forgetting) empty(ctx context.Context, id string) error {
	_, err := f.Index.UpdateCallback(ctx, id, func(c *store.Callback) error {
		if c.State != store.CallbackDone {
			c.State, c.Body, c.Outcome = store.CallbackDone, nil, "its meeting was to be forgotten"
		}
		return nil
	})
	return store.Ignore(err, store.ErrNotFound)
}
