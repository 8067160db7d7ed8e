package gateway

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// end ends the meeting on its server and closes the claim. A server that does not know the meeting has ended it.
func (g *Gateway) end(ctx context.Context, c *call) error {
	claim, err := g.locate(ctx, c)
	if errors.Is(err, placement.ErrUnknown) {
		return bbb.ErrMeetingNotFound
	}
	if err != nil {
		return err
	}
	reply, err := g.send(ctx, c, claim.Server)
	if err != nil {
		return errors.Join(bbb.ErrUnavailable, err)
	}
	answer, err := bbb.ParseAnswer(reply.Body)
	if err == nil && (answer.Err == nil || answer.Err.Key == bbb.ErrMeetingNotFound.Key) {
		if _, err := g.Ledger.Close(context.WithoutCancel(ctx), claim, "ended"); err != nil {
			g.Log.Error().Err(err).Str("meetingID", c.key.MeetingID).Msg("the meeting has ended, its claim is not closed")
		}
	}
	return c.pass(reply)
}
