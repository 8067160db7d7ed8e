package simulator

import (
	"crypto/sha1" //nolint:gosec // what BigBlueButton makes internal IDs with
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// meeting is a meeting on a server, guarded by the server's mutex.
type meeting struct {
	id       string // the front end's
	internal string
	name     string

	attendeePW  string
	moderatorPW string
	voice       string
	webVoice    string
	dial        string
	created     time.Time
	duration    time.Duration // 0: endless
	maxUsers    int           // 0: unlimited
	record      bool
	guestPolicy string
	authGuests  bool
	metadata    []pair
	logoutURL   string
	endedURL    string
	keepEvents  bool

	neverJoined time.Duration // 0: waits for ever, like the next one
	deserted    time.Duration
	noModerator time.Duration // 0: goes on without
	breakout    bool
	parent      *meeting
	sequence    int
	freeJoin    bool
	rooms       []*meeting // its breakout rooms

	params    bbb.Params
	modules   []string
	documents []Document
	chat      []string

	people          []*person
	arriving        []*person // have joined and are on their way
	waiting         []*person // guests at the door
	presenter       *person
	joined          int // people that ever were in it
	emptied         time.Time
	moderatorJoined bool
	moderatorsGone  time.Time
	ended           time.Time // zero while it goes on
	ordered         bool      // to end, by somebody

	rendered []byte // its XML; nil once something has changed
}

// pair is a name and a value, in the order they came in.
type pair struct{ name, value string }

// person is somebody in a meeting. Those that Populate and AddPeople make have no session.
type person struct {
	meeting    *meeting
	userID     string // the front end's
	internal   string
	name       string
	session    string
	custom     []pair
	logoutURL  string
	arrives    time.Time
	moderator  bool
	listenOnly bool
	voice      bool
	video      bool
	guest      bool
}

func (m *meeting) isEnded() bool { return !m.ended.IsZero() }

// changed forgets the rendering.
func (m *meeting) changed() { m.rendered = nil }

// internalID makes the ID that servers, recordings and callbacks know a meeting by.
func internalID(meetingID string, created time.Time) string {
	return sha1hex(meetingID) + "-" + strconv.FormatInt(created.UnixMilli(), 10)
}

func sha1hex(s string) string {
	sum := sha1.Sum([]byte(s)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// enter adds somebody to the people who are in the meeting.
func (m *meeting) enter(p *person) {
	m.people = append(m.people, p)
	m.joined++
	if p.moderator {
		m.moderatorJoined = true
		m.moderatorsGone = time.Time{}
		if m.presenter == nil {
			m.presenter = p
		}
	}
	m.changed()
}

// leave removes people from the meeting.
func (m *meeting) leave(now time.Time, gone func(*person) bool) {
	m.people = slices.DeleteFunc(m.people, gone)
	m.arriving = slices.DeleteFunc(m.arriving, gone)
	m.waiting = slices.DeleteFunc(m.waiting, gone)
	if m.presenter != nil && !slices.Contains(m.people, m.presenter) {
		m.presenter = nil
		if i := slices.IndexFunc(m.people, func(p *person) bool { return p.moderator }); i >= 0 {
			m.presenter = m.people[i]
		}
	}
	if len(m.people) == 0 {
		m.emptied = now
	}
	if m.moderatorJoined && m.moderatorsGone.IsZero() && m.presenter == nil {
		m.moderatorsGone = now
	}
	m.changed()
}

// xml renders what getMeetingInfo and getMeetings show of a meeting.
func (m *meeting) xml() []byte {
	if m.rendered == nil {
		x := &bbb.Builder{}
		m.renderHead(x)
		m.renderPeople(x)
		m.renderTail(x)
		m.rendered = x.Fragment()
	}
	return m.rendered
}

func (m *meeting) renderHead(x *bbb.Builder) {
	x.Text("meetingName", m.name).Text("meetingID", m.id).Text("internalMeetingID", m.internal).
		Int("createTime", m.created.UnixMilli()).Text("createDate", bbb.CreateDate(m.created.UTC())).
		Text("voiceBridge", m.voice).Text("dialNumber", m.dial).
		Text("attendeePW", m.attendeePW).Text("moderatorPW", m.moderatorPW).
		Bool("running", len(m.people) > 0).Int("duration", int64(m.duration/time.Minute)).
		Bool("hasUserJoined", m.joined > 0).Bool("recording", m.record).
		Bool("hasBeenForciblyEnded", false).
		Int("startTime", m.created.Add(startDelay).UnixMilli()).Int("endTime", 0)
}

// startDelay is how long BigBlueButton takes to start a meeting that it has created.
const startDelay = 20 * time.Millisecond

func (m *meeting) renderPeople(x *bbb.Builder) {
	n := m.count()
	x.Int("participantCount", int64(n.People)).Int("listenerCount", int64(n.Listeners)).
		Int("voiceParticipantCount", int64(n.Voices)).Int("videoCount", int64(n.Videos)).
		Int("maxUsers", int64(m.maxUsers)).Int("moderatorCount", int64(n.Moderators)).Open("attendees")
	for _, p := range m.people {
		p.render(x, p == m.presenter)
	}
	x.Close("attendees")
}

func (p *person) render(x *bbb.Builder, presenter bool) {
	x.Open("attendee").Text("userID", p.userID).Text("fullName", p.name).Text("role", p.role()).
		Bool("isPresenter", presenter).Bool("isListeningOnly", p.listenOnly).Bool("hasJoinedVoice", p.voice).
		Bool("hasVideo", p.video).Text("clientType", "HTML5").Open("customdata")
	renderPairs(x, p.custom)
	x.Close("customdata").Close("attendee")
}

func (p *person) role() string {
	if p.moderator {
		return "MODERATOR"
	}
	return "VIEWER"
}

func (m *meeting) renderTail(x *bbb.Builder) {
	x.Open("metadata")
	renderPairs(x, m.metadata)
	x.Close("metadata").Bool("isBreakout", m.breakout)
	if m.breakout {
		x.Text("parentMeetingID", m.parent.internal).Int("sequence", int64(m.sequence)).Bool("freeJoin", m.freeJoin)
	}
	rooms := slices.DeleteFunc(slices.Clone(m.rooms), (*meeting).isEnded)
	if len(rooms) > 0 {
		x.Open("breakoutRooms")
		for _, room := range rooms {
			x.Text("breakout", room.internal)
		}
		x.Close("breakoutRooms")
	}
}

func renderPairs(x *bbb.Builder, pairs []pair) {
	for _, p := range pairs {
		x.Text(p.name, p.value)
	}
}

// set gives a name a value, in its place or at the end.
func set(pairs []pair, name, value string) []pair {
	for i := range pairs {
		if pairs[i].name == name {
			pairs[i].value = value
			return pairs
		}
	}
	return append(pairs, pair{name, value})
}

func get(pairs []pair, name string) string {
	for _, p := range pairs {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// counts is who does what in a meeting.
type counts struct{ People, Moderators, Listeners, Voices, Videos int }

func (m *meeting) count() counts {
	n := counts{People: len(m.people)}
	for _, p := range m.people {
		n.Moderators += one(p.moderator)
		n.Listeners += one(p.listenOnly)
		n.Voices += one(p.voice)
		n.Videos += one(p.video)
	}
	return n
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
