package rows

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/store"
)

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
	odd := false
	for key := range row {
		odd = odd || !utf8.ValidString(key)
	}
	if !odd {
		return json.Marshal(map[string]text(row))
	}
	var pairs [][2]text
	for _, key := range slices.Sorted(maps.Keys(row)) { // equal records have equal rows
		pairs = append(pairs, [2]text{text(key), row[key]})
	}
	return json.Marshal(pairs)
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
