package rooms

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// StartDelay is how long BigBlueButton takes to start a meeting that it has created.
const StartDelay = 20 * time.Millisecond

// XML renders what getMeetingInfo and getMeetings show of a meeting. It is kept until something changes, for pools ask all
// the time: whoever gets it must not change it.
func (m *Meeting) XML() []byte {
	if m.rendered == nil {
		x := &bbb.Builder{}
		m.renderHead(x)
		m.People.render(x, m.MaxUsers)
		m.renderTail(x)
		m.rendered = x.Fragment()
	}
	return m.rendered
}

func (m *Meeting) renderHead(x *bbb.Builder) {
	x.Text("meetingName", m.Name).Text("meetingID", m.ID).Text("internalMeetingID", m.Internal).
		Int("createTime", m.Created.UnixMilli()).Text("createDate", bbb.CreateDate(m.Created.UTC())).
		Text("voiceBridge", m.Voice).Text("dialNumber", m.Dial).
		Text("attendeePW", m.AttendeePW).Text("moderatorPW", m.ModeratorPW).
		Bool("running", len(m.People.in) > 0).Int("duration", int64(m.Expiry.Duration/time.Minute)).
		Bool("hasUserJoined", m.People.joined > 0).Bool("recording", m.Record).
		Bool("hasBeenForciblyEnded", false).
		Int("startTime", m.Created.Add(StartDelay).UnixMilli()).Int("endTime", 0)
}

func (p *People) render(x *bbb.Builder, maxUsers int) {
	n := p.count()
	x.Int("participantCount", int64(n.people)).Int("listenerCount", 0).
		Int("voiceParticipantCount", int64(n.voices)).Int("videoCount", int64(n.videos)).
		Int("maxUsers", int64(maxUsers)).Int("moderatorCount", int64(n.moderators)).Open("attendees")
	for _, someone := range p.in {
		someone.render(x, someone == p.presenter)
	}
	x.Close("attendees")
}

func (p *Person) render(x *bbb.Builder, presenter bool) {
	x.Open("attendee").Text("userID", p.UserID).Text("fullName", p.Name).Text("role", p.Role()).
		Bool("isPresenter", presenter).Bool("isListeningOnly", false).Bool("hasJoinedVoice", p.voice).
		Bool("hasVideo", p.video).Text("clientType", "HTML5").Open("customdata")
	p.Custom.Render(x)
	x.Close("customdata").Close("attendee")
}

func (m *Meeting) renderTail(x *bbb.Builder) {
	x.Open("metadata")
	m.Metadata.Render(x)
	x.Close("metadata").Bool("isBreakout", m.Room.Breakout)
	if m.Room.Breakout {
		x.Text("parentMeetingID", m.ParentID()).Int("sequence", int64(m.Room.Sequence)).Bool("freeJoin", m.Room.FreeJoin)
	}
	rooms := slices.DeleteFunc(slices.Clone(m.rooms), (*Meeting).IsOver)
	if len(rooms) > 0 {
		x.Open("breakoutRooms")
		for _, room := range rooms {
			x.Text("breakout", room.Internal)
		}
		x.Close("breakoutRooms")
	}
}
