// Package analysis reads what servers tell of who did what in a meeting, the JSON of BigBlueButton's learning analytics, and
// gives it back to its front end.
//
// It owns the form of these documents and nothing else: whom they go to, and whether they are kept, is decided by package
// callbacks. Single values are exchanged where they stand, and everything else stays as it is, byte for byte: numbers, spaces
// and what later releases add.
package analysis

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// ErrMalformed is that what came is no such document.
var ErrMalformed = errors.New("not the JSON of learning analytics")

const (
	// maxDepth bounds how deep a document may be nested. BigBlueButton's have 7 levels.
	maxDepth = 64
	// maxID bounds an internal meeting ID, in bytes. BigBlueButton's have 54.
	maxID = 128
	// maxGrowth bounds the values of the metadata that are exchanged, in bytes: the addresses of a front end are few. A server that
	// says one of ours again and again would have us keep what stands for it as often.
	maxGrowth = 1 << 20
)

// Told is what a server has told.
type Told struct {
	Body       []byte
	MeetingID  string // as the server knows the meeting
	InternalID string
	Breakout   bool // it is about a breakout room

	top, data, meta []member
}

// Read reads what a server has told: one object of JSON that names a meeting. Whatever else is in it is not looked at.
func Read(body []byte) (t Told, err error) {
	if tooDeep(body) || !json.Valid(body) {
		return t, ErrMalformed
	}
	t.Body = body
	t.top = members(body, 0, len(body))
	t.data = t.within(t.top, "data")
	t.meta = t.within(t.data, "metadata")
	t.MeetingID, t.InternalID = t.text(t.top, "meeting_id"), t.text(t.top, "internal_meeting_id")
	t.Breakout = t.text(t.meta, "is_breakout") == "true" || t.raw(t.meta, "is_breakout") == "true"
	if t.MeetingID == "" || t.InternalID == "" || len(t.InternalID) > maxID {
		return t, ErrMalformed
	}
	return t, nil
}

// tooDeep tells whether a document is nested too deep, also if it is none. The depth of a reader is not ours to set.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// member is a member of an object: its key, where that begins, and where its value begins and ends.
type member struct {
	key            string
	at, start, end int
}

// members are those of the object that is body[from:to], which is JSON; none where that is no object.
func members(body []byte, from, to int) (list []member) {
	d := json.NewDecoder(bytes.NewReader(body[from:to]))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for before := from; d.More(); {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		m := member{at: before + bytes.IndexByte(body[before:to], '"')}
		m.key, _ = key.(string)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		m.end = from + int(d.InputOffset())
		m.start, before = m.end-len(value), m.end
		list = append(list, m)
	}
	return list
}

// within are the members of the value of a key.
func (t *Told) within(list []member, key string) []member {
	i := slices.IndexFunc(list, func(m member) bool { return m.key == key })
	if i < 0 {
		return nil
	}
	return members(t.Body, list[i].start, list[i].end)
}

// raw is the value of a key as it stands, and text is one that is a string.
func (t *Told) raw(list []member, key string) string {
	for _, m := range list {
		if m.key == key {
			return string(t.Body[m.start:m.end])
		}
	}
	return ""
}

func (t *Told) text(list []member, key string) (s string) {
	if json.Unmarshal([]byte(t.raw(list, key)), &s) != nil {
		return ""
	}
	return s
}

// Restore tells what stands in the place of a value of the metadata, and whether it stays at all.
type Restore func(value string) (string, bool)

// reserved is what the keys of metadata begin with that the pool marks meetings with, and secret are others that no front end is
// shown: a learning record store has its password there.
const reserved = "bbbpool_"

var secret = []string{"secret_lrs_payload", "tenant_id", "tenant_name"}

// For is what the server has told as the front end of the meeting is to have it: with the ID that it has given the meeting,
// and its own metadata; those that would be too much are left out. A breakout room keeps the ID that its server has given it.
func (t *Told) For(meetingID string, restore Restore) []byte {
	if t.Breakout {
		meetingID = t.MeetingID
	}
	var edits []edit
	for _, m := range t.top {
		if m.key == "meeting_id" && t.MeetingID != meetingID {
			edits = append(edits, put(m, meetingID))
		}
	}
	gone, left := map[int]bool{}, maxGrowth
	for i, m := range t.meta {
		e, stays := t.metadata(m, meetingID, left, restore)
		if e != nil {
			left = max(0, left-len(e.text))
		}
		if gone[i] = !stays; stays && e != nil {
			edits = append(edits, *e)
		}
	}
	return t.apply(append(edits, t.remove(gone)...))
}

// metadata is what changes of one member of the metadata, if anything does, and whether it stays. What is longer than the room
// that is left does not.
func (t *Told) metadata(m member, meetingID string, left int, restore Restore) (*edit, bool) {
	var value string
	if strings.HasPrefix(m.key, reserved) || slices.Contains(secret, m.key) {
		return nil, false
	}
	if json.Unmarshal(t.Body[m.start:m.end], &value) != nil {
		return nil, true
	}
	now, stays := restore(value)
	if m.key == "meeting_id" && value == t.MeetingID {
		now = meetingID
	}
	if now == value || !stays {
		return nil, stays
	}
	if len(now) > left {
		return nil, false
	}
	e := put(m, now)
	return &e, true
}

// edit puts text in the place of a piece of the document.
type edit struct {
	from, to int
	text     []byte
}

func put(m member, value string) edit {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) //nolint:errchkjson // a string is always written, and a buffer takes all
	return edit{m.start, m.end, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))}
}

// remove takes members of the metadata away: each with the comma before it, and the first ones with the comma behind them.
func (t *Told) remove(gone map[int]bool) (edits []edit) {
	first := 0
	for first < len(t.meta) && gone[first] {
		first++
	}
	switch {
	case first > 0 && first < len(t.meta):
		edits = append(edits, edit{from: t.meta[0].at, to: t.meta[first].at})
	case first > 0:
		return []edit{{from: t.meta[0].at, to: t.meta[first-1].end}}
	}
	for i := first; i < len(t.meta); i++ {
		if gone[i] {
			edits = append(edits, edit{from: t.meta[i-1].end, to: t.meta[i].end})
		}
	}
	return edits
}

// apply makes the edits, which come in any order and do not overlap.
func (t *Told) apply(edits []edit) []byte {
	if len(edits) == 0 {
		return t.Body
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, t.Body[done:e.from]...), e.text...)
		done = e.to
	}
	return append(out, t.Body[done:]...)
}
