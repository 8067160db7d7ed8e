package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// errForeign is why a create is given up that a server has answered with somebody else's meeting.
var errForeign = errors.New("the server has another meeting by that ID")

// createOwn creates the meeting on the server of its claim, and fails with errForeign where the server takes the create for
// a repeat of another one.
func (h *creates) createOwn(ctx context.Context, c *call, claim store.Claim) (bbb.Answer, *bbb.Reply, error) {
	answer, reply, err := h.createPatiently(ctx, c, h.queryFor(ctx, c, claim))
	if err == nil {
		err = h.checkOwner(ctx, c, claim, answer)
	}
	return answer, reply, err
}

// checkOwner asks the server whose a meeting is that was there already, and that the claim does not know: another tenant may
// have made it, whose claim was only lost from sight, so that the ledger did not know either. Who is alone has no others.
func (h *creates) checkOwner(ctx context.Context, c *call, claim store.Claim, answer bbb.Answer) error {
	made := answer.Created()
	strange := made.Repeated && answer.Err == nil && made.InternalID != claim.InternalID
	if !strange || !c.caller.Shared {
		return nil
	}
	info, err := h.servers.info(ctx, c.server, c.onServer())
	if err != nil {
		return err
	}
	if info.Get("internalMeetingID") != made.InternalID || !c.owns(claim, info) {
		return errForeign
	}
	return nil
}

// owns tells whether a server's answer is about a meeting of the caller's by the ID of the call. Breakout rooms have the metadata
// of their parents.
func (c *call) owns(claim store.Claim, info bbb.Answer) bool {
	owner := info.Owner()
	if owner.Tenant == "" && owner.Scalelite == c.tenant {
		owner.Tenant = c.tenant // Scalelite had the pool when it was made
	}
	same := claim.Breakout || cmp.Or(owner.MeetingID, c.onServer()) == c.key.MeetingID
	return cmp.Or(owner.Tenant, store.DefaultTenant) == c.tenant && same
}

// info asks a server about a meeting by its ID there. An answer that says FAILED is an error, too.
func (s *servers) info(ctx context.Context, server, meetingID string) (bbb.Answer, error) {
	client := s.Client(server)
	if client == nil {
		return bbb.Answer{}, errLeft
	}
	ctx, cancel := context.WithTimeout(ctx, createTry)
	defer cancel()
	answer, err := client.Answer(ctx, "getMeetingInfo", "meetingID="+url.QueryEscape(meetingID))
	err = cmp.Or(err, serverFault(answer))
	s.heard(ctx, server, client, "getMeetingInfo", true, err)
	if err == nil && answer.Err != nil {
		err = answer.Err
	}
	return answer, err
}

// takeSpare has a create go on under its other alias. Without one the ID is somebody else's, as far as its front end is told.
func takeSpare(ctx context.Context, creation *placement.Creation, wish *placement.Wish) error {
	if wish.Spare == "" {
		return bbb.ErrMeetingNotFound
	}
	wish.Alias, wish.Spare = wish.Spare, ""
	return creation.GiveUp(ctx)
}
