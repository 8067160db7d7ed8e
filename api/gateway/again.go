package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Design: creates that were made already.
//
// A create may have been done although nobody has heard so: its answer was lost on the way from the server, or the leader ended
// that had sent it, and whoever has handed it on hands it to the next one. To make it anew elsewhere would leave two meetings.
// So the server that it was sent to is asked first, and whoever finds the meeting that this very create has made (the claim has
// the ID of the request) answers as the server has answered then. A repeat alone would not do: a server takes one without all
// the passwords that it has chosen itself for another meeting (idNotUnique).
//
// Where the claim is still that of the meeting before, which was over, and this create has begun it anew, nothing has its ID:
// then a meeting that no claim knows, made while the create was on its way, is taken for the one that it has made. Whoever is
// mistaken in that has made a create by the same name, with the same secret and the same passwords, at the same time.

// createAt is createOwn, where the create may have been done before: by an earlier leader, or by a call whose answer was lost.
func (h *creates) createAt(ctx context.Context, c *call, place placement.Placement) (bbb.Answer, *bbb.Reply, error) {
	claim := place.Claim
	if !place.Anew.IsZero() { // where there is such a meeting still, what we send changes nothing of it
		claim.Placed = place.Anew
	}
	answer, reply, err := h.createOwn(ctx, c, claim)
	switch {
	case err != nil && lostAnswer(err):
		if answer, reply, found := h.lookAfter(ctx, c, place); found {
			return answer, reply, nil
		}
	case err == nil && place.Known && (c.handed || c.began(place.Claim)):
		return h.asFirst(ctx, c, place.Claim, answer, reply)
	}
	return answer, reply, err
}

// began tells whether a claim was placed by this very create.
func (c *call) began(claim store.Claim) bool { return c.request != "" && claim.Request == c.request }

// made tells whether a meeting that its server has may have been made by this very create: its claim says so, or the create was
// handed on, and the meeting, which is not that of the claim, has begun while it was on its way.
func (c *call) made(claim store.Claim, internalID string, createTime int64) bool {
	if c.began(claim) {
		return claim.InternalID == "" || claim.InternalID == internalID
	}
	return c.handed && claim.InternalID != "" && claim.InternalID != internalID &&
		time.Since(time.UnixMilli(createTime)) < createDeadline+before
}

// lostAnswer tells whether a create that failed may have been done all the same, and the server may be able to tell.
func lostAnswer(err error) bool {
	failed, ok := errors.AsType[*bbb.CallError](err)
	if !ok || errors.Is(err, errSilent) {
		return false
	}
	return failed.Reason == bbb.Timeout || failed.Reason == bbb.Broken ||
		failed.Status == http.StatusBadGateway || failed.Status == http.StatusGatewayTimeout
}

// asFirst turns what a server says to a repeat, if it is one of this very create, into what it has said to the first one.
func (h *creates) asFirst(
	ctx context.Context, c *call, claim store.Claim, answer bbb.Answer, reply *bbb.Reply,
) (bbb.Answer, *bbb.Reply, error) {
	switch there := answer.Created(); {
	case answer.Err == nil && there.Repeated && c.made(claim, there.InternalID, there.CreateTime):
		return answered(bbb.FirstAnswer(reply.Body), reply.ContentType)
	case answer.Err == nil || answer.Err.Key != bbb.ErrNotUnique.Key:
		return answer, reply, nil
	}
	m, err := h.ownMeeting(ctx, c, claim)
	if err != nil || !c.mayHaveMade(m) || !c.made(claim, m.InternalID, m.CreateTime) {
		return answer, reply, nil //nolint:nilerr // what the server has said to the create stands
	}
	return answered(m.Created(), reply.ContentType)
}

// before is how much earlier than its claim a meeting may have been created, by the clock of its server, to be one that the
// create of the claim has made.
const before = time.Minute

// lookAfter asks a server whether it has done a create whose answer was lost, and answers in its place.
func (h *creates) lookAfter(ctx context.Context, c *call, place placement.Placement) (bbb.Answer, *bbb.Reply, bool) {
	m, err := h.ownMeeting(ctx, c, place.Claim)
	over := placement.Sighting{Key: c.key, Alias: c.alias, InternalID: m.InternalID, CreateTime: m.CreateTime}
	if err != nil || m.Ended || h.ledger.Over(c.server, over) {
		return bbb.Answer{}, nil, false
	}
	params := c.req.Params
	older := place.Claim.Placed.Sub(time.UnixMilli(m.CreateTime)) > before
	if known := place.Known && place.Claim.InternalID == m.InternalID && !c.began(place.Claim); known || older {
		body, no := m.Repeated(params.Get("attendeePW"), params.Get("moderatorPW"))
		if no != nil {
			return bbb.Answer{}, nil, false
		}
		answer, reply, err := answered(body, "")
		return answer, reply, err == nil
	}
	if !c.mayHaveMade(m) {
		return bbb.Answer{}, nil, false
	}
	answer, reply, err := answered(m.Created(), "")
	h.log.Warn().Str("meetingID", c.key.MeetingID).Str("server", c.server).
		Msg("the answer to a create was lost, the meeting is there")
	return answer, reply, err == nil
}

// ownMeeting asks the server that a create goes to for the meeting, which must be the caller's.
func (h *creates) ownMeeting(ctx context.Context, c *call, claim store.Claim) (m bbb.Meeting, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.servers.Patience(c.server))
	defer cancel()
	info, err := h.servers.info(ctx, c.server, c.onServer())
	if err != nil {
		return m, err
	}
	m, ok := info.Meeting()
	if !ok || !c.owns(claim, info) {
		return m, errForeign
	}
	m.MeetingID = c.key.MeetingID
	return m, nil
}

// mayHaveMade tells whether the create has the passwords of a meeting, as far as it gives any.
func (c *call) mayHaveMade(m bbb.Meeting) bool {
	return m.Fits(c.req.Params.Get("attendeePW"), c.req.Params.Get("moderatorPW"))
}

// answered is an answer in the place of a server's.
func answered(body []byte, contentType string) (bbb.Answer, *bbb.Reply, error) {
	if contentType == "" {
		contentType = "text/xml; charset=utf-8"
	}
	answer, err := bbb.ParseAnswer(body)
	return answer, &bbb.Reply{Status: http.StatusOK, ContentType: contentType, Body: body}, err
}

// storePause is how long after a database was found away a create asks it again.
const storePause = 250 * time.Millisecond

// placeInTime places a meeting. While the database is away it waits for that, as long as a create may take.
func (h *creates) placeInTime(
	ctx context.Context, creation *placement.Creation, wish placement.Wish, avoid []string,
) (place placement.Placement, err error) {
	err = whileAway(ctx, func() bool { return h.timeLeft(ctx) }, func() (err error) {
		place, err = creation.Place(ctx, wish, avoid)
		return err
	})
	return place, err
}

// whileAway does something again and again while the database is away and there is more time.
func whileAway(ctx context.Context, more func() bool, do func() error) (err error) {
	for away := error(nil); ; away = err {
		switch err = do(); {
		case away != nil && err != nil && ctx.Err() != nil:
			return away
		case !errors.Is(err, store.ErrAway) || !more():
			return err
		}
		select {
		case <-time.After(storePause):
		case <-ctx.Done():
			return err
		}
	}
}
