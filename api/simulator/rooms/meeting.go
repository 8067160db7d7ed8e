package rooms

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Wanted is what a create asks for.
type Wanted struct {
	ID          string // the front end's
	Name        string
	AttendeePW  string
	ModeratorPW string
	Voice       string
	WebVoice    string
	Dial        string
	MaxUsers    int // 0: unlimited
	Record      bool
	AutoStart   bool // the recording starts with the first person
	Manual      bool // somebody has to start it, where it does not by itself; otherwise somebody always does
	GuestPolicy string
	AuthGuests  bool
	Metadata    Pairs
	LogoutURL   string
	EndedURL    string
	KeepEvents  bool
	Expiry      Expiry
	Room        Room

	Params    bbb.Params
	Modules   []string
	Documents []Document
}

// Expiry is when a meeting ends by itself. Where a time is 0 it does not for that reason.
type Expiry struct {
	Duration    time.Duration
	NeverJoined time.Duration
	Deserted    time.Duration
	NoModerator time.Duration
}

// Room is what makes a meeting a breakout room.
type Room struct {
	Breakout bool
	Parent   string // its meetingID or internal ID
	Sequence int
	FreeJoin bool
}

// Document is a presentation that came with a create or an insertDocument. Nothing is downloaded or converted.
type Document struct {
	Name         string `json:"name"`
	URL          string `json:"url,omitempty"`
	Size         int    `json:"size,omitempty"` // bytes, where they came in the body
	Current      bool   `json:"current"`
	Downloadable bool   `json:"downloadable"`
	Removable    bool   `json:"removable"`
}

// What is remembered of a meeting at most.
const (
	MaxDocuments = 100
	maxChat      = 100
)

// Meeting is a meeting on a server.
type Meeting struct {
	Wanted

	Internal string // ID
	Created  time.Time
	People   People

	parent   *Meeting
	rooms    []*Meeting // its breakout rooms
	chat     []string
	ended    time.Time // zero while it goes on
	ordered  bool      // to end, by somebody
	marks    int       // how often the recording was started
	rendered []byte    // its XML; nil once something has changed

	recording  bool
	attendance attendance
}

// EndedAt returns when the meeting ended; the zero time while it goes on.
func (m *Meeting) EndedAt() time.Time { return m.ended }

// IsOver tells whether the meeting has ended.
func (m *Meeting) IsOver() bool { return !m.ended.IsZero() }

// GoesOn tells a meeting that people can be in from one that has ended, and from none.
func (m *Meeting) GoesOn() bool { return m != nil && m.ended.IsZero() }

// ParentID returns the internal ID of the meeting that a breakout room belongs to, or "".
func (m *Meeting) ParentID() string {
	if m.parent == nil {
		return ""
	}
	return m.parent.Internal
}

// IsRecorded tells whether a recording comes of the meeting: it has to have been started. Where that is not left to the
// button (Manual), somebody has to have been there, or to have ended it. A pool that tests a server makes meetings in which
// nobody presses the button.
func (m *Meeting) IsRecorded() bool {
	return m.Record && !m.isProbe() && (m.marks > 0 || !m.Manual && (m.People.joined > 0 || m.ordered))
}

func (m *Meeting) isProbe() bool {
	return slices.ContainsFunc(m.Metadata, func(p Pair) bool { return p.Name == "bbbpool-probe" })
}

// IsRecording tells whether the recording goes on now.
func (m *Meeting) IsRecording() bool { return m.recording }

// AddDocuments shows more documents in the meeting, as far as there is room for them.
func (m *Meeting) AddDocuments(documents []Document) {
	for _, d := range documents[:min(len(documents), max(0, MaxDocuments-len(m.Documents)))] {
		if d.Current {
			for i := range m.Documents {
				m.Documents[i].Current = false
			}
		}
		m.Documents = append(m.Documents, d)
	}
}

// Say puts a message into the chat, as far as there is room for it.
func (m *Meeting) Say(user, message string) {
	if len(m.chat) < maxChat {
		m.chat = append(m.chat, user+": "+message)
	}
}

// changed forgets the rendering.
func (m *Meeting) changed() { m.rendered = nil }

// expired tells whether a meeting ends by itself.
func (m *Meeting) expired(now time.Time) bool {
	since := func(t time.Time, d time.Duration) bool { return d > 0 && !t.IsZero() && now.Sub(t) >= d }
	switch {
	case since(m.Created, m.Expiry.Duration):
		return true
	case m.People.joined == 0:
		return since(m.Created, m.Expiry.NeverJoined)
	case len(m.People.in) == 0:
		return since(m.People.emptied, m.Expiry.Deserted)
	}
	return since(m.People.moderatorsGone, m.Expiry.NoModerator)
}

// View is a meeting as tests and the control port see it.
type View struct {
	MeetingID  string            `json:"meetingID"`
	InternalID string            `json:"internalMeetingID"`
	Name       string            `json:"name"`
	Created    time.Time         `json:"created"`
	People     int               `json:"people"`
	Moderators int               `json:"moderators"`
	Voices     int               `json:"voices"`
	Videos     int               `json:"videos"`
	Waiting    int               `json:"waiting"`   // guests, and people on their way
	Recording  bool              `json:"recording"` // now
	Marks      int               `json:"marks"`     // how often the recording was started
	Ended      bool              `json:"ended"`
	Breakout   bool              `json:"breakout"`
	ParentID   string            `json:"parentID,omitempty"` // internal ID
	Params     map[string]string `json:"params"`             // of the create that made it, unknown ones too
	Modules    []string          `json:"modules,omitempty"`  // names of those in the body
	Documents  []Document        `json:"documents,omitempty"`
	Chat       []string          `json:"chat,omitempty"` // "user: message"
}

// View returns the meeting as it is now. Nothing in it changes with the meeting.
func (m *Meeting) View() View {
	n := m.People.count()
	v := View{
		MeetingID: m.ID, InternalID: m.Internal, Name: m.Name, Created: m.Created,
		People: n.people, Moderators: n.moderators, Voices: n.voices, Videos: n.videos,
		Waiting: len(m.People.waiting) + len(m.People.arriving), Recording: m.recording, Marks: m.marks,
		Ended: m.IsOver(), Breakout: m.Room.Breakout,
		ParentID: m.ParentID(), Params: make(map[string]string, len(m.Params)), Modules: slices.Clone(m.Modules),
		Documents: slices.Clone(m.Documents), Chat: slices.Clone(m.chat),
	}
	for _, p := range m.Params {
		v.Params[p.Name] = p.Value
	}
	return v
}
