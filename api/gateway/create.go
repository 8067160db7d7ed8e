package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// createDeadline is how long a create may take in all, on however many servers.
	createDeadline = time.Minute
	// createTry is how long one server may take for it, so that there is time left for another.
	createTry = 20 * time.Second
	// createTries is how often a create is sent at most.
	createTries = 3
)

// create makes a meeting on the server that the rule chooses, or repeats the create on the server that has it. If the
// server cannot be reached it goes to the next one, inside this request. The front end hanging up does not stop it:
// half a create helps nobody.
func (g *Gateway) create(ctx context.Context, c *call) error {
	params := &c.req.Params
	if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
		return err
	}
	if err := bbb.CheckName(params.Get("name")); err != nil {
		return err
	}
	if err := bbb.CheckBreakout(*params); err != nil {
		return err
	}
	g.Config.Params.forCreate(params, c.tag)
	wish := g.wish(c)
	if err := g.breakout(c, &wish); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createDeadline)
	defer cancel()
	creation, err := g.Ledger.Begin(ctx, c.key)
	if err != nil {
		return bbb.ErrUnavailable
	}
	defer creation.End()
	answer, reply, err := g.createSomewhere(ctx, c, creation, wish)
	if err == nil && answer.Err == nil {
		return g.created(ctx, c, creation, answer, reply)
	}
	if err != nil && c.occupied {
		return g.repeated(ctx, c, err)
	}
	if giveUp := creation.GiveUp(context.WithoutCancel(ctx)); giveUp != nil {
		g.Log.Error().Err(giveUp).Str("meetingID", c.key.MeetingID).Msg("give up a claim")
	}
	if err != nil {
		return err
	}
	return c.pass(reply)
}

// created records the outcome and passes the server's answer on.
func (g *Gateway) created(
	ctx context.Context, c *call, creation *placement.Creation, answer bbb.Answer, reply *bbb.Reply,
) error {
	made := answer.Created()
	c.internal = made.InternalID
	if err := creation.Confirm(context.WithoutCancel(ctx), made.InternalID, made.CreateTime); err != nil {
		g.Log.Error().Err(err).Str("meetingID", c.key.MeetingID).Msg("the claim stands, its internal ID is not stored")
	}
	if !made.Repeated {
		params := c.req.Params
		meeting := answer.CreatedMeeting(params.Get("name"), params.Get("record") == "true")
		meeting.Tenant = c.tenant
		g.Pool.Created(c.server, meeting)
		g.Metrics.placed(c.tries)
	}
	return c.pass(reply)
}

// createSomewhere sends the create to one server after another until one answers.
func (g *Gateway) createSomewhere(
	ctx context.Context, c *call, creation *placement.Creation, wish placement.Wish,
) (answer bbb.Answer, reply *bbb.Reply, err error) {
	query := c.req.Params.Encode()
	if was, err := g.Ledger.Peek(c.key); err == nil {
		c.server = was.Claim.Server
	}
	var avoid, failed []string
	lastResort := false
	for c.tries < createTries && g.timeLeft(ctx) {
		place, placeErr := creation.Place(ctx, wish, avoid)
		if placeErr != nil && c.tries == 0 && avoid != nil {
			avoid, lastResort = nil, true // a server that failed just now is better than none
			continue
		}
		if placeErr != nil {
			return answer, nil, errors.Join(refusal(placeErr), err)
		}
		if !place.Known {
			g.logPlacement(c, place.Claim)
		}
		c.on(place.Claim)
		c.occupied = place.Occupied
		if place.Known && !lastResort && !g.stays(ctx, place) {
			avoid = append(avoid, c.server)
			continue
		}
		c.tries++
		began := time.Now()
		if answer, reply, err = g.createPatiently(ctx, c, query); err == nil {
			g.shunned.succeeded(c.server, failed)
			return answer, reply, nil
		}
		if ours(err) {
			break // another server would lack the same
		}
		if time.Since(began) > createTry/2 {
			g.shunned.add(c.server, longTry) // it lives, and was waited for in vain
		}
		g.Log.Warn().Err(err).Str("meetingID", c.key.MeetingID).Str("server", c.server).Msg("create failed, moving on")
		failed = append(failed, c.server)
		if !place.Occupied {
			avoid = append(avoid, c.server)
		}
	}
	return answer, nil, errors.Join(bbb.ErrUnavailable, err)
}

// timeLeft tells whether there is enough time for another try: one that is cut short would say nothing about a server.
func (g *Gateway) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > g.Config.Connect
}

// stays tells whether a known meeting is to be created where it is. If its server fails, that depends: with nobody in
// the meeting it may move at once; with people in it only when the server has failed for so long that it is no blip,
// because moving it would split a class.
func (g *Gateway) stays(ctx context.Context, place placement.Placement) bool {
	if !g.Pool.Failing(place.Claim.Server) {
		return true
	}
	return place.Occupied && g.Pool.Alive(ctx, place.Claim.Server)
}

// repeated answers a create of a meeting with people in it on a server that lives and fails at creates alone, with what
// the server would have said: that the meeting is there. Moving it would split a class, and refusing would lock out
// whoever creates before each join.
func (g *Gateway) repeated(ctx context.Context, c *call, cause error) error {
	m, seen := g.Pool.Meeting(c.server, c.key)
	if !seen || !g.Pool.Alive(ctx, c.server) {
		return cause
	}
	params := c.req.Params
	body, err := m.Repeated(params.Get("attendeePW"), params.Get("moderatorPW"))
	if err != nil {
		return err
	}
	g.Log.Warn().Err(cause).Str("meetingID", c.key.MeetingID).Str("server", c.server).Msg("create answered from what was seen")
	return c.xml(body)
}

// The errors of creates that no server can take, beside bbb.ErrUnavailable. The first is Scalelite's.
var (
	errNoTag = &bbb.Error{Key: "serverTagUnavailable", Message: "No server with the required tag is available."}
	errFull  = &bbb.Error{
		Key:     "serverCapacityReached",
		Message: "All servers that can take this meeting are full. Please try again later.",
	}
)

// refusal turns what the ledger says into what a front end is told.
func refusal(err error) error {
	switch {
	case errors.Is(err, placement.ErrFull):
		return errFull
	case errors.Is(err, placement.ErrNoTag):
		return errNoTag
	case errors.Is(err, placement.ErrNoServer), errors.Is(err, context.DeadlineExceeded):
		return bbb.ErrUnavailable
	}
	return err
}

// logPlacement explains a decision with the numbers that it was made with, in one line. A meeting that was somewhere
// before moves from there.
func (g *Gateway) logPlacement(c *call, claim store.Claim) {
	e := g.Log.Info().Str("request", c.r.Header.Get("X-Request-Id")).Str("tenant", c.tenant).
		Str("meetingID", c.key.MeetingID).Str("server", claim.Server)
	if c.server != "" {
		e.Str("from", c.server)
	}
	e.Str("basis", claim.Why.Basis).Float64("expected", claim.Expected).Int("hint", claim.Hint).
		Str("why", placement.Explain(claim.Server, claim.Why)).Msg("placed")
}
