package bbb

import (
	"slices"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// leaves are the elements in a meeting that have text in them and never another element, branches
// those that have elements.
var (
	leaves = []string{
		"meetingName", "meetingID", "internalMeetingID", "createTime", "createDate", "voiceBridge", "dialNumber",
		"attendeePW", "moderatorPW", "running", "duration", "hasUserJoined", "recording", "hasBeenForciblyEnded",
		"startTime", "endTime", "participantCount", "listenerCount", "voiceParticipantCount", "videoCount",
		"maxUsers", "moderatorCount", "isBreakout", "parentMeetingID", "sequence", "freeJoin",
		"userID", "fullName", "role", "isPresenter", "isListeningOnly", "hasJoinedVoice", "hasVideo", "clientType",
		"meeting", // as metadata
	}
	branches = []string{"attendees", "attendee", "customdata", "metadata", "breakoutRooms", "breakout"}
)

// mender makes sound XML of what is not: tags that were forgotten are added, those that fit nowhere become text, and
// text is escaped. It knows enough of meetings to tell a tag that somebody has for a name from one that ends it.
type mender struct {
	out   []byte
	limit int // of out, in bytes
	open  []string
}

// mend returns a meeting of this content in sound XML. It fails where that would have more bytes than the limit: escaped,
// a hostile text is five times as long, and a meeting of that size is nobody's.
func mend(content []byte, limit int) (whole []byte, ok bool) {
	if len(content) > limit {
		return nil, false
	}
	m := &mender{out: make([]byte, 0, min(len(content)+len(content)/8+64, limit)), limit: limit}
	m.out = append(m.out, meetingOpen...)
	m.content(content)
	m.closeTo(0)
	m.out = append(m.out, meetingClose...)
	return m.out, len(m.out) <= limit
}

// content mends everything between two tags.
func (m *mender) content(b []byte) {
	for s := (markup.Scanner{B: b}); len(m.out) <= m.limit; {
		t, ok := s.Next()
		if !ok {
			return
		}
		switch t.Kind {
		case markup.Start, markup.Empty:
			m.start(t)
		case markup.End:
			m.end(t)
		case markup.CDATA:
			m.text(markup.CDATAText(t.Raw), false)
		case markup.Text, markup.Stray:
			m.text(t.Raw, true)
		}
	}
}

// start opens an element, or makes text of a tag that cannot stand there.
func (m *mender) start(t markup.Token) {
	known := slices.Contains(leaves, string(t.Name)) || slices.Contains(branches, string(t.Name))
	inLeaf := len(m.open) > 0 && slices.Contains(leaves, m.open[len(m.open)-1])
	if inLeaf && known {
		m.closeTo(len(m.open) - 1)
	}
	if inLeaf && !known || len(m.open) == markup.MaxDepth {
		m.text(t.Raw, true)
		return
	}
	m.out = append(m.out, t.Raw...)
	if t.Kind == markup.Start {
		m.open = append(m.open, string(t.Name))
	}
}

// end closes an element and all in it, or makes text of the tag where no such element is open.
func (m *mender) end(t markup.Token) {
	for i, name := range slices.Backward(m.open) {
		if name == string(t.Name) {
			m.closeTo(i)
			return
		}
	}
	if len(m.open) > 0 && slices.Contains(leaves, m.open[len(m.open)-1]) {
		m.text(t.Raw, true)
	}
}

// closeTo closes elements until so many are open.
func (m *mender) closeTo(depth int) {
	for len(m.open) > depth {
		last := len(m.open) - 1
		m.out = append(append(append(m.out, "</"...), m.open[last]...), '>')
		m.open = m.open[:last]
	}
}

// text appends text. References in it are left as they are; in CDATA there are none.
func (m *mender) text(b []byte, references bool) {
	for len(b) > 0 && len(m.out) <= m.limit {
		n := 0
		if references {
			_, n = markup.Reference(b)
		}
		if n == 0 {
			_, n = utf8.DecodeRune(b)
		}
		switch {
		case b[0] == '<':
			m.out = append(m.out, "&lt;"...)
		case b[0] == '>':
			m.out = append(m.out, "&gt;"...)
		case b[0] == '&' && n == 1:
			m.out = append(m.out, "&amp;"...)
		default:
			m.out = markup.AppendLegal(m.out, b[:n])
		}
		b = b[n:]
	}
}
