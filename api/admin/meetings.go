package admin

import (
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
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

func (a *API) client(s store.Server) *bbb.Client {
	return a.Pool.NewClient(endpoint(s))
}
