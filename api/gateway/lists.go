package gateway

import (
	"context"
	"encoding/xml"
	"iter"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// View is what was last seen of the meetings on all servers.
type View interface {
	// Refresh asks all servers for their meetings and returns when they have answered or ctx ends.
	Refresh(ctx context.Context)
	// Meetings returns the meetings of a tenant as last seen.
	Meetings(tenant string) []bbb.Meeting
	// Meeting returns one meeting as last seen on a server.
	Meeting(server string, key store.MeetingKey) (bbb.Meeting, bool)
	// Copies returns every server that may have a meeting, whether it answers now or not, and the meeting as it was last
	// seen there: where it is claimed first. What is over is not among them.
	Copies(key store.MeetingKey) iter.Seq2[string, bbb.Meeting]
	// Created notes a meeting that no poll has seen yet.
	Created(server string, m bbb.Meeting)
}

// lists answers the calls about all meetings of a tenant.
type lists struct {
	view    View
	none    bool // answers are empty
	flights singleflight.Group
}

// meetingsDeadline is how long getMeetings waits for servers. What has not answered by then is listed as last seen.
const meetingsDeadline = 100 * time.Millisecond

// getMeetings lists the meetings of the tenant on all servers. It never fails because a server does. Whoever asks at
// the same time shares the answer.
func (l *lists) getMeetings(ctx context.Context, c *call) error {
	if l.none {
		return c.xml(meetingsAnswer(nil))
	}
	return c.xml(l.ofMeetings(ctx, c, meetingsAnswer))
}

// ofMeetings makes an answer of the meetings of the tenant on all servers, as they are now where servers answer in time.
// Whoever asks once the meetings are being looked at shares nothing any more: he may know of a create or an end that has
// been answered since.
func (l *lists) ofMeetings(ctx context.Context, c *call, answerOf func([]bbb.Meeting) []byte) []byte {
	flight := c.name + " " + c.tenant
	answer, _, _ := l.flights.Do(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), meetingsDeadline)
		defer cancel()
		l.view.Refresh(ctx)
		l.flights.Forget(flight)
		return answerOf(l.view.Meetings(c.tenant)), nil
	})
	return answer.([]byte) //nolint:forcetypeassert // what the function above returns
}

// meetingsAnswer writes the meetings as their servers did.
func meetingsAnswer(meetings []bbb.Meeting) []byte {
	x := bbb.Success()
	if len(meetings) == 0 {
		return x.Raw([]byte("<meetings/>")).Message("noMeetings", "no meetings were found on this server").Bytes()
	}
	size := 64
	for _, m := range meetings {
		size += len(m.Raw)
	}
	x.Grow(size).Open("meetings")
	for _, m := range meetings {
		x.Raw(m.Raw)
	}
	return x.Close("meetings").Bytes()
}

// getSessions lists who is in which meeting of the tenant. It goes by the meetings as getMeetings would list them: a server
// asked for its sessions would tell of every tenant's.
func (l *lists) getSessions(ctx context.Context, c *call) error {
	if l.none {
		return c.xml(sessionsAnswer(nil))
	}
	return c.xml(l.ofMeetings(ctx, c, sessionsAnswer))
}

// sessionsAnswer writes who is in which meeting.
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
