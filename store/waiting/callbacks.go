package waiting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// AddCallbacks keeps for later what front ends are to be told, while the index is away.
func (x *Index) AddCallbacks(ctx context.Context, list ...store.Callback) error {
	err := x.direct(ctx, func() error { return x.config.Index.AddCallbacks(ctx, list...) })
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	pairs, wrong := pairsOf(rows.Callbacks, list)
	if wrong != nil {
		return wrong
	}
	return x.surely(ctx, callCallbacks, entry{Tell: pairs})
}

// errNoRoom is that the journal is full.
var errNoRoom = fmt.Errorf("%w: as much waits for the index as may", store.ErrAway)

// surely is later for what somebody else still has, and can tell again: whoever writes is told where it did not fit.
func (x *Index) surely(ctx context.Context, call string, e entry) error {
	w, err := x.later(ctx, call, e)
	if err == nil && w.ID == "" {
		return errNoRoom
	}
	return err
}

// KeepAnalysis keeps for later what a server has told, while the index is away.
func (x *Index) KeepAnalysis(ctx context.Context, a store.Analysis) error {
	err := x.direct(ctx, func() error { return x.config.Index.KeepAnalysis(ctx, a) })
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	row, wrong := pairOf(rows.Analytics, a)
	if wrong != nil {
		return wrong
	}
	return x.surely(ctx, callAnalysis, entry{Row: &row})
}

type callbackRole struct{ x *Index }

func (r callbackRole) Callbacks(ctx context.Context, f store.CallbackFilter) ([]store.Callback, error) {
	return ask(ctx, r.x, func() ([]store.Callback, error) { return r.x.config.Index.Callbacks(ctx, f) })
}

func (r callbackRole) Callback(ctx context.Context, id string) (store.Callback, error) {
	return ask(ctx, r.x, func() (store.Callback, error) { return r.x.config.Index.Callback(ctx, id) })
}

func (r callbackRole) UpdateCallback(
	ctx context.Context, id string, change func(*store.Callback) error,
) (store.Callback, error) {
	return ask(ctx, r.x, func() (store.Callback, error) { return r.x.config.Index.UpdateCallback(ctx, id, change) })
}

func (r callbackRole) DeleteCallbacks(
	ctx context.Context, state store.CallbackState, t time.Time, after store.Callback, limit int,
) (store.Callback, error) {
	return ask(ctx, r.x, func() (store.Callback, error) { return r.x.config.Index.DeleteCallbacks(ctx, state, t, after, limit) })
}

type hookRole struct{ x *Index }

func (r hookRole) Hooks(ctx context.Context) ([]store.Hook, error) {
	return ask(ctx, r.x, func() ([]store.Hook, error) { return r.x.config.Index.Hooks(ctx) })
}

func (r hookRole) CreateHook(ctx context.Context, h store.Hook) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.CreateHook(ctx, h) })
}

func (r hookRole) DeleteHook(ctx context.Context, id string) error {
	return tell(ctx, r.x, func() error { return r.x.config.Index.DeleteHook(ctx, id) })
}

type analyticsRole struct{ x *Index }

func (r analyticsRole) Analysis(ctx context.Context, id string) (store.Analysis, error) {
	return ask(ctx, r.x, func() (store.Analysis, error) { return r.x.config.Index.Analysis(ctx, id) })
}

func (r analyticsRole) Analytics(ctx context.Context, tenant, meetingID string, limit int) ([]store.Analysis, error) {
	return ask(ctx, r.x, func() ([]store.Analysis, error) { return r.x.config.Index.Analytics(ctx, tenant, meetingID, limit) })
}

func (r analyticsRole) DeleteAnalytics(ctx context.Context, t time.Time, limit int) (int, error) {
	return ask(ctx, r.x, func() (int, error) { return r.x.config.Index.DeleteAnalytics(ctx, t, limit) })
}

func (r analyticsRole) EraseAnalytics(ctx context.Context, tenant, meetingID string, limit int) (int, error) {
	return ask(ctx, r.x, func() (int, error) { return r.x.config.Index.EraseAnalytics(ctx, tenant, meetingID, limit) })
}
