package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

func (a *API) listMeetings(r *http.Request) (any, error) {
	tenant, server := r.URL.Query().Get("tenant"), r.URL.Query().Get("server")
	list, away := []Meeting{}, a.outages()
	for _, m := range a.Meetings.Meetings() {
		if (tenant == "" || m.Tenant == tenant) && (server == "" || m.Server == server) {
			list = append(list, newMeeting(m, away))
		}
	}
	return list, nil
}

func (a *API) showMeeting(r *http.Request) (any, error) {
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	for _, m := range a.Meetings.Meetings() {
		if m.MeetingKey == key {
			return newMeeting(m, a.outages()), nil
		}
	}
	return nil, noMeeting(key)
}

// outages is since when servers have been offline, by their IDs.
type outages map[string]*time.Time

func (a *API) outages() outages {
	away := outages{}
	for _, s := range a.Pool.Servers() {
		if s.Health == poller.Offline && s.State != store.Disabled {
			away[s.ID] = stamp(s.Failing)
		}
	}
	return away
}

// meetingKey reads which meeting is meant. Front ends choose their IDs freely, so these do not go into the path.
func meetingKey(r *http.Request) (store.MeetingKey, error) {
	query := r.URL.Query()
	key := store.MeetingKey{Tenant: query.Get("tenant"), MeetingID: query.Get("id")}
	if key.Tenant == "" {
		key.Tenant = store.DefaultTenant
	}
	if key.MeetingID == "" {
		return key, invalid("id: missing; name the meeting as its front end does")
	}
	return key, nil
}

func noMeeting(key store.MeetingKey) *Error {
	return notFound("tenant %q has no meeting %q: bbbpool meeting list shows those that run", key.Tenant, key.MeetingID)
}

// endDeadline is how long a server may take to end a meeting.
const endDeadline = 10 * time.Second

// endMeeting ends a meeting on its server, and on every other that has it, and closes the claim. With force the claim is
// closed whatever the server says.
func (a *API) endMeeting(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	if _, err := a.Meetings.Peek(key); err != nil {
		return nil, noMeeting(key)
	}
	ending := a.Meetings.TryEnd(key)
	if ending == nil {
		return nil, conflict("meeting %q is just being created, or ended by its front end: try again", key.MeetingID)
	}
	claim, err := a.endCopies(context.WithoutCancel(r.Context()), ending, key)
	ending.Release()
	if refused, is := errors.AsType[*Error](err); is && refused.Code == "unreachable" && f.Force {
		_, err = a.Meetings.Close(context.WithoutCancel(r.Context()), claim, "operator")
	}
	if err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).Str("server", claim.Server).
		Bool("force", f.Force).Msg("meeting ended by an operator")
	return nil, nil //nolint:nilnil // there is nothing to say
}

// endCopies ends a meeting where it is claimed, which must succeed, and wherever else it was seen: what does not answer
// there owes it.
func (a *API) endCopies(ctx context.Context, ending *placement.Ending, key store.MeetingKey) (store.Claim, error) {
	found, err := a.Meetings.Peek(key)
	if err != nil {
		return store.Claim{}, noMeeting(key)
	}
	if err := a.end(ctx, found.Claim); err != nil {
		return found.Claim, unreachable(err)
	}
	var copies []placement.Copy
	asked := map[string]bool{found.Claim.Server: true}
	for server, m := range a.Pool.Copies(key) {
		copies = append(copies, placement.Copy{Server: server, InternalID: m.InternalID})
		if status, ok := a.Pool.Server(server); ok && status.Failing.IsZero() && !asked[server] {
			asked[server] = true
			if err := a.end(ctx, store.Claim{MeetingKey: key, Server: server}); err != nil {
				a.Log.Warn().Err(err).Str("meetingID", key.MeetingID).Msg("a copy is ended when its server is back")
			}
		}
	}
	return found.Claim, ending.Ended(ctx, copies, "operator")
}

// end asks the server. One that does not know the meeting has ended it.
func (a *API) end(ctx context.Context, c store.Claim) error {
	s, ok := a.Pool.Server(c.Server)
	if !ok {
		return fmt.Errorf("server %s is not in the pool", c.Server)
	}
	ctx, cancel := context.WithTimeout(ctx, endDeadline)
	defer cancel()
	answer, err := a.client(s.Server).Answer(ctx, "end", "meetingID="+url.QueryEscape(c.MeetingID))
	if err == nil && answer.Err != nil && answer.Err.Key != bbb.ErrMeetingNotFound.Key {
		err = answer.Err
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", c.Server, err)
	}
	return nil
}

func (a *API) client(s store.Server) *bbb.Client {
	return a.Pool.NewClient(endpoint(s))
}

func unreachable(err error) *Error {
	return &Error{
		Status: http.StatusBadGateway, Code: "unreachable",
		Message: fmt.Sprintf("%v; --force closes the claim alone, so that the meeting can be created elsewhere", err),
	}
}
