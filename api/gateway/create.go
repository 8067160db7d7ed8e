package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

const (
	// createDeadline is how long a create may take in all, on however many servers.
	createDeadline = 45 * time.Second
	// createTries is how many servers a create is sent to at most.
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
	g.Config.Params.forCreate(params)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createDeadline)
	defer cancel()
	creation, err := g.Ledger.Begin(ctx, c.key)
	if err != nil {
		return bbb.ErrUnavailable
	}
	defer creation.End()
	answer, reply, err := g.createSomewhere(ctx, c, creation)
	if err == nil && answer.Err == nil {
		return g.created(ctx, c, creation, answer, reply)
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
	ctx context.Context, c *call, creation *placement.Creation,
) (answer bbb.Answer, reply *bbb.Reply, err error) {
	wish := placement.Wish{
		Expected: g.Ledger.Expected(), Tag: c.req.Params.Get("meta_server-tag"),
		Recorded: c.req.Params.Get("record") == "true",
	}
	query := c.req.Params.Encode()
	var avoid []string
	lastResort := false
	for c.tries < createTries {
		place, placeErr := creation.Place(ctx, wish, avoid)
		if placeErr != nil && c.tries == 0 && avoid != nil {
			avoid, lastResort = nil, true // a server that failed just now is better than none
			continue
		}
		if placeErr != nil {
			return answer, nil, errors.Join(placeError(placeErr), err)
		}
		c.on(place.Claim)
		if !place.Known {
			g.logPlacement(c, place)
		}
		if place.Known && !lastResort && !g.stays(ctx, place) {
			avoid = append(avoid, c.server)
			continue
		}
		c.tries++
		if answer, reply, err = g.createOn(ctx, c, query); err == nil {
			return answer, reply, nil
		}
		g.Log.Warn().Err(err).Str("meetingID", c.key.MeetingID).Str("server", c.server).Msg("create failed, moving on")
		if !place.Occupied {
			avoid = append(avoid, c.server)
		}
	}
	return answer, nil, errors.Join(bbb.ErrUnavailable, err)
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

// createOn sends the create to one server. Its health hears of the outcome.
func (g *Gateway) createOn(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	client := g.Pool.Client(c.server)
	if client == nil {
		return bbb.Answer{}, nil, errLeft
	}
	reply, err := g.watched(ctx, client, query, c.req)
	if err == nil && requestFaults[reply.Status] {
		return bbb.Answer{Err: bbb.ErrTooLarge}, reply, nil
	}
	var answer bbb.Answer
	if err == nil {
		answer, err = bbb.ParseAnswer(reply.Body)
	}
	err = cmp.Or(err, serverFault(answer))
	if !g.ownFault(ctx, client, c.req, err) {
		g.Pool.Report(c.server, client, err)
	}
	return answer, reply, err
}

// ownFault tells whether an error of the server is rather the request's: a body that it cannot digest makes a sound
// server answer 500, and must not take one server after another out of the pool.
func (g *Gateway) ownFault(ctx context.Context, client *bbb.Client, req *bbb.Request, err error) bool {
	failed, ok := errors.AsType[*bbb.CallError](err)
	if !ok || failed.Reason != bbb.Status || req.Body == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, g.Config.Connect)
	defer cancel()
	_, err = client.Probe(ctx)
	return err == nil
}

// serverFault returns the error of an answer that says something about the server, not about the call: it does not
// accept our secret, or is switched off.
func serverFault(answer bbb.Answer) error {
	if e := answer.Err; e != nil && (e.Key == bbb.ErrChecksum.Key || e.Key == "apiNotEnabled") {
		return e
	}
	return nil
}

// requestFaults are the statuses with which a server's nginx turns down a request for its size. They say nothing about
// the server, and another would do the same.
var requestFaults = map[int]bool{
	http.StatusBadRequest: true, http.StatusRequestEntityTooLarge: true, http.StatusRequestURITooLong: true,
	http.StatusRequestHeaderFieldsTooLarge: true,
}

// errSilent is why a create is given up on a server that accepts connections and does not answer.
var errSilent = errors.New("the server does not answer, not even a probe")

// watched sends a create and, when the answer takes its time, asks the server beside it whether it is alive. A slow
// create on a live server is waited for; on a silent one it is given up.
func (g *Gateway) watched(ctx context.Context, client *bbb.Client, query string, req *bbb.Request) (*bbb.Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(g.Config.Connect/4, func() { g.watch(ctx, client, cancel) })
	defer timer.Stop()
	reply, err := client.Do(ctx, "create", query, req.ContentType, req.Body)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return nil, &bbb.CallError{Call: "create", Reason: bbb.Timeout, Err: errSilent}
	}
	return reply, err
}

// watch probes a server until one probe fails or ctx ends. It starts so early, and takes so long, that a silent server
// costs no more than one that cannot be connected to.
func (g *Gateway) watch(ctx context.Context, client *bbb.Client, cancel context.CancelCauseFunc) {
	for ctx.Err() == nil {
		probe, done := context.WithTimeout(ctx, g.Config.Connect-g.Config.Connect/4)
		_, err := client.Probe(probe)
		done()
		if err != nil && ctx.Err() == nil {
			cancel(errSilent)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// placeError turns what the ledger says into what a front end is told.
func placeError(err error) error {
	switch {
	case errors.Is(err, placement.ErrNoTag):
		return &bbb.Error{
			Key:     "serverTagUnavailable",
			Message: "No server with the required tag is available.",
		}
	case errors.Is(err, placement.ErrNoServer):
		return bbb.ErrUnavailable
	}
	return err
}

// logPlacement explains a decision with the numbers that it was made with.
func (g *Gateway) logPlacement(c *call, place placement.Placement) {
	g.Log.Info().Str("request", c.r.Header.Get("X-Request-Id")).Str("tenant", c.tenant).
		Str("meetingID", c.key.MeetingID).Str("server", c.server).Stringer("why", &place.Choice).Msg("placed")
}
