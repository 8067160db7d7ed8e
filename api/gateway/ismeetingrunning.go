package gateway

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// isMeetingRunning passes on whether somebody is in the meeting. An unknown meeting is not running, which is no error.
func (g *Gateway) isMeetingRunning(ctx context.Context, c *call) error {
	claim, err := g.locate(ctx, c)
	if errors.Is(err, placement.ErrUnknown) {
		return c.xml(bbb.Success().Bool("running", false).Bytes())
	}
	if err != nil {
		return err
	}
	if reply := g.live(ctx, c, claim.Server); reply != nil {
		return c.pass(reply)
	}
	m, _ := g.Pool.Meeting(claim.Server, c.key)
	return c.xml(bbb.Success().Bool("running", m.Participants > 0).Bytes())
}
