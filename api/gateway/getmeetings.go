package gateway

import (
	"context"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// meetingsDeadline is how long getMeetings waits for servers. What has not answered by then is listed as last seen.
const meetingsDeadline = 100 * time.Millisecond

// getMeetings lists the meetings of the tenant on all servers. It never fails because a server does. Whoever asks at
// the same time shares the answer.
func (g *Gateway) getMeetings(ctx context.Context, c *call) error {
	if g.Config.NoMeetingsList {
		return c.xml(meetingsAnswer(nil))
	}
	return c.xml(g.ofMeetings(ctx, c, meetingsAnswer))
}

// ofMeetings makes an answer of the meetings of the tenant on all servers, as they are now where servers answer in time.
// Whoever asks once the meetings are being looked at shares nothing any more: he may know of a create or an end that has
// been answered since.
func (g *Gateway) ofMeetings(ctx context.Context, c *call, answerOf func([]bbb.Meeting) []byte) []byte {
	flight := c.name + " " + c.tenant
	answer, _, _ := g.flights.Do(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), meetingsDeadline)
		defer cancel()
		g.Pool.Refresh(ctx)
		g.flights.Forget(flight)
		return answerOf(g.Pool.Meetings(c.tenant)), nil
	})
	return answer.([]byte) //nolint:forcetypeassert // what the function above returns
}

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
