package gateway

import (
	"bytes"
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// getMeetingInfo passes on what the server says of the meeting. While the server fails it tells what was last seen.
func (g *Gateway) getMeetingInfo(ctx context.Context, c *call) error {
	claim, err := g.locate(ctx, c)
	if errors.Is(err, placement.ErrUnknown) {
		return bbb.ErrMeetingNotFound
	}
	if err != nil {
		return err
	}
	if reply := g.live(ctx, c, claim.Server); reply != nil {
		return c.pass(reply)
	}
	m, ok := g.Pool.Meeting(claim.Server, c.key)
	if !ok {
		return bbb.ErrUnavailable
	}
	inner := bytes.TrimSuffix(bytes.TrimPrefix(m.Raw, []byte("<meeting>")), []byte("</meeting>"))
	return c.xml(bbb.Success().Raw(inner).Bytes())
}
