package gateway

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is what BigBlueButton makes IDs with
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// errNoParent is what BigBlueButton says of a breakout room without a meeting that it belongs to.
var errNoParent = &bbb.Error{
	Key: "parentMeetingDoesNotExist", Message: "No parent meeting exists for the breakout room",
}

// breakout prepares the create of a breakout room, if it is one: the room belongs to a meeting of the same tenant, whose
// server is the only one that will do, and goes by another ID than its front end has chosen.
func (g *Gateway) breakout(c *call, w *placement.Wish) error {
	params := c.req.Params
	if !strings.EqualFold(params.Get("isBreakout"), "true") {
		return nil
	}
	parent, err := g.parent(c.tenant, params.Get("parentMeetingID"))
	if err != nil || parent.Standing == placement.Gone || parent.Claim.InternalID == "" {
		return errNoParent
	}
	w.Beside = parent.Claim.Server
	c.key.MeetingID = breakoutID(c.key.MeetingID, parent.Claim.InternalID, params.Get("sequence"))
	return nil
}

// parent finds the meeting that a breakout room belongs to: by the front end's ID for it or, as BigBlueButton does, by
// the server's.
func (g *Gateway) parent(tenant, id string) (placement.Found, error) {
	found, err := g.Ledger.Peek(store.MeetingKey{Tenant: tenant, MeetingID: id})
	if err != nil {
		return g.Ledger.ByInternalID(tenant, id)
	}
	return found, nil
}

// breakoutID is the meetingID that BigBlueButton gives a breakout room, lists it under and answers with. What the create
// called meetingID becomes the internal ID (BigBlueButton's API, create).
func breakoutID(internal, parent, sequence string) string {
	_, stamp, _ := strings.Cut(internal, "-")
	hash := sha1.Sum([]byte(parent + "-" + stamp + "-" + sequence)) //nolint:gosec // as above
	return hex.EncodeToString(hash[:]) + "-" + stamp
}

// find returns where a meeting is, as the ledger's Find. Breakout rooms are found by both of their IDs; the call goes on
// with the one that the claim has.
func (g *Gateway) find(ctx context.Context, c *call, patience time.Duration) (placement.Found, error) {
	found, err := g.Ledger.Find(ctx, c.key, patience)
	if !errors.Is(err, placement.ErrUnknown) {
		return found, err
	}
	if found, err = g.Ledger.Breakout(c.tenant, c.key.MeetingID); err == nil {
		c.key = found.Claim.MeetingKey
	}
	return found, err
}
