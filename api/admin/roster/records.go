package roster

import (
	"context"
	"errors"
	"sync"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Records are those of the servers of a pool. Each change of one reaches the pool before the next is made.
type Records struct {
	Store store.Servers
	Pool  Follower
	// Changed is called when a record has been written, so that other instances read them again; nil if nobody does.
	Changed func()

	writing sync.Mutex // from the write of a record to its arrival in the pool
}

// Follower is told of every change.
type Follower interface {
	// SetServer adds a server, or changes it.
	SetServer(s store.Server)
	// RemoveServer takes a server out and closes its claims. Its error says which of them could not be closed.
	RemoveServer(ctx context.Context, id string) error
}

// Get returns the record of a server.
func (r *Records) Get(ctx context.Context, id string) (store.Server, error) {
	s, err := r.Store.Server(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return s, NoServer(id)
	}
	return s, err
}

// NoServer refuses what is asked of a server that is not there.
func NoServer(id string) *v1.Error {
	return v1.NotFound("there is no server %q: bbbpool server list shows those there are", id)
}

// inPool refuses an address that a server has.
func inPool(s store.Server) *v1.Error {
	return v1.Exists("%s is in the pool already, as server %s", s.URL, s.ID)
}

// clash tells whether a server other than self has the ID or the URL already, and returns all IDs that are taken.
func (r *Records) clash(ctx context.Context, record store.Server, self string) (taken map[string]bool, err error) {
	servers, err := r.Store.Servers(ctx)
	if err != nil {
		return nil, err
	}
	taken = make(map[string]bool, len(servers))
	for _, s := range servers {
		taken[s.ID] = true
		switch {
		case s.ID == self:
		case s.ID == record.ID:
			return nil, v1.Exists("there is a server %s already: choose another ID", s.ID)
		case s.URL == record.URL:
			return nil, inPool(s)
		}
	}
	return taken, nil
}

// turn writes records. There is one at a time, and it exists only within [Records.inTurn].
type turn struct{ records *Records }

// inTurn has something written while nobody else writes. It waits for the turns before; the caller hanging up does not stop
// half of it.
func (r *Records) inTurn(ctx context.Context, do func(context.Context, turn) error) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	return do(context.WithoutCancel(ctx), turn{r})
}

// write changes a record and tells the pool.
func (t turn) write(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	record, err := t.records.Store.UpdateServer(ctx, id, change)
	if errors.Is(err, store.ErrNotFound) {
		return record, NoServer(id)
	}
	if err != nil {
		return record, err
	}
	t.records.Pool.SetServer(record)
	t.changed()
	return record, nil
}

// insert stores a new server under an ID that nobody has, and tells the pool.
func (t turn) insert(ctx context.Context, record *store.Server) error {
	taken, err := t.records.clash(ctx, *record, "")
	if err != nil {
		return err
	}
	if record.ID == "" {
		record.ID = deriveID(record.URL, taken)
	}
	if err := t.records.Store.CreateServer(ctx, *record); err != nil {
		return err
	}
	t.records.Pool.SetServer(*record)
	t.changed()
	return nil
}

// remove forgets a server, and has the pool forget it.
func (t turn) remove(ctx context.Context, id string) error {
	if err := t.records.Store.DeleteServer(ctx, id); err != nil {
		return err
	}
	t.changed()
	return t.records.Pool.RemoveServer(ctx, id)
}

// changed tells others that a record was written.
func (t turn) changed() {
	if t.records.Changed != nil {
		t.records.Changed()
	}
}

// insert takes a new server in, in turn.
func (r *Records) insert(ctx context.Context, record *store.Server) error {
	return r.inTurn(ctx, func(ctx context.Context, t turn) error { return t.insert(ctx, record) })
}

// update changes a record, in turn.
func (r *Records) update(ctx context.Context, id string, change func(*store.Server) error) (record store.Server, err error) {
	err = r.inTurn(ctx, func(ctx context.Context, t turn) error {
		record, err = t.write(ctx, id, change)
		return err
	})
	return record, err
}

// move is an update after which a server has an address that no other server may have.
func (r *Records) move(
	ctx context.Context, after store.Server, change func(*store.Server) error,
) (record store.Server, err error) {
	record = after
	err = r.inTurn(ctx, func(ctx context.Context, t turn) error {
		if _, err := t.records.clash(ctx, after, after.ID); err != nil {
			return err
		}
		record, err = t.write(ctx, after.ID, change)
		return err
	})
	return record, err
}
