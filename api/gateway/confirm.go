package gateway

import (
	"context"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// Design: meetings that are made and cannot be written down.
//
// A meeting that its server has cannot be unmade, and one that nobody knows of once this process ends is never told as over, has
// no session, and leaves its callbacks behind. So the database is waited for.
//
// Where there are several instances a create is not acknowledged before it is durable. Who does not lead any more hands it on to
// the leader, which finds the meeting at its server (again.go); while there is none, or the database stays away, the front end is
// told to come again, and finds the meeting, too.
//
// An instance alone waits a few seconds, and answers then: people wait for this meeting, this process knows it, and nobody else
// could do better. It tries to store it with every poll (placement's Reconcile), until that is done or the meeting is over. What
// is lost in between is what a crash takes that comes while the disk is full as well.

// confirmWait is how long an instance that is alone waits for the database with a meeting that is made.
const confirmWait = 5 * time.Second

// confirm writes down what a server has made. After an error it is not to be answered.
func (h *creates) confirm(ctx context.Context, c *call, creation *placement.Creation, made placement.Made) error {
	alone, until := h.servers.authority.alone(), time.Now().Add(confirmWait)
	more := func() bool { return h.timeLeft(ctx) && (!alone || time.Now().Before(until)) }
	err := whileAway(ctx, more, func() error { return creation.Confirm(context.WithoutCancel(ctx), made) })
	switch {
	case err == nil:
		return nil
	case fenced(err), !alone && !creation.Durable():
		return err
	case creation.Durable():
		h.log.Error().Err(err).Str("meetingID", c.key.MeetingID).Msg("the session before is not stored; that is tried again")
	default:
		h.log.Error().Err(err).Str("meetingID", c.key.MeetingID).Msg("the claim stands, its internal ID is not stored")
	}
	return nil
}
