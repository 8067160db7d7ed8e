package v1

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// RecordingFilter selects recordings.
type RecordingFilter struct {
	Tenant     string      // "" means those of all tenants
	RecordIDs  []string    // prefixes of record IDs
	MeetingIDs []string    // ignored where RecordIDs are given
	States     []string    // none means all but deleted ones, the state "any" means all
	Meta       []MetaMatch // all of them must match
	Offset     int
	Limit      int // 0 leaves it to the pool
}

// MetaMatch asks for a value in the metadata. A recording without the key does not match.
type MetaMatch struct {
	Key   string
	Value string // exact; a "%" at its start, its end or both stands for anything, also for nothing
}

// The states of recordings that can be chosen.
const (
	Processing  = "processing"
	Processed   = "processed"
	Published   = "published"
	Unpublished = "unpublished"
	Deleted     = "deleted"
)

// Recording is a recording as operators see it in a list.
type Recording struct {
	RecordID     string     `json:"recordID"`
	MeetingID    string     `json:"meetingID"`
	Tenant       string     `json:"tenant"`
	Name         string     `json:"name"`
	State        string     `json:"state"`
	Published    bool       `json:"published"` // the state is published
	Protected    bool       `json:"protected"`
	Start        *time.Time `json:"start"`
	End          *time.Time `json:"end"`
	Participants int        `json:"participants"`
	RawSize      int64      `json:"raw_size"` // bytes of the raw material on the server, as that tells
	Size         int64      `json:"size"`     // bytes in the library
	Formats      []string   `json:"formats"`  // their types
}

// RecordingPage is one page of a list.
type RecordingPage struct {
	Recordings []Recording `json:"recordings"`
	Total      int         `json:"total"` // over all pages
}

// RecordingDetails is a recording with all that is known of it.
type RecordingDetails struct {
	Recording
	Details Details `json:"details"`
}

// Details is what a list does not show of a recording.
type Details struct {
	Formats       []Format          `json:"formats"`
	Meta          map[string]string `json:"meta"`
	Edits         Edits             `json:"edits"`
	Server        string            `json:"server"` // that made it; "" where nobody knows
	Owed          *Owed             `json:"owed"`   // null where nothing is
	Imported      *time.Time        `json:"imported"`
	Changed       *time.Time        `json:"changed"`       // when its state was changed last
	Breakout      string            `json:"breakout"`      // internal ID of the parent, of a breakout room
	BreakoutRooms []string          `json:"breakoutRooms"` // record IDs
	Behind        string            `json:"behind"`        // why its files are not where its state says; "" where they are
	Claimed       string            `json:"claimed"`       // the tenant that its metadata named and that nobody has given it to
}

// Format is a playable form of a recording.
type Format struct {
	Type   string  `json:"type"`
	Length float64 `json:"length_s"` // seconds that it plays
	Bytes  int64   `json:"bytes"`    // in the library
	Link   string  `json:"link"`     // path and query, without a host
}

// Edits are what people have changed, and no later import does.
type Edits struct {
	State     bool              `json:"state"`
	Protected bool              `json:"protected"`
	Meta      map[string]string `json:"meta"` // an empty value was removed
}

// Owed is what a server has still to deliver of a recording.
type Owed struct {
	Server  string     `json:"server"`
	Ended   *time.Time `json:"ended"` // when the meeting did
	Step    string     `json:"step"`
	Since   *time.Time `json:"since"` // when this step was seen first
	Formats []string   `json:"formats"`
}

// RecordingOwed is a recording that a server owes, whole or in part.
type RecordingOwed struct {
	Recording
	Owed    *Owed `json:"owed"`
	Age     int64 `json:"age_s"`  // seconds since the meeting ended
	Step    int64 `json:"step_s"` // seconds since the present step began
	Overdue bool  `json:"overdue"`
}

// RecordingChange asks for a recording to be changed.
type RecordingChange struct {
	Meta map[string]string `json:"meta"` // an empty value removes its key
}

// Assignment asks for a recording to be given to a tenant.
type Assignment struct {
	Tenant string `json:"tenant"`
}

// RecordingSums are the recordings at a glance.
type RecordingSums struct {
	Published   int   `json:"published"`
	Unpublished int   `json:"unpublished"`
	Processing  int   `json:"processing"` // nothing has arrived yet
	Deleted     int   `json:"deleted"`
	Bytes       int64 `json:"bytes"` // in the library, without the deleted ones
	Importing   int   `json:"importing"`
	Failed      int   `json:"failed"` // imports
	Owed        int   `json:"owed"`
	Overdue     int   `json:"overdue"` // of those
}

// Volume is how a disk is on which recordings lie.
type Volume struct {
	Name      string     `json:"name"`
	Path      string     `json:"path"`
	Problem   string     `json:"problem"` // why it cannot be used; "" where it can
	Free      int64      `json:"free"`    // bytes
	Total     int64      `json:"total"`   // bytes
	Inodes    uint64     `json:"inodes"`  // that are free
	LatencyMS float64    `json:"latency_ms"`
	At        *time.Time `json:"at"` // when it was looked at
}

// Recordings are the calls about recordings.
type Recordings struct{ client *Client }

// List returns one page of the selected recordings.
func (r Recordings) List(ctx context.Context, f RecordingFilter) (RecordingPage, error) {
	query := url.Values{"recordID": f.RecordIDs, "meetingID": f.MeetingIDs}
	if f.Tenant != "" {
		query.Set("tenant", f.Tenant)
	}
	for _, state := range f.States {
		query.Add("state", state)
	}
	for _, m := range f.Meta {
		query.Add("meta."+m.Key, m.Value)
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	if f.Offset > 0 {
		query.Set("offset", strconv.Itoa(f.Offset))
	}
	return call[RecordingPage](ctx, r.client, http.MethodGet, "/recordings", query, nil)
}

// Show returns one recording, with all that is known of it.
func (r Recordings) Show(ctx context.Context, id string) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, r.client, http.MethodGet, recording(id), nil, nil)
}

// Publish lets a recording play, or takes it back.
func (r Recordings) Publish(ctx context.Context, id string, publish bool) (RecordingDetails, error) {
	path := recording(id) + "/unpublish"
	if publish {
		path = recording(id) + "/publish"
	}
	return call[RecordingDetails](ctx, r.client, http.MethodPost, path, nil, struct{}{})
}

// Protect lets a recording play for those alone whom the front end lets in, or for everybody.
func (r Recordings) Protect(ctx context.Context, id string, protect bool) (RecordingDetails, error) {
	path := recording(id) + "/unprotect"
	if protect {
		path = recording(id) + "/protect"
	}
	return call[RecordingDetails](ctx, r.client, http.MethodPost, path, nil, struct{}{})
}

// Change sets metadata; an empty value removes its key.
func (r Recordings) Change(ctx context.Context, id string, change RecordingChange) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, r.client, http.MethodPatch, recording(id), nil, change)
}

// Delete deletes a recording in all its formats.
func (r Recordings) Delete(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, r.client, http.MethodDelete, recording(id), nil, nil)
	return err
}

// Restore brings a deleted recording back, while its files are kept.
func (r Recordings) Restore(ctx context.Context, id string) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, r.client, http.MethodPost, recording(id)+"/restore", nil, struct{}{})
}

// Assign gives a recording to another tenant.
func (r Recordings) Assign(ctx context.Context, id, tenant string) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, r.client, http.MethodPost, recording(id)+"/assign", nil, Assignment{tenant})
}

// Owed returns what servers have still to deliver, those of the meeting that ended first on top; "" is any tenant.
func (r Recordings) Owed(ctx context.Context, tenant string) ([]RecordingOwed, error) {
	return call[[]RecordingOwed](ctx, r.client, http.MethodGet, "/owed", url.Values{"tenant": {tenant}}, nil)
}

// Volumes returns how the disks are on which the recordings lie.
func (r Recordings) Volumes(ctx context.Context) ([]Volume, error) {
	return call[[]Volume](ctx, r.client, http.MethodGet, "/volumes", nil, nil)
}

func recording(id string) string { return "/recordings/" + url.PathEscape(id) }
