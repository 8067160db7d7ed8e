package roster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// endDeadline is how long a server may take to end a meeting, and a create that is under way to let it be ended.
const endDeadline = 10 * time.Second

// Endings end meetings on the servers that may have them.
type Endings struct {
	Pool   Servers
	Ledger Ender
	May    Authority // asked before each call that ends something; nil where there is one instance
}

// Servers is what endings need of the poller.
type Servers interface {
	// Copies returns every server that may have a meeting, whether it answers now or not, and the meeting as it was last
	// seen there: where it is claimed first. What is over is not among them.
	Copies(key store.MeetingKey) iter.Seq2[string, bbb.Meeting]
	// Server returns the status of one server.
	Server(id string) (poller.Status, bool)
	// NewClient returns a client for a server.
	NewClient(e bbb.Endpoint) *bbb.Client
}

// Ender is what endings need of the ledger.
type Ender interface {
	// BeginEnd waits until no create or other end of the meeting is under way.
	BeginEnd(ctx context.Context, key store.MeetingKey) (*placement.Ending, error)
	// TryEnd is BeginEnd for those that cannot wait: it returns nil where somebody else changes the meeting.
	TryEnd(key store.MeetingKey) *placement.Ending
}

// Ending is the end of a meeting under way: nobody else creates or ends it until it is released.
type Ending struct {
	*placement.Ending

	key  store.MeetingKey
	pool Servers
	may  Authority
}

// Begin begins the end of a meeting. It waits for a create or an end that is under way.
func (e *Endings) Begin(ctx context.Context, key store.MeetingKey) (*Ending, error) {
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	ending, err := e.Ledger.BeginEnd(ctx, key)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, v1.Conflict("meeting %q is being created or ended by somebody else: try again", key.MeetingID)
	}
	if err != nil {
		return nil, err
	}
	return &Ending{ending, key, e.Pool, e.May}, nil
}

// try is Begin for those that cannot wait: it returns nil where somebody else changes the meeting.
func (e *Endings) try(key store.MeetingKey) *Ending {
	ending := e.Ledger.TryEnd(key)
	if ending == nil {
		return nil
	}
	return &Ending{ending, key, e.Pool, e.May}
}

// Failures are the reasons of servers that did not end a meeting, by their IDs.
type Failures map[string]error

// Servers are their IDs, sorted.
func (f Failures) Servers() []string { return slices.Sorted(maps.Keys(f)) }

// List are the reasons, by the IDs of the servers.
func (f Failures) List() (errs []error) {
	for _, id := range f.Servers() {
		errs = append(errs, f[id])
	}
	return errs
}

// All tells whether no server has ended its copy.
func (f Failures) All(copies []placement.Copy) bool {
	return !slices.ContainsFunc(copies, func(c placement.Copy) bool { return f[c.Server] == nil })
}

// Everywhere asks every server that may have the meeting to end it.
func (e *Ending) Everywhere(ctx context.Context) (copies []placement.Copy, failed Failures) {
	type named struct{ server, meetingID string }
	asked := map[named]bool{}
	failed = Failures{}
	for server, m := range e.pool.Copies(e.key) {
		copies = append(copies, placement.Copy{Server: server, InternalID: m.InternalID, Alias: m.Alias})
		there := named{server, m.OnServer()}
		if asked[there] { // BigBlueButton ends meetings by the IDs that they were created by
			continue
		}
		asked[there] = true
		if err := e.on(ctx, server, m.OnServer()); err != nil {
			failed[server] = err
		}
	}
	return copies, failed
}

// on asks one server, by the ID that it knows the meeting by, if there is time left. One that does not know it has ended it.
func (e *Ending) on(ctx context.Context, server, meetingID string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("server %s: %w", server, context.Cause(ctx))
	}
	s, ok := e.pool.Server(server)
	if !ok {
		return fmt.Errorf("server %s is not in the pool", server)
	}
	ctx, release, err := e.may.await(ctx)
	if err != nil {
		return fmt.Errorf("server %s: %w", server, err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	query := "meetingID=" + url.QueryEscape(meetingID)
	answer, err := e.pool.NewClient(endpoint(s.Server)).Answer(ctx, "end", query)
	if err == nil && answer.Err != nil && answer.Err.Key != bbb.ErrMeetingNotFound.Key {
		err = answer.Err
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", server, err)
	}
	return nil
}

// seen asks a server for its meetings. Those that cannot be read are counted.
func (e *Endings) seen(ctx context.Context, id string) (meetings []bbb.Meeting, broken int, err error) {
	s, ok := e.Pool.Server(id)
	if !ok {
		return nil, 0, NoServer(id)
	}
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	list, err := e.Pool.NewClient(endpoint(s.Server)).Meetings(ctx)
	return list.Meetings, list.Broken, err
}
