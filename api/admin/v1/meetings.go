package v1

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// DefaultTenant is the tenant of front ends that are not told apart.
const DefaultTenant = "default"

// MeetingKey names a meeting as its front end does.
type MeetingKey struct {
	Tenant    string
	MeetingID string
}

// Meeting is a meeting as operators see it.
type Meeting struct {
	MeetingID  string    `json:"meetingID"`
	Tenant     string    `json:"tenant"`
	Server     string    `json:"server"`
	InternalID string    `json:"internalMeetingID"` // "" until the server has answered
	CreateTime int64     `json:"createTime"`        // milliseconds since 1970, by the server's clock
	Placed     time.Time `json:"placed"`
	People     int       `json:"people"` // in it, or on the way
	Peak       int       `json:"peak"`   // most people seen at once
	Joins      int       `json:"joins"`  // sent so far
	Recorded   bool      `json:"recorded"`
	// OfflineSince is since when its server has been offline, so that nobody can join it; null while the server is not.
	OfflineSince *time.Time `json:"offline_since"`
}

// EndedMeeting is what came of the end of a meeting.
type EndedMeeting struct {
	Owed []string `json:"owed"` // the servers that did not end it, with the reason: they do when they answer again
}

// Explained tells why a meeting is, or was, where it is.
type Explained struct {
	MeetingID string        `json:"meetingID"`
	Tenant    string        `json:"tenant"`
	Sessions  []ExplainedAt `json:"sessions"` // newest first; the first may go on
}

// ExplainedAt is one session of a room and the decision that it began with.
type ExplainedAt struct {
	InternalID string     `json:"internalMeetingID"`
	Server     string     `json:"server"`
	Start      time.Time  `json:"start"`
	End        *time.Time `json:"end"`    // null while it goes on
	People     int        `json:"people"` // now, or 0 when it is over
	Peak       int        `json:"peak"`
	Joins      int        `json:"joins"`
	Reason     string     `json:"reason"` // why it is over
	Recorded   bool       `json:"recorded"`
	Why        string     `json:"why"`      // in one line
	Decision   *Decision  `json:"decision"` // null for a meeting that was found on its server
	// OfflineSince is since when its server has been offline; null while it is not, and once the session is over.
	OfflineSince *time.Time `json:"offline_since"`
}

// Decision is the numbers that a server was chosen by.
type Decision struct {
	Here     int     `json:"here"`
	Expected float64 `json:"expected"`
	Kept     float64 `json:"kept"`
	Own      float64 `json:"own"`
	Basis    string  `json:"basis"`
	Weight   float64 `json:"weight"`
	Next     string  `json:"next"`
	NextAt   float64 `json:"next_at"`
}

// Meetings are the calls about meetings.
type Meetings struct{ client *Client }

// List returns the meetings of a tenant on a server; "" is any.
func (m Meetings) List(ctx context.Context, tenant, server string) ([]Meeting, error) {
	query := url.Values{"tenant": {tenant}, "server": {server}}
	return call[[]Meeting](ctx, m.client, http.MethodGet, "/meetings", query, nil)
}

// Show returns one meeting.
func (m Meetings) Show(ctx context.Context, key MeetingKey) (Meeting, error) {
	return call[Meeting](ctx, m.client, http.MethodGet, "/meeting", meetingQuery(key), nil)
}

// End ends a meeting on every server that may have it. Unless forced it fails where none of them has ended it.
func (m Meetings) End(ctx context.Context, key MeetingKey, force bool) (EndedMeeting, error) {
	return call[EndedMeeting](ctx, m.client, http.MethodPost, "/meeting/end", meetingQuery(key), Forced{force})
}

// Explain returns why a meeting is, or was, where it is. Its ID may also be the internal one of a session; then no tenant
// stands for any.
func (m Meetings) Explain(ctx context.Context, key MeetingKey) (Explained, error) {
	query := meetingQuery(key)
	if key.Tenant == "" {
		query.Del("tenant")
	}
	return call[Explained](ctx, m.client, http.MethodGet, "/meeting/explain", query, nil)
}

func meetingQuery(key MeetingKey) url.Values {
	return url.Values{"tenant": {key.Tenant}, "id": {key.MeetingID}}
}
