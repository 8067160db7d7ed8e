package bbb

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// Meeting is a meeting as its server shows it.
type Meeting struct {
	// Raw is the <meeting> element as the server sent it, but with the front end's ID, and without what is ours in its
	// metadata. It is safe inside another document.
	Raw []byte

	MeetingID    string // the front end's
	Alias        string // the ID that the server knows it by, where that is another; "" where it is the same
	InternalID   string
	Name         string
	ParentID     string // internal ID of the parent of a breakout room
	CreateTime   int64  // milliseconds since 1970, by the server's clock
	Participants int    // people in it, moderators included
	Voices       int    // of them with a microphone
	Videos       int    // cameras
	Joined       bool   // somebody was in it at some time
	Recorded     bool   // created with record=true
	Breakout     bool
	Ended        bool // over, and only listed until the server forgets it
	Tenant       string
	Scalelite    string // the tenant that Scalelite has marked it as; "" where it has not
}

// OnServer returns the ID that the server knows the meeting by.
func (m Meeting) OnServer() string { return cmp.Or(m.Alias, m.MeetingID) }

// Listing is what a server shows of its meetings.
type Listing struct {
	*Reply
	Meetings []Meeting
	Broken   int // meetings that could not be read
}

// Meetings asks the server for its meetings, see ParseMeetings, whose errors leave the reply there. However many servers
// answer with however much, what is made of their answers stays within what all clients of a pool may take.
func (c *Client) Meetings(ctx context.Context) (list Listing, err error) {
	list.Reply, err = c.do(ctx, question{call: "getMeetings", read: func(r *Reply) (err error) {
		list.Meetings, list.Broken, err = ParseMeetings(r.Body)
		return err
	}})
	return list, err
}

// maxMeetings is how many meetings of one server are looked at. Those beyond it count as broken.
const maxMeetings = 20_000

const (
	// maxMended is how many bytes of an answer may be mended: some 12,000 attendees of meetings that are not sound.
	maxMended = 4 << 20
	// maxGrown is how many bytes all its meetings may grow by when they are restored. Hardly any grows at all.
	maxGrown = 4 << 20
)

// ParseMeetings reads the answer to getMeetings. A meeting that is not sound XML is mended; broken tells how many were
// lost even so, for want of an ID, or because there was more to mend than in any real answer. The raw elements keep body
// alive. What it allocates, garbage included, is at most twice the size of body and 32 MiB.
func ParseMeetings(body []byte) (meetings []Meeting, broken int, err error) {
	answer, err := ParseAnswer(body)
	if err != nil {
		return nil, 0, fmt.Errorf("getMeetings: %w", err)
	}
	if answer.Err != nil {
		return nil, 0, fmt.Errorf("getMeetings: %w", answer.Err)
	}
	mendable, growth := maxMended, maxGrown
	for s := (markup.Scanner{B: body}); ; {
		raw, ok := nextMeeting(&s)
		if !ok {
			return meetings, broken, nil
		}
		if len(meetings)+broken >= maxMeetings {
			broken++
		} else if m, ok := parseMeeting(raw, &mendable); ok && m.restore(&growth) {
			meetings = append(meetings, m.Meeting)
		} else {
			broken++
		}
	}
}

const (
	meetingOpen  = "<meeting>"
	meetingClose = "</meeting>"
)

// nextMeeting returns the next <meeting> element. Where its end tag is missing, it ends at the next meeting. Metadata
// may be called "meeting" too; it shows by having text in it and no elements.
func nextMeeting(s *markup.Scanner) (raw []byte, ok bool) {
	start, metadata := -1, false
	for {
		skipToMeeting(s)
		t, ok := s.Next()
		switch {
		case !ok && start < 0:
			return nil, false
		case !ok:
			return s.B[start:], true
		case string(t.Name) != "meeting":
		case t.Kind == markup.Start && start < 0:
			start = t.Pos
		case t.Kind == markup.Start && beforeElement(s):
			s.Pos = t.Pos
			return s.B[start:t.Pos], true
		case t.Kind == markup.Start:
			metadata = true
		case t.Kind == markup.End && metadata:
			metadata = false
		case t.Kind == markup.End && start >= 0:
			return s.B[start:s.Pos:s.Pos], true
		}
	}
}

// skipToMeeting goes to the next piece that matters to nextMeeting, which is much faster than token by token.
func skipToMeeting(s *markup.Scanner) {
	for s.Pos < len(s.B) {
		next := bytes.IndexByte(s.B[s.Pos:], '<')
		if next < 0 {
			s.Pos = len(s.B)
			return
		}
		s.Pos += next
		tag := bytes.TrimPrefix(s.B[s.Pos+1:], []byte("/"))
		if bytes.HasPrefix(tag, []byte("meeting")) || bytes.HasPrefix(tag, []byte("![CDATA[")) {
			return
		}
		s.Pos++
	}
}

// beforeElement tells whether the next tag is a start tag.
func beforeElement(s *markup.Scanner) bool {
	for ahead := *s; ; {
		t, ok := ahead.Next()
		if !ok || len(t.Name) > 0 {
			return ok && t.Kind == markup.Start
		}
	}
}

// reading is a meeting while it is read.
type reading struct {
	Meeting

	people []byte // its attendees, as they stand in Raw
}

// parseMeeting reads one <meeting> element, mending it where it has to. What that takes goes off mendable.
func parseMeeting(raw []byte, mendable *int) (reading, bool) {
	m := reading{Meeting: Meeting{Raw: raw}}
	inner := raw[bytes.IndexByte(raw, '>')+1:]
	content, whole := bytes.CutSuffix(inner, []byte(meetingClose))
	if !whole || !markup.Children(content, m.set) {
		mended, ok := mend(content, *mendable)
		*mendable = max(*mendable-len(mended), 0)
		if !ok {
			return reading{}, false
		}
		m = reading{Meeting: Meeting{Raw: mended}}
		markup.Children(mended[len(meetingOpen):len(mended)-len(meetingClose)], m.set)
	}
	return m, m.MeetingID != "" && m.InternalID != ""
}

// restore gives a meeting the front end's ID, which is in its metadata. Breakout rooms have their parent's metadata and an ID
// of the server's own. Where there is no ID that can stand for the listed one, it is the listed one.
func (m *reading) restore(growth *int) bool {
	listed, raw := m.MeetingID, m.Raw
	m.MeetingID, m.Alias = m.Alias, listed
	usable := m.MeetingID != listed && CheckMeetingID(m.MeetingID) == nil
	if usable && !m.Breakout && m.restoreRaw(raw, growth) && (Answer{body: m.Raw}).Get("meetingID") == m.MeetingID {
		return true
	}
	m.MeetingID, m.Alias = listed, ""
	return m.restoreRaw(raw, growth)
}

// restoreRaw restores the element. What it grows by goes off growth.
func (m *reading) restoreRaw(raw []byte, growth *int) (ok bool) {
	if m.Raw, ok = restore(raw, m.Alias, m.MeetingID, len(raw)+*growth, m.people); ok {
		*growth -= max(len(m.Raw)-len(raw), 0)
	}
	return ok
}

func (m *reading) set(name string, inner []byte) {
	switch name {
	case "attendees":
		m.people = inner
	case "meetingID":
		m.MeetingID = cmp.Or(m.MeetingID, markup.Plain(inner))
	case "internalMeetingID":
		m.InternalID = markup.Plain(inner)
	case "meetingName":
		m.Name = markup.Plain(inner)
	case "parentMeetingID":
		m.ParentID = markup.Plain(inner)
	case "createTime":
		m.CreateTime = number(inner)
	case "participantCount":
		m.Participants = count(inner)
	case "voiceParticipantCount":
		m.Voices = count(inner)
	case "videoCount":
		m.Videos = count(inner)
	case "hasUserJoined":
		m.Joined = markup.Plain(inner) == "true"
	case "recording":
		m.Recorded = markup.Plain(inner) == "true"
	case "isBreakout":
		m.Breakout = markup.Plain(inner) == "true"
	case "hasBeenForciblyEnded":
		m.Ended = m.Ended || markup.Plain(inner) == "true"
	case "endTime":
		m.Ended = m.Ended || number(inner) > 0
	case "metadata":
		markup.Children(inner, func(key string, value []byte) {
			switch key {
			case TenantKey:
				m.Tenant = markup.Plain(value)
			case scaleliteTenant:
				m.Scalelite = markup.Plain(value)
			case IDKey:
				m.Alias = markup.Plain(value)
			}
		})
	}
}

// Meeting is the meeting that an answer to getMeetingInfo is about, as its server shows it.
func (a Answer) Meeting() (Meeting, bool) {
	content := bytes.Replace(a.content(), []byte("<returncode>SUCCESS</returncode>"), nil, 1)
	raw := append(append([]byte(meetingOpen), content...), meetingClose...)
	mendable, growth := maxMended, maxGrown
	m, ok := parseMeeting(raw, &mendable)
	if !ok || a.Err != nil || !m.restore(&growth) {
		return Meeting{}, false
	}
	return m.Meeting, true
}

// Owner is whose a meeting is, as the pool that made it has marked it.
type Owner struct {
	Tenant    string // "" for the default tenant's, and where another pool has made it
	Scalelite string // the tenant by Scalelite's mark; "" for none
	MeetingID string // what its front end calls it; "" where that is what the server calls it
}

// Owner reads from an answer about one meeting whose it is.
func (a Answer) Owner() Owner {
	var m reading
	markup.Children(a.content(), m.set)
	return Owner{m.Tenant, m.Scalelite, m.Alias}
}

// count reads a number of people, of which no server holds a million.
func count(b []byte) int { return int(min(number(b), 1_000_000)) }

// maxNumber is how many bytes of text a number may have, separators included.
const maxNumber = 64

// number reads a number as servers print them: Java puts separators between thousands, which ones depends on the
// server's language. What is no number is 0.
func number(b []byte) int64 {
	text := markup.Plain(b)
	if len(text) > maxNumber {
		return 0
	}
	groups := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",.'’ \u00a0\u202f", r) })
	for i, group := range groups {
		if i > 0 && len(group) != 3 || strings.Trim(group, "0123456789") != "" {
			return 0
		}
	}
	if len(groups) == 0 {
		return 0
	}
	n, err := strconv.ParseUint(strings.Join(groups, ""), 10, 63)
	if err != nil {
		return 0
	}
	return int64(n)
}

// Moderator tells whether that is the moderators' password of the meeting, as its server shows it, and whether the
// server does.
func (m Meeting) Moderator(password string) (right, known bool) {
	seen := Answer{body: m.Raw}.Get("moderatorPW")
	return subtle.ConstantTimeCompare([]byte(password), []byte(seen)) == 1, seen != ""
}
