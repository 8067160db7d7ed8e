// Package event reads what bbb-webhooks tells, mapped or raw, and writes it for a front end.
//
// It owns where an event says which meeting it is about, and what of it is changed on the way: the ID of the meeting becomes the
// front end's, our own addresses become the originals again, our own metadata goes, and so do session tokens, with which whoever
// has them is the person that they were given to. Everything else stays as it came, in its order. The package knows no store and
// decides about no meeting.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Event is one event as it came.
type Event struct {
	ID       string // as "user-joined", in lower case; "" for a raw one
	Internal string // the server's ID of the meeting; "" where it is about none
	External string // the ID that the server knows the meeting by, where the event says it
	Parent   string // the server's ID of the parent, where the event tells that a breakout room has been made
	Named    string // the front end's ID of the meeting, as the metadata has it; "" where it has none
	JSON     json.RawMessage
}

// ErrMalformed is that something is no event.
var ErrMalformed = errors.New("no event of bbb-webhooks")

// maxEvents bounds how many come at once. bbb-webhooks sends one.
const maxEvents = 1000

// shape is where events say what they are about: data those that are mapped, core and envelope those that BigBlueButton's own
// parts tell each other, payload those of the scripts that make recordings.
type shape struct {
	Data *struct {
		ID         string `json:"id"`
		Attributes struct {
			Meeting struct {
				Internal string         `json:"internal-meeting-id"`
				External string         `json:"external-meeting-id"`
				Breakout bool           `json:"is-breakout"`
				Parent   string         `json:"parent-id"`
				Metadata map[string]any `json:"metadata"`
			} `json:"meeting"`
			RecordID  string `json:"record-id"`
			Recording struct {
				Metadata map[string]any `json:"metadata"`
			} `json:"recording"`
		} `json:"attributes"`
	} `json:"data"`
	Envelope struct {
		Routing struct {
			MeetingID string `json:"meetingId"`
		} `json:"routing"`
	} `json:"envelope"`
	Core struct {
		Header struct {
			MeetingID string `json:"meetingId"`
		} `json:"header"`
		Body struct {
			MeetingID string `json:"meetingId"`
			Props     struct {
				Meeting struct {
					Internal string `json:"intId"`
					External string `json:"extId"`
					Breakout bool   `json:"isBreakout"`
				} `json:"meetingProp"`
				Breakout struct {
					Parent string `json:"parentId"`
				} `json:"breakoutProps"`
				Metadata struct {
					Metadata map[string]any `json:"metadata"`
				} `json:"metadataProp"`
			} `json:"props"`
		} `json:"body"`
	} `json:"core"`
	Payload struct {
		Internal string         `json:"meeting_id"`
		External string         `json:"external_meeting_id"`
		RecordID string         `json:"record_id"`
		Metadata map[string]any `json:"metadata"`
	} `json:"payload"`
}

// Read reads the events of one delivery, which come as an array.
func Read(text string) ([]Event, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, ErrMalformed
	}
	if len(raw) > maxEvents {
		return nil, fmt.Errorf("%w: %d at once", ErrMalformed, len(raw))
	}
	list := make([]Event, 0, len(raw))
	for _, one := range raw {
		var s shape
		err := json.Unmarshal(one, &s)
		// What one means by a name may be something else to another: that is passed over.
		if _, other := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !other {
			return nil, ErrMalformed
		}
		if trimmed := bytes.TrimLeft(one, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
			return nil, ErrMalformed
		}
		e := s.event()
		e.JSON = one
		list = append(list, e)
	}
	return list, nil
}

// event is what a shape says.
func (s *shape) event() Event {
	if d := s.Data; d != nil {
		m := d.Attributes.Meeting
		e := Event{
			ID: strings.ToLower(d.ID), Internal: first(m.Internal, d.Attributes.RecordID), External: m.External,
			Named: first(named(m.Metadata), named(d.Attributes.Recording.Metadata)),
		}
		if m.Breakout {
			e.Parent = m.Parent
		}
		return e
	}
	props := s.Core.Body.Props
	e := Event{
		Internal: first(props.Meeting.Internal, s.Core.Header.MeetingID, s.Core.Body.MeetingID, s.Envelope.Routing.MeetingID,
			s.Payload.Internal, s.Payload.RecordID),
		External: first(props.Meeting.External, s.Payload.External),
		Named:    first(named(props.Metadata.Metadata), named(s.Payload.Metadata)),
	}
	if props.Meeting.Breakout {
		e.Parent = props.Breakout.Parent
	}
	return e
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// named is the front end's ID in metadata.
func named(meta map[string]any) string {
	text, _ := meta[bbb.IDKey].(string)
	return text
}

// Front is what a front end is to read in an event.
type Front struct {
	Alias     string // the ID that the server knows the meeting by, where that is not the front end's
	MeetingID string // the front end's
	// Original is what stands in the place of an address of ours, and whether anything does; ours is false for what is none.
	Original func(value string) (original string, stays, ours bool)
	Meta     [][2]string // metadata that the server has not got
}

// maxGrowth is by how much an event may grow: the addresses of a front end are few, and 8 KiB at most.
const maxGrowth = 512 << 10

// For writes an event for a front end. One that would grow by more than it can by itself is malformed: a server that says an
// address of ours again and again would have us keep what stands for it as often.
func (e Event) For(f Front) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(e.JSON))
	dec.UseNumber()
	w := writer{Front: f, dec: dec, most: len(e.JSON) + maxGrowth}
	if err := w.value("", ""); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return w.out.Bytes(), nil
}

// writer copies JSON, token by token.
type writer struct {
	Front

	dec  *json.Decoder
	out  bytes.Buffer
	most int // bytes that may be written
}

var errGrows = errors.New("it grows by too much")

// value copies the value that comes next, which has that key in an object with the key within. It writes nothing for a text that
// is to go.
func (w *writer) value(within, key string) error {
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	if w.out.Len() > w.most {
		return errGrows
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return w.object(key)
		}
		return w.array(within, key)
	case string:
		w.text(within, key, t)
		return nil
	}
	return w.plain(t)
}

// plain writes a value without a look at it.
func (w *writer) plain(v any) error {
	enc := json.NewEncoder(&w.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.out.Truncate(w.out.Len() - 1) // the line's end
	return nil
}

// idKeys are the names that meetings' IDs have.
var idKeys = []string{"external-meeting-id", "external_meeting_id", "extId", "meetingId", "meetingID", "meeting-id", "meeting_id"}

// text writes a text as the front end is to read it; nothing where it is to go.
func (w *writer) text(_, key, text string) {
	if w.Original != nil {
		original, stays, ours := w.Original(text)
		switch {
		case ours && !stays:
			return
		case ours:
			text = original
		}
	}
	if w.Alias != "" && text == w.Alias && slices.Contains(idKeys, key) {
		text = w.MeetingID
	}
	_ = w.plain(text) // a text can be written
}

// array copies the rest of an array. What is to go from one becomes null.
func (w *writer) array(within, key string) error {
	w.out.WriteByte('[')
	for n := 0; w.dec.More(); n++ {
		if n > 0 {
			w.out.WriteByte(',')
		}
		before := w.out.Len()
		if err := w.value(within, key); err != nil {
			return err
		}
		if w.out.Len() == before {
			w.out.WriteString("null")
		}
	}
	w.out.WriteByte(']')
	_, err := w.dec.Token()
	return err
}

// object copies the rest of an object, without members that are to go.
func (w *writer) object(within string) error {
	w.out.WriteByte('{')
	metadata := within == "metadata"
	have := map[string]bool{}
	for w.dec.More() {
		t, err := w.dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return io.ErrUnexpectedEOF
		}
		if goes(key, metadata) {
			var gone json.RawMessage
			if err := w.dec.Decode(&gone); err != nil {
				return err
			}
			continue
		}
		written, err := w.member(within, key)
		if err != nil {
			return err
		}
		have[strings.ToLower(key)] = written
	}
	if metadata {
		w.missing(have)
	}
	w.out.WriteByte('}')
	_, err := w.dec.Token()
	return err
}

// member copies a member, and tells whether anything was written.
func (w *writer) member(within, key string) (bool, error) {
	before := w.out.Len()
	w.begin(key)
	head := w.out.Len()
	if err := w.value(within, key); err != nil {
		return false, err
	}
	if w.out.Len() > head {
		return true, nil
	}
	w.out.Truncate(before)
	return false, nil
}

// begin writes what stands before the value of a member.
func (w *writer) begin(key string) {
	if b := w.out.Bytes(); b[len(b)-1] != '{' {
		w.out.WriteByte(',')
	}
	_ = w.plain(key)
	w.out.WriteByte(':')
}

// missing adds the metadata that the server has not got.
func (w *writer) missing(have map[string]bool) {
	for _, m := range w.Meta {
		if !have[m[0]] {
			w.begin(m[0])
			_ = w.plain(m[1])
		}
	}
}

// tokens are the names that session tokens have, mapped and raw, and those by which BigBlueButton's own parts know a person.
var tokens = []string{"session-token", "sessiontoken", "session_token", "authtoken", "auth-token", "auth_token"}

// goes tells whether a member is not for front ends.
func goes(key string, metadata bool) bool {
	folded := strings.ToLower(key)
	return slices.Contains(tokens, folded) || metadata && bbb.ReservedMeta(folded)
}
