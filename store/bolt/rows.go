package bolt

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/store"
)

// Rows are the JSON forms of the records: names that stay when a record's field is renamed, secrets revealed, times
// in UTC (a zone with odd seconds would shift them).

type serverRow struct {
	URL      text              `json:"url"`
	Secret   text              `json:"secret"`
	Checksum string            `json:"checksum,omitempty"`
	State    store.ServerState `json:"state"`
	Weight   float64           `json:"weight"`
	Capacity int               `json:"capacity,omitempty"`
	Tag      text              `json:"tag,omitempty"`
	Created  time.Time         `json:"created,omitzero"`
}

type tenantRow struct {
	Name    text      `json:"name,omitempty"`
	Secrets []text    `json:"secrets,omitempty"`
	Created time.Time `json:"created,omitzero"`
}

type claimRow struct {
	Server     string    `json:"server"`
	InternalID text      `json:"internal_id,omitempty"`
	CreateTime int64     `json:"create_time,omitempty"`
	Placed     time.Time `json:"placed,omitzero"`
	Expected   float64   `json:"expected,omitempty"`
	Recorded   bool      `json:"recorded,omitempty"`
}

type sessionRow struct {
	Tenant   text      `json:"tenant"`
	Server   string    `json:"server"`
	Start    time.Time `json:"start,omitzero"`
	End      time.Time `json:"end,omitzero"`
	Peak     int       `json:"peak,omitempty"`
	Joins    int       `json:"joins,omitempty"`
	Reason   text      `json:"reason,omitempty"`
	Recorded bool      `json:"recorded,omitempty"`
}

type recordingRow struct {
	Tenant       text            `json:"tenant"`
	MeetingID    text            `json:"meeting_id"`
	Name         text            `json:"name,omitempty"`
	State        text            `json:"state"`
	Published    bool            `json:"published,omitempty"`
	Start        time.Time       `json:"start,omitzero"`
	End          time.Time       `json:"end,omitzero"`
	Participants int             `json:"participants,omitempty"`
	Meta         map[string]text `json:"meta,omitempty"`
	Formats      []formatRow     `json:"formats,omitempty"`
}

type formatRow struct {
	Type   text          `json:"type"`
	Path   text          `json:"path"`
	Length time.Duration `json:"length_ns,omitempty"`
	Size   int64         `json:"size,omitempty"`
}

// text is a string that comes back byte for byte. JSON replaces what is not UTF-8, and meeting IDs and secrets are
// whatever people send; such a string is written as an array of one base64 string.
type text string

// MarshalJSON writes a plain string where that loses nothing.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal([1][]byte{[]byte(t)})
}

// UnmarshalJSON reads both forms.
func (t *text) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		return json.Unmarshal(data, (*string)(t))
	}
	var raw [1][]byte
	err := json.Unmarshal(data, &raw)
	*t = text(raw[0])
	return err
}
