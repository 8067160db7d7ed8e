package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Meetings shows the meetings that run, tells why they are where they are, and ends them.
type Meetings struct {
	Pool     MeetingPool
	Ledger   MeetingLedger
	Sessions store.Sessions
	Endings  *roster.Endings
}

// MeetingPool is how servers are.
type MeetingPool interface {
	// Servers returns the status of every server, by ID.
	Servers() []poller.Status
}

// MeetingLedger is what is known of meetings.
type MeetingLedger interface {
	// Meetings returns all meetings, by tenant and ID.
	Meetings() []placement.Info
	// Hash returns the name of a room in the history.
	Hash(key store.MeetingKey) string
}

func (m *Meetings) routes() frame.Routes {
	return frame.Routes{
		"GET /meetings":        frame.Own(m.list, confine.ByQuery(), access.Read),
		"GET /meeting":         frame.Own(m.show, confine.ByQuery(), access.Read),
		"GET /meeting/explain": frame.Whole(m.explain, access.Read), // it has the numbers of others
		"POST /meeting/end":    frame.Own(m.end, confine.ByQuery(), access.Operate),
	}
}

func (m *Meetings) list(r *http.Request) (any, error) {
	tenant, server := r.URL.Query().Get("tenant"), r.URL.Query().Get("server")
	list, away := []v1.Meeting{}, m.outages()
	for _, meeting := range m.Ledger.Meetings() {
		if (tenant == "" || meeting.Tenant == tenant) && (server == "" || meeting.Server == server) {
			list = append(list, newMeeting(meeting, away))
		}
	}
	return list, nil
}

func (m *Meetings) show(r *http.Request) (any, error) {
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	if meeting := m.running(key); meeting != nil {
		return *meeting, nil
	}
	return nil, noMeeting(key)
}

// running is a meeting that runs; nil where it does not.
func (m *Meetings) running(key store.MeetingKey) *v1.Meeting {
	for _, meeting := range m.Ledger.Meetings() {
		if meeting.MeetingKey == key {
			shown := newMeeting(meeting, m.outages())
			return &shown
		}
	}
	return nil
}

// outages is since when servers have been offline, by their IDs.
type outages map[string]*time.Time

func (m *Meetings) outages() outages {
	away := outages{}
	for _, s := range m.Pool.Servers() {
		if s.Health == poller.Offline && s.State != store.Disabled {
			away[s.ID] = v1.Stamp(s.Failing)
		}
	}
	return away
}

// newMeeting shows a meeting.
func newMeeting(m placement.Info, away outages) v1.Meeting {
	return v1.Meeting{
		OfflineSince: away[m.Server],
		MeetingID:    m.MeetingID, Tenant: m.Tenant, Server: m.Server, InternalID: m.InternalID,
		CreateTime: m.CreateTime, Placed: m.Placed.UTC().Truncate(time.Millisecond),
		People: m.People, Peak: max(m.Peak, m.People), Joins: m.Joins, Recorded: m.Recorded,
	}
}

// meetingKey reads which meeting is meant. Front ends choose their IDs freely, so these do not go into the path.
func meetingKey(r *http.Request) (store.MeetingKey, error) {
	query := r.URL.Query()
	key := store.MeetingKey{Tenant: query.Get("tenant"), MeetingID: query.Get("id")}
	if key.Tenant == "" {
		key.Tenant = store.DefaultTenant
	}
	if key.MeetingID == "" {
		return key, v1.Invalid("id: missing; name the meeting as its front end does")
	}
	return key, nil
}

func noMeeting(key store.MeetingKey) *v1.Error {
	return v1.NotFound("tenant %q has no meeting %q: bbbpool meeting list shows those that run", key.Tenant, key.MeetingID)
}

// end ends a meeting on every server that may have it. A server that does not end it now owes that, and does when
// it answers again. Unless forced, one of them must have: else somebody might be told that is over what goes on.
func (m *Meetings) end(r *http.Request) (any, error) {
	var f v1.Forced
	if err := frame.Read(r, &f); err != nil {
		return nil, err
	}
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	ctx := context.WithoutCancel(r.Context())
	ending, err := m.Endings.Begin(ctx, key)
	if err != nil {
		return nil, err
	}
	defer ending.Release()
	ending.Reason = "operator"
	before := m.running(key)
	copies, failed := ending.Everywhere(ctx)
	switch {
	case len(copies) == 0:
		return nil, noMeeting(key)
	case !f.Force && failed.All(copies):
		return nil, unreachable(errors.Join(failed.List()...))
	}
	if err := ending.Ended(ctx, copies); err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("tenant", key.Tenant).Str("meetingID", key.MeetingID).Str("server", copies[0].Server).
		Strs("owed", failed.Servers()).Bool("force", f.Force).Msg("meeting ended by an operator")
	ended := v1.EndedMeeting{Owed: []string{}}
	for _, err := range failed.List() {
		ended.Owed = append(ended.Owed, err.Error())
	}
	return frame.Changed{
		Answer: ended, Action: "end", Kind: "meeting", Object: key.MeetingID, Tenant: key.Tenant, Before: before, After: ended,
	}, nil
}

func unreachable(err error) *v1.Error {
	return &v1.Error{
		Status: http.StatusBadGateway, Code: "unreachable",
		Message: fmt.Sprintf("%v; --force ends the meeting for the pool all the same: it can be created elsewhere at once, and "+
			"the server ends it when it answers again", err),
	}
}
