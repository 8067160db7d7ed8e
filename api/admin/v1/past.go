package v1

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// FoundMeeting is a meeting that was found by one of its IDs, or what is left of it.
type FoundMeeting struct {
	Tenant     string     `json:"tenant"`
	MeetingID  string     `json:"meetingID"`         // as its front end calls it; "" where that is not known
	InternalID string     `json:"internalMeetingID"` // as its server does
	Server     string     `json:"server"`
	Start      *time.Time `json:"start"`
	End        *time.Time `json:"end"` // null while it goes on
	Running    bool       `json:"running"`
	People     int        `json:"people"` // now
	Peak       int        `json:"peak"`
	Joins      int        `json:"joins"`
	Reason     string     `json:"reason"` // why it is over
	Recorded   bool       `json:"recorded"`
	Recording  *Recording `json:"recording"` // null where there is none
}

// Find returns the meetings that have this ID as a meetingID, an internal one, or that of a recording, the last one first. A
// tenant of "" is any.
func (h History) Find(ctx context.Context, id, tenant string) ([]FoundMeeting, error) {
	query := url.Values{"id": {id}}
	if tenant != "" {
		query.Set("tenant", tenant)
	}
	return call[[]FoundMeeting](ctx, h.client, http.MethodGet, "/history/find", query, nil)
}

// Forget asks for what tells of a person to be taken out of the records.
type Forget struct {
	Texts      []string `json:"texts,omitempty"`      // by which the person is known
	Tenant     string   `json:"tenant,omitempty"`     // whose records are looked through; "" is everybody's
	Meeting    string   `json:"meeting,omitempty"`    // whose sessions go; it needs the tenant
	Recordings bool     `json:"recordings,omitempty"` // those that are found are deleted
	DryRun     bool     `json:"dry_run,omitempty"`    // say what would be done, and do nothing
}

// Forgotten is what was found, and what became of it.
type Forgotten struct {
	DryRun     bool                 `json:"dry_run"`
	Sessions   int                  `json:"sessions"`  // removed from the history
	Analytics  int                  `json:"analytics"` // what servers have told of who did what, removed
	Recordings []ForgottenRecording `json:"recordings"`
	Audits     int                  `json:"audits"` // entries of the audit log that keep who, when and what kind alone
	Left       []LeftOver           `json:"left"`   // found, and not changed
	Beyond     []string             `json:"beyond"` // what no command of bbbpool can reach, and where to look for it
}

// ForgottenRecording is a recording in which something was found.
type ForgottenRecording struct {
	RecordID string   `json:"recordID"`
	Tenant   string   `json:"tenant"`
	Server   string   `json:"server"` // that has made it, and may have it still
	State    string   `json:"state"`  // before
	Where    []string `json:"where"`
	Files    bool     `json:"files"`   // it had files here
	Deleted  bool     `json:"deleted"` // with its files; else what was found was taken out of the index alone
}

// LeftOver is something that was found, and is not for this call to change.
type LeftOver struct {
	What   string `json:"what"`
	Tenant string `json:"tenant"`
	ID     string `json:"id"`
	Advice string `json:"advice"`
}

// ForgottenCounts is what the audit log keeps of it.
type ForgottenCounts struct {
	Sessions   int  `json:"sessions"`
	Analytics  int  `json:"analytics"`
	Recordings int  `json:"recordings"`
	Audits     int  `json:"audits"`
	Deleted    bool `json:"deleted"`
}

// Forget takes out of the records what tells of a person, or says what that would be.
func (h History) Forget(ctx context.Context, f Forget) (Forgotten, error) {
	return call[Forgotten](ctx, h.client, http.MethodPost, "/forget", nil, f)
}
