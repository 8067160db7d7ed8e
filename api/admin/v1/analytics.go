package v1

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Analysis is what a server has told of who did what in a meeting.
type Analysis struct {
	InternalID string          `json:"internalMeetingID"`
	Tenant     string          `json:"tenant"`
	MeetingID  string          `json:"meetingID"` // of a breakout room that of its parent
	Breakout   bool            `json:"breakout"`
	At         *time.Time      `json:"at"` // when it came
	Seconds    int             `json:"seconds"`
	People     []Attendee      `json:"people"`
	Others     []string        `json:"others"`   // internal IDs of others that are kept under the same meetingID
	Analysis   json.RawMessage `json:"analysis"` // as it was passed on
}

// Attendee is somebody who was in a meeting.
type Attendee struct {
	UserID    string `json:"user_id"` // as the front end calls the person
	Name      string `json:"name"`
	Moderator bool   `json:"moderator"`
	Seconds   int    `json:"seconds"`
	Talked    int    `json:"talked"` // seconds
	Talks     int    `json:"talks"`
	Chats     int    `json:"chats"`
	Hands     int    `json:"hands"` // raised
	Emojis    int    `json:"emojis"`
	Votes     int    `json:"votes"` // in polls
}

// Analysis returns what was kept of a meeting, by its internal ID, or the newest by the one that its front end has given it. A
// tenant of "" is any.
func (h History) Analysis(ctx context.Context, id, tenant string) (Analysis, error) {
	query := url.Values{"id": {id}}
	if tenant != "" {
		query.Set("tenant", tenant)
	}
	return call[Analysis](ctx, h.client, http.MethodGet, "/analytics", query, nil)
}
