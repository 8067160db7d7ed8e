package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// The errors of an end, beside those of BigBlueButton's servers. The first is in its words.
var (
	errEndPassword = &bbb.Error{Key: "invalidPassword", Message: "The supplied moderator password is incorrect"}
	errEndAway     = &bbb.Error{
		Key: "serverUnavailable",
		Message: "The server that has this meeting does not answer, and the password cannot be checked without it. " +
			"Please try again in a few seconds.",
	}
	errEndBusy = &bbb.Error{
		Key:     "serverUnavailable",
		Message: "The meeting is still being created or ended by somebody else. Please try again in a few seconds.",
	}
)

// endTry is how long a server may take for an end, or longer where it is known to be slow. What it has not ended by then
// it owes.
const endTry = 5 * time.Second

// end ends the meeting on every server that has it, as far as we know, and closes the claim. A server that does not answer
// owes it, and ends the meeting when it is back. Only somebody who may gets that far: with the moderators' password, or
// with none, which BigBlueButton takes from whoever can sign. If no server answers that knows the password, the one that
// was last seen counts; where none was, nothing is ended on faith. The front end hanging up does not stop it.
func (g *Gateway) end(ctx context.Context, c *call) error {
	if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	called := c.key // a breakout room goes by two names
	ending, err := g.beginEnd(ctx, c)
	if err != nil {
		return err
	}
	defer ending.Release()
	given := c.req.Params.Get("password")
	places := g.places(c)
	if len(places) == 0 {
		return g.endedBefore(c, given)
	}
	o := g.endAll(ctx, c, places)
	if o.done == nil && !o.proven(given) {
		switch {
		case o.refused != nil:
			return c.pass(o.refused)
		case len(o.away) > 0:
			return o.refusal(given)
		}
	}
	rooms := g.rooms(c, places)
	if err := ending.Ended(ctx, copies(places)); err != nil {
		return err
	}
	for _, room := range rooms {
		if _, err := g.Ledger.Close(ctx, room, placement.Ended); err != nil {
			g.Log.Error().Err(err).Str("meetingID", room.MeetingID).Msg("the claim of a breakout room stands until polls miss it")
		}
	}
	if o.done != nil || len(o.away) > 0 {
		g.ended.add(called, given)
		g.ended.add(c.key, given)
	}
	return g.acknowledge(c, o)
}

// beginEnd waits for a create of the meeting that is under way.
func (g *Gateway) beginEnd(ctx context.Context, c *call) (*placement.Ending, error) {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	_, err := g.find(ctx, c, createDeadline)
	if err != nil && !errors.Is(err, placement.ErrUnknown) {
		return nil, errors.Join(errEndBusy, err)
	}
	ending, err := g.Ledger.BeginEnd(ctx, c.key)
	if err != nil {
		return nil, errors.Join(errEndBusy, err)
	}
	return ending, nil
}

// acknowledge answers an end that is recorded. A meeting that no server knows any more was over before.
func (g *Gateway) acknowledge(c *call, o outcome) error {
	switch {
	case o.done != nil:
		return c.pass(o.done)
	case len(o.away) == 0:
		return c.pass(o.unknown)
	}
	g.Log.Warn().Err(o.err).Str("meetingID", c.key.MeetingID).Msg("the meeting is ended when its server is back")
	return c.xml(endAnswer())
}

// endAnswer is what BigBlueButton says to an end.
func endAnswer() []byte {
	return bbb.Success().Message("sentEndMeetingRequest", "A request to end the meeting was sent.  Please wait a few "+
		"seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended.").Bytes()
}

// endedBefore answers an end of a meeting that is nowhere. BigBlueButton takes another one while it is ending a meeting.
func (g *Gateway) endedBefore(c *call, given string) error {
	known, right := g.ended.check(c.key, given)
	switch {
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
	seen bbb.Meeting
}

func copies(places []place) (list []placement.Copy) {
	for _, p := range places {
		list = append(list, p.Copy)
	}
	return list
}

// places returns where the meeting is, as far as we know.
func (g *Gateway) places(c *call) (list []place) {
	if found, err := g.Ledger.Peek(c.key); err == nil {
		c.on(found.Claim)
	}
	for server, m := range g.Pool.Copies(c.key) {
		list = append(list, place{placement.Copy{Server: server, InternalID: m.InternalID}, m})
	}
	return list
}

// rooms returns the claims of a meeting's breakout rooms, which end with it.
func (g *Gateway) rooms(c *call, places []place) (list []store.Claim) {
	for _, m := range g.Pool.Meetings(c.tenant) {
		parent := func(p place) bool { return p.InternalID == m.ParentID }
		if !m.Breakout || m.ParentID == "" || !slices.ContainsFunc(places, parent) {
			continue
		}
		if found, err := g.Ledger.Peek(store.MeetingKey{Tenant: c.tenant, MeetingID: m.MeetingID}); err == nil {
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
func (g *Gateway) endAll(ctx context.Context, c *call, places []place) (o outcome) {
	asked := map[string]bool{}
	for _, p := range places {
		if asked[p.Server] {
			continue
		}
		asked[p.Server] = true
		reply, err := g.endOn(ctx, c, p.Server, o.done != nil)
		if err != nil {
			o.away, o.err = append(o.away, on(places, p.Server)...), err
			continue
		}
		answer, _ := bbb.ParseAnswer(reply.Body) // endOn has read it
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

// on returns the places that are on a server.
func on(places []place, server string) []place {
	return slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.Server != server })
}

// errFailing is why a server is not asked: it would only be waited for.
var errFailing = errors.New("the server does not answer at the moment")

// endOn asks one server, with the call as it came or, proven, with the meeting's ID alone. What is not an answer of
// BigBlueButton's is an error.
func (g *Gateway) endOn(ctx context.Context, c *call, server string, proven bool) (*bbb.Reply, error) {
	if g.Pool.Failing(server) {
		return nil, errFailing
	}
	ctx, cancel := context.WithTimeout(ctx, max(endTry, g.Pool.Patience(server)))
	defer cancel()
	if !proven {
		reply, err := g.send(ctx, c, server)
		if err == nil {
			_, err = reply.Answer(c.name)
		}
		return reply, err
	}
	client := g.Pool.Client(server)
	if client == nil {
		return nil, errLeft
	}
	reply, err := client.Do(ctx, "end", "meetingID="+url.QueryEscape(c.key.MeetingID), "", nil)
	if err == nil {
		var answer bbb.Answer
		answer, err = reply.Answer("end")
		err = cmp.Or(err, serverFault(answer))
	}
	g.Metrics.asked(server, "end", err)
	if !g.ownFault(ctx, server, client, err) {
		g.Pool.Report(server, client, err)
	}
	return reply, err
}

// proven tells whether somebody who may wants the end of the meeting on a server that does not answer.
func (o *outcome) proven(given string) bool {
	return slices.ContainsFunc(o.away, func(p place) bool {
		right, known := p.seen.Moderator(given)
		return given == "" || known && right
	})
}

// refusal is why nothing is ended for somebody who could not prove that he may.
func (o *outcome) refusal(given string) error {
	for _, p := range o.away {
		if _, known := p.seen.Moderator(given); known {
			return errEndPassword
		}
	}
	return errors.Join(errEndAway, o.err)
}
