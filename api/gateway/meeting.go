package gateway

import (
	"bytes"
	"context"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// locate finds the meeting that a call is about, and tells whether anybody knows it. While the meeting is being created
// the call waits, but no longer than wait. A breakout room is found by both of its IDs; the call goes on with the one
// that the claim has.
func locate(ctx context.Context, ledger *placement.Ledger, c *call, wait time.Duration) (
	found placement.Found, known bool, err error,
) {
	found, err = ledger.Find(ctx, c.key, wait)
	if !errors.Is(err, placement.ErrUnknown) {
		return found, err == nil, err
	}
	room, unknown := ledger.Breakout(c.tenant, c.key.MeetingID)
	if scoped := c.caller.Room(c.key.MeetingID); unknown != nil && scoped != c.key.MeetingID {
		room, unknown = ledger.Breakout(c.tenant, scoped)
	}
	if unknown == nil {
		c.key = room.Claim.MeetingKey
	}
	return room, unknown == nil, nil
}

// meetings answers the calls about one meeting that its server answers, and bbbpool passes on.
type meetings struct {
	ledger  *placement.Ledger
	servers *servers
	view    View
	flights singleflight.Group
}

// about has a call answered with the claim of the meeting that it is about. What is answered for an unknown meeting differs
// from call to call; one on a server that is gone counts as unknown, because it can be created anew.
func (m *meetings) about(unknown func(*call) error, known func(context.Context, *call, store.Claim) error) handler {
	return func(ctx context.Context, c *call) error {
		if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
			return err
		}
		found, there, err := locate(ctx, m.ledger, c, createDeadline)
		if err != nil {
			return err
		}
		if there {
			c.setClaim(found.Claim)
		}
		switch gone := !there || found.Standing == placement.Gone; {
		case gone && c.hearsay:
			return errMoved
		case gone:
			return unknown(c)
		}
		return known(ctx, c, found.Claim)
	}
}

// refuse answers with an error.
func refuse(err *bbb.Error) func(*call) error { return func(*call) error { return err } }

// notRunning answers isMeetingRunning for an unknown meeting, which is no error.
func notRunning(c *call) error { return c.xml(bbb.Success().Bool("running", false).Bytes()) }

// noDocument answers insertDocument for an unknown meeting, by the ID that it was called by: a breakout room may be claimed
// under another one.
func noDocument(c *call) error {
	return &bbb.Error{Message: "Meeting with id [" + c.req.Params.Get("meetingID") + "] not found."}
}

// forward passes a call on to the server that has the meeting, and its answer back.
func (m *meetings) forward(ctx context.Context, c *call, claim store.Claim) error {
	reply, err := m.servers.send(ctx, c, claim.Server, c.onServer())
	if err != nil {
		return unanswered(err)
	}
	return c.pass(reply)
}

// other passes on calls that newer servers may know and bbbpool does not, as long as they are about a live meeting.
func (m *meetings) other(ctx context.Context, c *call) error {
	if bbb.CheckMeetingID(c.key.MeetingID) != nil {
		return bbb.ErrUnsupported
	}
	return m.about(refuse(bbb.ErrUnsupported), m.forward)(ctx, c)
}

// info passes on what the server says of the meeting. While the server fails it tells what was last seen.
func (m *meetings) info(ctx context.Context, c *call, claim store.Claim) error {
	return m.live(ctx, c, claim.Server, func() error {
		seen, ok := m.view.Meeting(claim.Server, c.key)
		if !ok {
			return bbb.ErrUnavailable
		}
		inner := bytes.TrimSuffix(bytes.TrimPrefix(seen.Raw, []byte("<meeting>")), []byte("</meeting>"))
		return c.xml(bbb.Success().Raw(inner).Bytes())
	})
}

// running passes on whether somebody is in the meeting.
func (m *meetings) running(ctx context.Context, c *call, claim store.Claim) error {
	return m.live(ctx, c, claim.Server, func() error {
		seen, _ := m.view.Meeting(claim.Server, c.key)
		return c.xml(bbb.Success().Bool("running", seen.Participants > 0).Bytes())
	})
}

// live passes on what the server answers, which is shared. While the server fails it is what was last seen that counts, and that
// the leader knows best: it may reach the server, and is the first to know that the meeting has ended.
func (m *meetings) live(ctx context.Context, c *call, server string, seen func() error) error {
	if !c.unheard && !m.servers.Failing(server) {
		if reply, err := m.shared(ctx, c, server); err == nil {
			return c.pass(reply)
		}
		c.unheard = true
	}
	if c.hearsay && !c.alone {
		return errMoved
	}
	return seen()
}

// shared is send for calls that only read: those that ask the same of the same meeting at the same time share one call to the
// server. It goes on when the one who asked first hangs up, and ends with the server's deadline.
func (m *meetings) shared(ctx context.Context, c *call, server string) (*bbb.Reply, error) {
	flight := c.tenant + " " + server + " " + c.internal + " " + c.name + " " + c.query(c.onServer())
	reply, err, _ := m.flights.Do(flight, func() (any, error) {
		return m.servers.send(context.WithoutCancel(ctx), c, server, c.onServer())
	})
	if err != nil {
		return nil, err
	}
	return reply.(*bbb.Reply), nil //nolint:forcetypeassert // what the function above returns
}
