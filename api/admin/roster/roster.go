package roster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Pool is what the roster tells of servers, and asks about them.
type Pool interface {
	// SetServer adds a server, or changes it.
	SetServer(s store.Server)
	// RemoveServer takes a server out and closes its claims. Its error says which of them could not be closed.
	RemoveServer(ctx context.Context, id string) error
	// Server returns the status of one server.
	Server(id string) (poller.Status, bool)
}

// Claims is what the roster asks and tells the ledger.
type Claims interface {
	// Meetings returns all meetings, by tenant and ID.
	Meetings() []placement.Info
	// Peek returns where a meeting is, or placement.ErrUnknown.
	Peek(key store.MeetingKey) (placement.Found, error)
	// Close turns a claim into a session. It returns false for one that has changed, or is just being created.
	Close(ctx context.Context, c store.Claim, reason string) (bool, error)
	// Over tells whether what a server lists is a meeting that somebody has ended, whatever the server says.
	Over(server string, s placement.Sighting) bool
	// Capacity tells what the pool carries now.
	Capacity() placement.Capacity
}

// Roster changes the servers of a pool. Its fields must be set before its first use.
type Roster struct {
	Records  store.Servers
	Pool     Pool
	Claims   Claims
	Examiner *Examiner
	Endings  *Endings
	// Owed returns the recordings that servers have still to deliver; nil in a pool without recordings.
	Owed func(ctx context.Context) ([]recordings.Owing, error)
	Now  func() time.Time
	Log  zerolog.Logger

	testing sync.Map   // IDs of servers that are being tested
	joining sync.Mutex // from the search for a server's other names to its arrival in the pool
	writing sync.Mutex // from the write of a server's record to its arrival in the pool
}

// Record returns the record of a server.
func (r *Roster) Record(ctx context.Context, id string) (store.Server, error) {
	s, err := r.Records.Server(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return s, NoServer(id)
	}
	return s, err
}

// Status returns the status of a server.
func (r *Roster) Status(id string) (poller.Status, error) {
	s, ok := r.Pool.Server(id)
	if !ok {
		return s, NoServer(id)
	}
	return s, nil
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
func (r *Roster) clash(ctx context.Context, record store.Server, self string) (taken map[string]bool, err error) {
	servers, err := r.Records.Servers(ctx)
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

// turn writes records. There is one at a time, and it exists only within [Roster.inTurn]. The caller hanging up does not stop
// half of what it does.
type turn struct{ roster *Roster }

// inTurn has something written while nobody else writes. It waits for the turns before.
func (r *Roster) inTurn(ctx context.Context, do func(context.Context, turn) error) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	return do(context.WithoutCancel(ctx), turn{r})
}

// write changes a record and tells the pool.
func (t turn) write(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	record, err := t.roster.Records.UpdateServer(ctx, id, change)
	if errors.Is(err, store.ErrNotFound) {
		return record, NoServer(id)
	}
	if err != nil {
		return record, err
	}
	t.roster.Pool.SetServer(record)
	return record, nil
}

// insert stores a new server under an ID that nobody has, and tells the pool.
func (t turn) insert(ctx context.Context, record *store.Server) error {
	taken, err := t.roster.clash(ctx, *record, "")
	if err != nil {
		return err
	}
	if record.ID == "" {
		record.ID = deriveID(record.URL, taken)
	}
	if err := t.roster.Records.CreateServer(ctx, *record); err != nil {
		return err
	}
	t.roster.Pool.SetServer(*record)
	return nil
}

// update changes a record and tells the pool.
func (r *Roster) update(ctx context.Context, id string, change func(*store.Server) error) (record store.Server, err error) {
	err = r.inTurn(ctx, func(ctx context.Context, t turn) error {
		record, err = t.write(ctx, id, change)
		return err
	})
	return record, err
}

// move is an update after which a server has an address that no other server may have.
func (r *Roster) move(
	ctx context.Context, after store.Server, change func(*store.Server) error,
) (record store.Server, err error) {
	record = after
	err = r.inTurn(ctx, func(ctx context.Context, t turn) error {
		if _, err := r.clash(ctx, after, after.ID); err != nil {
			return err
		}
		record, err = t.write(ctx, after.ID, change)
		return err
	})
	return record, err
}

// enter lets a server into the pool at an address that was not its own before, unless it is there under another name. What is
// to be said of that is added to the warning. It waits for those that enter at the same time.
func (r *Roster) enter(ctx context.Context, s store.Server, force bool, warning *string, arrive func() error) error {
	r.joining.Lock()
	defer r.joining.Unlock()
	more, err := r.Examiner.distinct(ctx, s, force)
	if err != nil {
		return err
	}
	*warning = both(*warning, more)
	return arrive()
}

// join takes a new server into the pool, as enter does.
func (r *Roster) join(ctx context.Context, record *store.Server, force bool, warning *string) error {
	return r.enter(ctx, *record, force, warning, func() error {
		return r.inTurn(ctx, func(ctx context.Context, t turn) error { return t.insert(ctx, record) })
	})
}

// both are two things to say, of which each may be missing.
func both(one, more string) string {
	if one != "" && more != "" {
		return one + "; " + more
	}
	return one + more
}

// Remove forgets a server. As long as it has people or meetings, or owes recordings, somebody has to insist, whatever its
// state and health are: nobody would find the ones any more, and nobody would wait for the others.
func (r *Roster) Remove(ctx context.Context, id string, force bool) error {
	return r.inTurn(ctx, func(ctx context.Context, _ turn) error {
		left, err := r.left(ctx, id)
		if err != nil {
			return err
		}
		if !force && !left.nothing() {
			return v1.Conflict("server %s %s: bbbpool server drain --wait %s waits for the end of that, and disables it; --force "+
				"removes it now, and %s", id, left.has(), id, left.follows())
		}
		if err := r.Records.DeleteServer(ctx, id); err != nil {
			return err
		}
		return r.Pool.RemoveServer(ctx, id)
	})
}
