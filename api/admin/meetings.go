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

// endMeeting ends a meeting on its server and closes the claim. With force the claim is closed whatever the server
// says.
func (a *API) endMeeting(r *http.Request) (any, error) {
	var f Forced
	if err := read(r, &f); err != nil {
		return nil, err
	}
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Meetings.Peek(key)
	if err != nil {
		return nil, noMeeting(key)
	}
	if err := a.end(r.Context(), found.Claim); err != nil && !f.Force {
		return nil, unreachable(err)
	}
	closed, err := a.Meetings.Close(context.WithoutCancel(r.Context()), found.Claim, "operator")
	if err != nil {
		return nil, err
	}
	if _, err := a.Meetings.Peek(key); !closed && !errors.Is(err, placement.ErrUnknown) {
		return nil, conflict("meeting %q is just being created, or has moved: try again", key.MeetingID)
	}
	a.logger(r).Info().Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).Str("server", found.Claim.Server).
		Bool("force", f.Force).Msg("meeting ended by an operator")
	return nil, nil //nolint:nilnil // there is nothing to say
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
