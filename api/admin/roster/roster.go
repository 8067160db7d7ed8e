package roster

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Pool is what the roster asks about servers.
type Pool interface {
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
	Config   Config
	Records  *Records
	Pool     Pool
	Claims   Claims
	Examiner *Examiner
	Endings  *Endings
	Debts    Debts // nil in a pool without recordings
	Now      func() time.Time
	Log      zerolog.Logger

	testing sync.Map   // IDs of servers that are being tested
	joining sync.Mutex // from the search for a server's other names to its arrival in the pool
}

// Status returns the status of a server.
func (r *Roster) Status(id string) (poller.Status, error) {
	s, ok := r.Pool.Server(id)
	if !ok {
		return s, NoServer(id)
	}
	return s, nil
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
	return r.enter(ctx, *record, force, warning, func() error { return r.Records.insert(ctx, record) })
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
	return r.Records.inTurn(ctx, func(ctx context.Context, t turn) error {
		left, err := r.leftovers(ctx, id)
		if err != nil {
			return err
		}
		if !force && !left.nothing() {
			return v1.Conflict("server %s %s: bbbpool server drain --wait %s waits for the end of that, and disables it; --force "+
				"removes it now, and %s", id, left.has(), id, left.follows())
		}
		return t.remove(ctx, id)
	})
}
