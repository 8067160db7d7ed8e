package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// endDeadline is how long a server may take to end a meeting, and a create that is under way to let it be ended.
const endDeadline = 10 * time.Second

// endMeeting ends a meeting on every server that may have it. A server that does not end it now owes that, and does when
// it answers again. Unless forced, one of them must have: else somebody might be told that is over what goes on.
func (a *API) endMeeting(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	ctx := context.WithoutCancel(r.Context())
	ending, err := a.beginEnd(ctx, key)
	if err != nil {
		return nil, err
	}
	defer ending.Release()
	ending.Reason = "operator"
	copies, failed := a.endCopies(ctx, key)
	switch {
	case len(copies) == 0:
		return nil, noMeeting(key)
	case !f.Force && failed.everywhere(copies):
		return nil, unreachable(errors.Join(failed.list()...))
	}
	if err := ending.Ended(ctx, copies); err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).Str("server", copies[0].Server).
		Strs("owed", failed.servers()).Bool("force", f.Force).Msg("meeting ended by an operator")
	ended := EndedMeeting{Owed: []string{}}
	for _, err := range failed.list() {
		ended.Owed = append(ended.Owed, err.Error())
	}
	return ended, nil
}

// beginEnd waits for a create or an end of the meeting that is under way.
func (a *API) beginEnd(ctx context.Context, key store.MeetingKey) (*placement.Ending, error) {
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	ending, err := a.Meetings.BeginEnd(ctx, key)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, conflict("meeting %q is being created or ended by somebody else: try again", key.MeetingID)
	}
	return ending, err
}

// failures are the reasons of servers that did not end a meeting, by their IDs.
type failures map[string]error

func (f failures) servers() []string { return slices.Sorted(maps.Keys(f)) }

func (f failures) list() (errs []error) {
	for _, id := range f.servers() {
		errs = append(errs, f[id])
	}
	return errs
}

func (f failures) everywhere(copies []placement.Copy) bool {
	return !slices.ContainsFunc(copies, func(c placement.Copy) bool { return f[c.Server] == nil })
}

// endCopies asks every server that may have a meeting to end it, whose turn the caller has.
func (a *API) endCopies(ctx context.Context, key store.MeetingKey) (copies []placement.Copy, failed failures) {
	asked := map[string]bool{}
	failed = failures{}
	for server, m := range a.Pool.Copies(key) {
		copies = append(copies, placement.Copy{Server: server, InternalID: m.InternalID})
		if asked[server] { // BigBlueButton ends meetings by the IDs that their front ends chose
			continue
		}
		asked[server] = true
		if err := a.endOn(ctx, server, key.MeetingID); err != nil {
			failed[server] = err
		}
	}
	return copies, failed
}

// endOn asks one server, if there is time left. One that does not know the meeting has ended it.
func (a *API) endOn(ctx context.Context, server, meetingID string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("server %s: %w", server, context.Cause(ctx))
	}
	s, ok := a.Pool.Server(server)
	if !ok {
		return fmt.Errorf("server %s is not in the pool", server)
	}
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	answer, err := a.client(s.Server).Answer(ctx, "end", "meetingID="+url.QueryEscape(meetingID))
	if err == nil && answer.Err != nil && answer.Err.Key != bbb.ErrMeetingNotFound.Key {
		err = answer.Err
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", server, err)
	}
	return nil
}

func unreachable(err error) *Error {
	return &Error{
		Status: http.StatusBadGateway, Code: "unreachable",
		Message: fmt.Sprintf("%v; --force ends the meeting for the pool all the same: it can be created elsewhere at once, and "+
			"the server ends it when it answers again", err),
	}
}
