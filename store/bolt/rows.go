package bolt

import (
	"bytes"
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
	Hard     bool              `json:"hard,omitempty"`
	Tag      text              `json:"tag,omitempty"`
	Created  time.Time         `json:"created,omitzero"`
	Admitted time.Time         `json:"admitted,omitzero"`
}

type tenantRow struct {
	Name        text      `json:"name,omitempty"`
	Secrets     []text    `json:"secrets,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Tag         text      `json:"tag,omitempty"`
	IgnoreHints bool      `json:"ignore_hints,omitempty"`
}

type claimRow struct {
	Server     string      `json:"server"`
	InternalID text        `json:"internal_id,omitempty"`
	CreateTime int64       `json:"create_time,omitempty"`
	Placed     time.Time   `json:"placed,omitzero"`
	Expected   float64     `json:"expected,omitempty"`
	Recorded   bool        `json:"recorded,omitempty"`
	Hint       int         `json:"hint,omitempty"`
	Why        decisionRow `json:"why,omitzero"`
	Breakout   bool        `json:"breakout,omitempty"`
	Name       text        `json:"name,omitempty"`
}

type endingRow struct {
	MeetingID  text      `json:"meeting_id"`
	Tenant     text      `json:"tenant"`
	Server     text      `json:"server"`
	InternalID text      `json:"internal_id"`
	Asked      time.Time `json:"asked"`
}

type eventRow struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text text      `json:"text"`
}

type sessionRow struct {
	Tenant   text        `json:"tenant"`
	Server   string      `json:"server"`
	Start    time.Time   `json:"start,omitzero"`
	End      time.Time   `json:"end,omitzero"`
	Peak     int         `json:"peak,omitempty"`
	Joins    int         `json:"joins,omitempty"`
	Reason   text        `json:"reason,omitempty"`
	Recorded bool        `json:"recorded,omitempty"`
	Meeting  text        `json:"meeting,omitempty"`
	Hint     int         `json:"hint,omitempty"`
	Why      decisionRow `json:"why,omitzero"`
}

// decisionRow is written as an array, in the order of the fields: names would be most of what it takes.
type decisionRow store.Decision

// MarshalJSON writes the array.
func (d decisionRow) MarshalJSON() ([]byte, error) {
	return json.Marshal([...]any{d.Here, d.Expected, d.Kept, d.Own, text(d.Basis), d.Weight, text(d.Next), d.NextAt})
}

// UnmarshalJSON reads it.
func (d *decisionRow) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[...]any{
		&d.Here, &d.Expected, &d.Kept, &d.Own, (*text)(&d.Basis), &d.Weight, (*text)(&d.Next), &d.NextAt,
	})
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

// UnmarshalJSON reads both forms. Most strings have nothing to unescape, and rows are full of strings.
func (t *text) UnmarshalJSON(data []byte) error {
	switch {
	case data[0] == '"' && bytes.IndexByte(data, '\\') < 0:
		*t = text(data[1 : len(data)-1])
		return nil
	case data[0] != '[':
		return json.Unmarshal(data, (*string)(t))
	}
	var raw [1][]byte
	err := json.Unmarshal(data, &raw)
	*t = text(raw[0])
	return err
}

func texts(list []string) (row []text) {
	for _, s := range list {
		row = append(row, text(s))
	}
	return row
}

func plain(row []text) (list []string) {
	for _, t := range row {
		list = append(list, string(t))
	}
	return list
}

// textMap is a map whose keys, too, come back byte for byte: one with a key that is no text is written as an array of
// pairs.
type textMap map[string]text

func textMapOf(m map[string]string) textMap {
	row := make(textMap, len(m))
	for key, value := range m {
		row[key] = text(value)
	}
	return row
}

// into fills m, which may be nil where there is nothing to fill in.
func (row textMap) into(m map[string]string) map[string]string {
	if m == nil && len(row) > 0 {
		m = make(map[string]string, len(row))
	}
	for key, value := range row {
		m[key] = string(value)
	}
	return m
}

// MarshalJSON writes an object where that loses nothing.
func (row textMap) MarshalJSON() ([]byte, error) {
	var pairs [][2]text
	odd := false
	for key, value := range row {
		pairs = append(pairs, [2]text{text(key), value})
		odd = odd || !utf8.ValidString(key)
	}
	if odd {
		return json.Marshal(pairs)
	}
	return json.Marshal(map[string]text(row))
}

// UnmarshalJSON reads both forms.
func (row *textMap) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		return json.Unmarshal(data, (*map[string]text)(row))
	}
	var pairs [][2]text
	err := json.Unmarshal(data, &pairs)
	*row = make(textMap, len(pairs))
	for _, pair := range pairs {
		(*row)[string(pair[0])] = pair[1]
	}
	return err
}
