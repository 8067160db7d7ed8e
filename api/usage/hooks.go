package usage

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/store"
)

// moved is the reason of a stay that went on elsewhere, where the meeting counts.
const moved = "moved"

// Keeping keeps the session of a stay that is over, and what is written along with it, both or neither. It may fail with what
// it does besides.
type Keeping = func(ctx context.Context, c store.Claim, s store.Session, along ...store.Along) error

// Sessions is the history, as far as it tells whether a meeting was counted before.
type Sessions interface {
	// Session returns one session, or store.ErrNotFound.
	Session(ctx context.Context, id string) (store.Session, error)
}

// Counted is keep, as placement's Parts.Remember, and counts each meeting that is over once: a stay that is told of again, or
// that goes on after it was taken for over, is known by its session. A history that is away cannot tell: then the session waits
// with what it counts, and whoever writes it finds out whether it was counted before (store/waiting).
func (a *Accounts) Counted(history Sessions, keep Keeping) func(context.Context, store.Claim, store.Session) error {
	return func(ctx context.Context, c store.Claim, s store.Session) error {
		known, err := history.Session(ctx, s.ID)
		fresh := errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAway)
		if err != nil && !fresh {
			return err
		}
		if s.Reason == moved || c.Breakout || !fresh && (!same(known, s) || known.Reason != moved) {
			return keep(ctx, c, s)
		}
		u := store.Usage{Day: a.date(s.Start), Tenant: s.Tenant, Meetings: 1}
		err = keep(ctx, c, s, store.Along{Used: []store.Usage{u}})
		if err == nil || kept(ctx, history, s) {
			a.counts.added(u)
		}
		return err
	}
}

// same tells whether two sessions are of one tenant's stay on one server.
func same(one, other store.Session) bool {
	return one.Tenant == other.Tenant && one.Server == other.Server
}

// kept tells whether a session is in the history as the end of its meeting.
func kept(ctx context.Context, history Sessions, s store.Session) bool {
	known, err := history.Session(context.WithoutCancel(ctx), s.ID)
	return err == nil && same(known, s) && known.Reason != moved
}

// Index is an index that counts recordings where they are committed. All else goes to the one below, untouched.
func (a *Accounts) Index(below store.Index) store.Index { return counting{below, a} }

type counting struct {
	store.Index

	accounts *Accounts
}

// had is what there was of a recording before.
type had struct {
	here, deleted bool
	bytes         int64
}

// Commit counts what has arrived, once it is stored.
func (c counting) Commit(
	ctx context.Context, job store.Job, recordIDs []string, change func(*store.Recording) error,
	tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	before := map[string]had{}
	list, err := c.Index.Commit(ctx, job, recordIDs, func(r *store.Recording) error {
		before[r.RecordID] = had{!r.Imported.IsZero(), r.State == store.Deleted, bytesOf(*r)} // perhaps twice
		return change(r)
	}, tell...)
	if err != nil {
		return list, err
	}
	for _, r := range list {
		was := before[r.RecordID]
		u := store.Usage{Day: c.accounts.Today(), Tenant: r.Tenant, Bytes: max(0, bytesOf(r)-was.bytes)}
		if !was.here {
			u.Recordings = 1
		}
		if !was.deleted && (u.Bytes > 0 || u.Recordings > 0) { // else it is brought back, and was counted
			c.accounts.add(ctx, u)
		}
	}
	return list, nil
}

// bytesOf is what a recording takes in the library.
func bytesOf(r store.Recording) (bytes int64) {
	for _, f := range r.Formats {
		bytes += f.Bytes
	}
	return bytes
}
