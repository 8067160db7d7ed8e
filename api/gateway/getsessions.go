package gateway

import (
	"context"
	"encoding/xml"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// getSessions lists who is in which meeting of the tenant. It goes by the meetings as getMeetings would list them: a server
// asked for its sessions would tell of every tenant's.
func (g *Gateway) getSessions(ctx context.Context, c *call) error {
	if g.Config.NoMeetingsList {
		return c.xml(sessionsAnswer(nil))
	}
	return c.xml(g.ofMeetings(ctx, c, sessionsAnswer))
}

func sessionsAnswer(meetings []bbb.Meeting) []byte {
	x, found := bbb.Success().Open("sessions"), false
	for _, m := range meetings {
		for _, name := range names(m.Raw) {
			found = true
			x.Open("meeting").Text("meetingID", m.InternalID).Text("meetingName", m.Name).Text("userName", name).Close("meeting")
		}
	}
	if !found {
		// The message is BigBlueButton's to the letter.
		return bbb.Success().Raw([]byte("<sessions/>")).Message("noSessions", "no sessions were found on this serverr").Bytes()
	}
	return x.Close("sessions").Bytes()
}

// names are those of the people in a meeting.
func names(meeting []byte) []string {
	var m struct {
		Names []string `xml:"attendees>attendee>fullName"`
	}
	_ = xml.Unmarshal(meeting, &m) // a poll has read it; what it could not read is in no view
	return m.Names
}
