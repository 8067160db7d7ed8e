package gateway

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/ended"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// ends ends meetings.
type ends struct {
	ledger  *placement.Ledger
	servers *servers
	view    View
	ended   ended.Meetings
	log     zerolog.Logger
}

// end ends the meeting on every server that has it, as far as we know, and closes the claim. A server that does not answer
// owes it, and ends the meeting when it is back. Only somebody who may gets that far: with the moderators' password, or
// with none, which BigBlueButton takes from whoever can sign. If no server answers that knows the password, the one that
// was last seen counts; where none was, nothing is ended on faith. The front end hanging up does not stop it.
func (h *ends) end(ctx context.Context, c *call) error {
	if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	called := c.key // a breakout room goes by two names
	ending, err := h.beginEnd(ctx, c)
	if err != nil {
		return err
	}
	defer ending.Release()
	given := c.req.Params.Get("password")
	places := h.places(c)
	if len(places) == 0 || h.newer(c) {
		return h.endedBefore(c, given)
	}
	if !h.servers.authority.await(ctx) {
		return errNoLeader
	}
	c.mayBeDone = true
	o := h.endAll(ctx, c, places)
	if o.done == nil && !o.proven(given) {
		switch {
		case o.refused != nil:
			return c.pass(o.refused)
		case len(o.away) > 0:
			return o.unproven(given)
		}
	}
	rooms := h.rooms(c, places)
	if err := ending.Ended(ctx, copies(places)); err != nil {
		if !h.over(c, o, err) {
			return err
		}
		ending.Insist(copies(places))
	}
	for _, room := range rooms {
		if _, err := h.ledger.Close(ctx, room, placement.Ended); err != nil {
			h.log.Error().Err(err).Str("meetingID", room.MeetingID).Msg("the claim of a breakout room stands until polls miss it")
		}
	}
	if o.done != nil || len(o.away) > 0 || c.again() {
		h.ended.Add(called, given)
		h.ended.Add(c.key, given)
	}
	if len(o.away) > 0 { // as where a meeting moves
		h.servers.authority.heard(ctx)
	}
	return h.acknowledge(c, o)
}

// over tells whether an end is one although it could not be recorded, because the records are away, or others write them by now:
// a server has ended the meeting, and none owes anything. It is recorded later. An error would have the front end end the
// meeting again, and by then somebody may have made a new one.
func (h *ends) over(c *call, o outcome, err error) bool {
	if o.done == nil || len(o.away) > 0 || store.Ignore(err, store.ErrAway, store.ErrFenced, placement.ErrFollower) != nil {
		return false
	}
	h.log.Warn().Err(err).Str("meetingID", c.key.MeetingID).Msg("the meeting is ended; that is recorded later")
	return true
}

// beginEnd waits for a create of the meeting that is under way.
func (h *ends) beginEnd(ctx context.Context, c *call) (*placement.Ending, error) {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	if _, _, err := locate(ctx, h.ledger, c, createDeadline); err != nil {
		return nil, errors.Join(errEndBusy, err)
	}
	ending, err := h.ledger.BeginEnd(ctx, c.key)
	if err != nil {
		return nil, errors.Join(errEndBusy, err)
	}
	return ending, nil
}

// acknowledge answers an end that is recorded. A meeting that no server knows any more was over before, unless a leader of before
// may have ended it, who could not say so.
func (h *ends) acknowledge(c *call, o outcome) error {
	switch {
	case o.done != nil:
		return c.pass(o.done)
	case len(o.away) == 0 && c.again():
		return c.xml(endAnswer())
	case len(o.away) == 0:
		return c.pass(o.unknown)
	}
	h.log.Warn().Err(o.err).Str("meetingID", c.key.MeetingID).Msg("the meeting is ended when its server is back")
	return c.xml(endAnswer())
}

// endAnswer is what BigBlueButton says to an end.
func endAnswer() []byte {
	return bbb.Success().Message("sentEndMeetingRequest", "A request to end the meeting was sent.  Please wait a few "+
		"seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended.").Bytes()
}

// newer tells whether a meeting was made after an end was asked for that another leader may have got already, and done: it is
// another one by that name, which nobody has asked the end of.
func (h *ends) newer(c *call) bool {
	since, err := time.ParseDuration(c.r.Header.Get(AgainHeader))
	if err != nil || !c.handed {
		return false
	}
	found, err := h.ledger.Peek(c.key)
	asked := time.Now().Add(-since)
	return err == nil && (found.Claim.Placed.After(asked) || found.Claim.CreateTime > asked.UnixMilli())
}

// endedBefore answers an end of a meeting that is nowhere. BigBlueButton takes another one while it is ending a meeting.
func (h *ends) endedBefore(c *call, given string) error {
	known, right := h.ended.Check(c.key, given)
	switch {
	case !known && c.again(): // by the leader of before, who could not say so any more
	case !known:
		return bbb.ErrMeetingNotFound
	case !right:
		return errEndPassword
	}
	return c.xml(endAnswer())
}

// place is a server that may have the meeting, and the meeting as it was last seen there, if it was.
type place struct {
	placement.Copy
	seen     bbb.Meeting
	password store.Secret // of moderators, as the create has given it; "" where that is not known
}

// onServer returns the ID that the server knows the meeting by.
func (p place) onServer() string { return cmp.Or(p.seen.Alias, p.seen.MeetingID) }

// moderator tells whether that is the moderators' password: as the server has shown it, else as the create has given it; and
// whether either is known.
func (p place) moderator(given string) (right, known bool) {
	if right, known = p.seen.Moderator(given); known || p.password == "" {
		return right, known
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(p.password.Reveal())) == 1, true
}

func copies(places []place) (list []placement.Copy) {
	for _, p := range places {
		list = append(list, p.Copy)
	}
	return list
}

// places returns where the meeting is, as far as we know.
func (h *ends) places(c *call) (list []place) {
	var claim store.Claim
	if found, err := h.ledger.Peek(c.key); err == nil {
		claim = found.Claim
		c.setClaim(claim)
	}
	for server, m := range h.view.Copies(c.key) {
		var password store.Secret
		if server == claim.Server && m.InternalID == claim.InternalID {
			m.Alias, password = claim.Alias, claim.Moderator
		}
		known := placement.Copy{Server: server, InternalID: m.InternalID, Alias: m.Alias}
		list = append(list, place{Copy: known, seen: m, password: password})
	}
	return list
}

// rooms returns the claims of a meeting's breakout rooms, which end with it.
func (h *ends) rooms(c *call, places []place) (list []store.Claim) {
	for _, m := range h.view.Meetings(c.tenant) {
		parent := func(p place) bool { return p.InternalID == m.ParentID }
		if !m.Breakout || m.ParentID == "" || !slices.ContainsFunc(places, parent) {
			continue
		}
		if found, err := h.ledger.Peek(store.MeetingKey{Tenant: c.tenant, MeetingID: m.MeetingID}); err == nil {
			list = append(list, found.Claim)
		}
	}
	return list
}

// outcome is what came of an end on all servers.
type outcome struct {
	done    *bbb.Reply // the first that ended the meeting
	refused *bbb.Reply // the first that did not, because it was not asked rightly
	unknown *bbb.Reply // the first that does not know the meeting
	away    []place    // the servers that did not answer
	err     error      // why the last of them did not
}

// endAll asks every server that answers, one after another, and each once: an end is of a name, whatever is called so there.
// When the first has ended the meeting the password has proved right, and the others, which may have another one for it,
// are asked without.
func (h *ends) endAll(ctx context.Context, c *call, places []place) (o outcome) {
	asked := map[[2]string]bool{}
	for _, p := range places {
		name := [2]string{p.Server, p.onServer()}
		if asked[name] {
			continue
		}
		asked[name] = true
		var reply *bbb.Reply
		var err error
		if o.done == nil {
			reply, err = h.endOn(ctx, c, p)
		} else {
			reply, err = h.servers.end(ctx, p.Server, p.onServer())
		}
		if err != nil {
			o.away, o.err = append(o.away, placesOn(places, p)...), err
			continue
		}
		answer, _ := bbb.ParseAnswer(reply.Body) // it was read already
		switch {
		case answer.Err == nil:
			o.done = cmp.Or(o.done, reply)
		case answer.Err.Key == bbb.ErrMeetingNotFound.Key:
			o.unknown = cmp.Or(o.unknown, reply)
		default:
			o.refused = cmp.Or(o.refused, reply)
		}
	}
	return o
}

// placesOn returns the places that one end on a server is about: all that is called so there.
func placesOn(places []place, asked place) []place {
	return slices.DeleteFunc(slices.Clone(places), func(p place) bool {
		return p.Server != asked.Server || p.onServer() != asked.onServer()
	})
}

// endOn asks one server with the call as it came. What is not an answer of BigBlueButton's is an error.
func (h *ends) endOn(ctx context.Context, c *call, p place) (*bbb.Reply, error) {
	if h.servers.Failing(p.Server) {
		return nil, errFailing
	}
	ctx, release, ok := h.servers.authority.now(ctx)
	defer release()
	if !ok {
		return nil, errNotNow
	}
	ctx, cancel := context.WithTimeout(ctx, h.servers.endTime(p.Server))
	defer cancel()
	reply, err := h.servers.send(ctx, c, p.Server, p.onServer())
	if err == nil {
		_, err = reply.Answer(c.name)
	}
	return reply, err
}

// proven tells whether somebody who may wants the end of the meeting on a server that does not answer.
func (o *outcome) proven(given string) bool {
	return slices.ContainsFunc(o.away, func(p place) bool {
		right, known := p.moderator(given)
		return given == "" || known && right
	})
}

// unproven is why nothing is ended for somebody who could not prove that he may.
func (o *outcome) unproven(given string) error {
	for _, p := range o.away {
		if _, known := p.moderator(given); known {
			return errEndPassword
		}
	}
	return errors.Join(errEndAway, o.err)
}
