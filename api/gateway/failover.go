package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Design: which servers a create is sent to, and why.
//
// A create is the only call that another server can do as well, so it is the only one that moves on. Everything else is
// about a meeting that is on one server, and fails with it.
//
// Why probes, and no short timeout? A create may take a sound server many seconds: it is busy, or fetches slides. A timeout
// that finds a dead server soon would take slow ones for dead, move their meetings to others that get slower by that, and
// leave each meeting on two servers. So the create is waited for, and a cheap call beside it tells who lives: one that
// answers nothing at all costs no more than one that cannot be connected to.
//
// Why three servers at most, and not all? Servers fail one by one. What three of them do not take is more likely the fault of
// the create itself or of our own network, and going on would mark the whole pool as failing. Three tries of up to 20 s
// are also what fits into the minute that a front end waits.
//
// Why not move at once when somebody is in the meeting? Who is in it stays on the old server, whose media may flow while
// its API fails, and who comes later would go to the new one: the class is split, and nobody can put it together again. So
// the create waits until the server has failed for --failover-after. If the server lives and fails at creates alone, it is
// tried again there, and the create is answered in the end with what it would have said: the meeting is there already. A
// meeting that nobody is in has nothing to lose, and moves at once.
//
// Why does our own lack, as of descriptors, not move it? No other server would help, and it is over in a moment.
//
// Why shun servers, when there is health? Polls do not see that creates fail: such a server lives, and having no meetings
// looks emptiest, so that every new meeting would be tried there first. It is shunned only when another server has made the
// same create, because otherwise the create may be at fault, or when it was waited for so long that nobody should have to
// do that again soon.
//
// A server that was given up may finish the create all the same. Nobody waits for that here: polls find the meeting, and end
// it there while it is empty.

const (
	// createTry is how long one server may take for it, so that there is time left for another.
	createTry = 20 * time.Second
	// createTries is how often a create is sent at most.
	createTries = 3
)

// createSomewhere sends the create to one server after another until one answers.
func (h *creates) createSomewhere(
	ctx context.Context, c *call, creation *placement.Creation, wish placement.Wish,
) (answer bbb.Answer, reply *bbb.Reply, err error) {
	was, _ := h.ledger.Peek(c.key)
	c.server = was.Claim.Server
	var avoid, failed []string
	lastResort := false
	for c.tries < createTries && h.timeLeft(ctx) {
		place, placeErr := h.placeInTime(ctx, creation, wish, avoid)
		if placeErr != nil && c.tries == 0 && avoid != nil {
			avoid, lastResort = nil, true // a server that failed just now is better than none
			continue
		}
		if placeErr != nil {
			return answer, nil, errors.Join(placementError(placeErr), err)
		}
		if !place.Known {
			h.logPlacement(c, place.Claim)
		}
		c.setClaim(place.Claim)
		c.occupied, c.moved = place.Occupied, was.Claim.Server != "" && was.Claim.Server != c.server
		if place.Known && !lastResort && !h.stays(ctx, place) {
			avoid = append(avoid, c.server)
			continue
		}
		c.tries++
		began := time.Now()
		if answer, reply, err = h.createAt(ctx, c, place); err == nil {
			h.shunned.Succeeded(c.server, failed)
			return answer, reply, nil
		}
		if errors.Is(err, errForeign) {
			if err := takeSpare(ctx, creation, &wish); err != nil {
				return answer, nil, err
			}
			continue
		}
		if ownLack(err) {
			break // another server would lack the same
		}
		if time.Since(began) > createTry/2 {
			h.shunned.Long(c.server) // it lives, and was waited for in vain
		}
		h.log.Warn().Err(err).Str("meetingID", c.key.MeetingID).Str("server", c.server).Msg("create failed, moving on")
		failed = append(failed, c.server)
		if !place.Occupied {
			avoid = append(avoid, c.server)
		}
	}
	return answer, nil, errors.Join(bbb.ErrUnavailable, err)
}

// logPlacement explains a decision with the numbers that it was made with, in one line. A meeting that was somewhere
// before moves from there.
func (h *creates) logPlacement(c *call, claim store.Claim) {
	e := h.log.Info().Str("request", c.r.Header.Get("X-Request-Id")).Str("tenant", c.tenant).
		Str("meetingID", c.key.MeetingID).Str("server", claim.Server)
	if c.server != "" {
		e.Str("from", c.server)
	}
	e.Str("basis", claim.Why.Basis).Float64("expected", claim.Expected).Int("hint", claim.Hint).
		Str("why", placement.Explain(claim.Server, claim.Why)).Msg("placed")
}

// timeLeft tells whether there is enough time for another try: one that is cut short would say nothing about a server.
func (h *creates) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > h.connect
}

// stays tells whether a known meeting is to be created where it is. If its server fails, that depends: with nobody in
// the meeting it may move at once; with people in it only when the server has failed for so long that it is no blip,
// because moving it would split a class. Until that is known stays waits.
func (h *creates) stays(ctx context.Context, place placement.Placement) bool {
	if !h.servers.Failing(place.Claim.Server) {
		return true
	}
	return place.Occupied && h.servers.Alive(ctx, place.Claim.Server)
}

const (
	// ownLackWait is how long a create waits for what we lack ourselves, such as a descriptor.
	ownLackWait  = 3 * time.Second
	ownLackPause = 100 * time.Millisecond
)

// createPatiently is createAnew, again and again while it fails for our own lack.
func (h *creates) createPatiently(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	for began := time.Now(); ; {
		answer, reply, err := h.createAnew(ctx, c, query)
		if !ownLack(err) || time.Since(began) >= ownLackWait {
			return answer, reply, err
		}
		select {
		case <-ctx.Done():
			return answer, reply, err
		case <-time.After(ownLackPause):
		}
	}
}

const (
	// anewWait is how long a server may take to be done with a meeting that was ended before it is created anew.
	anewWait  = 10 * time.Second
	anewPause = 250 * time.Millisecond
)

// errNotEnded is why a create is given up on a server that does not let go of the meeting of before.
var errNotEnded = errors.New("the server still has the meeting of before, which was ended")

// createAnew is createOn for a new meeting. A server that is not done yet with one by that name, which somebody has ended,
// takes the create for a repeat: it is told to end that one, and asked again.
func (h *creates) createAnew(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	for began := time.Now(); ; {
		answer, reply, err := h.createOn(ctx, c, query)
		if err != nil || !h.endedThere(c, answer) {
			return answer, reply, err
		}
		if time.Since(began) >= anewWait {
			return answer, reply, errNotEnded
		}
		_, err = h.servers.end(ctx, c.server, c.onServer())
		select {
		case <-ctx.Done():
			return answer, reply, errors.Join(errNotEnded, err)
		case <-time.After(anewPause):
		}
	}
}

// endedThere tells whether a create was answered with a meeting that somebody has ended.
func (h *creates) endedThere(c *call, answer bbb.Answer) bool {
	made := answer.Created()
	return answer.Err == nil && made.Repeated && h.ledger.Over(c.server, placement.Sighting{
		Key: c.key, Alias: c.alias, InternalID: made.InternalID, CreateTime: made.CreateTime,
	})
}

// createOn sends the create to one server. Its health hears of the outcome. The answer is about the meeting as its front end
// calls it, from here on.
func (h *creates) createOn(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	client := h.servers.Client(c.server)
	if client == nil {
		return bbb.Answer{}, nil, errLeft
	}
	ctx, cancel := context.WithTimeout(ctx, createTry)
	defer cancel()
	reply, err := h.sendWatched(ctx, c, client, query)
	if err == nil {
		c.restore(reply, c.onServer())
	}
	if err == nil && requestFaults[reply.Status] {
		return bbb.Answer{Err: bbb.ErrTooLarge}, reply, nil
	}
	var answer bbb.Answer
	if err == nil {
		answer, err = reply.Answer("create")
	}
	err = cmp.Or(err, serverFault(answer))
	h.servers.heard(ctx, c.server, client, "create", true, err)
	return answer, reply, err
}

// queryFor is the query of a create for the server that it goes to. As in Scalelite the tag is that server's, whatever was
// wished for, and one without a tag is told of none. The server is told by which ID it is to know the meeting, and, in
// metadata that front ends do not see, whose it is, what its front end calls it, and where it is to call back, which is here.
// Where there are several tenants a voice bridge that another meeting has is not asked for: the server draws one then. Where the
// pool gives them out, it is the claim's.
func (h *creates) queryFor(ctx context.Context, c *call, claim store.Claim) string {
	sent := slices.Clone(c.req.Params)
	if tag := h.ledger.Tag(claim.Server); tag == "" {
		sent.Del(params.TagName)
	} else if sent.Get(params.TagName) != tag {
		sent.Set(params.TagName, tag)
	}
	if claim.Alias != "" {
		sent.Set("meetingID", claim.Alias)
		sent.Set("meta_"+bbb.IDKey, claim.MeetingID)
	}
	for _, mark := range c.caller.Marks() {
		sent.Set(mark[0], mark[1])
	}
	switch {
	case h.bridges && claim.Voice != "":
		sent.Set(voiceParam, claim.Voice)
		sent.Del(oldVoiceParam)
	case c.caller.Shared:
		voicesApart(&sent, claim.Voice)
	}
	h.servers.originals.put(c, &sent, claim)
	if client := h.servers.Client(claim.Server); client != nil {
		h.learning.Put(ctx, c.caller.Tenant, &sent, client.Secret())
	}
	return sent.Encode()
}

// voicesApart asks for the voice bridge that a meeting has, of all meetings of all tenants, and for no other. A tenant that is
// alone knows what it has asked for, and hears from its servers if they cannot have it twice.
func voicesApart(sent *bbb.Params, own string) {
	switch asked := sent.Get(voiceParam); {
	case asked == "" || asked == own:
	case own == "":
		sent.Del(voiceParam)
	default:
		sent.Set(voiceParam, own)
	}
	if sent.Get(oldVoiceParam) != own {
		sent.Del(oldVoiceParam) // else it would be the number of another meeting all the same
	}
}

// errSilent is why a create is given up on a server that accepts connections and does not answer.
var errSilent = errors.New("the server does not answer, not even a probe")

// sendWatched sends a create and, when the answer takes its time, asks the server beside it whether it is alive. A slow
// create on a live server is waited for; on a silent one it is given up.
func (h *creates) sendWatched(ctx context.Context, c *call, client *bbb.Client, query string) (*bbb.Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := h.servers.Patience(c.server)
	early := min(patience, h.connect) / 4
	timer := time.AfterFunc(early, func() { probeUntilSilent(ctx, client, patience-early, cancel) })
	defer timer.Stop()
	reply, err := client.Do(ctx, "create", query, c.req.ContentType, c.req.Body)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return nil, &bbb.CallError{Call: "create", Reason: bbb.Timeout, Err: errSilent}
	}
	return reply, err
}

// probeUntilSilent probes a server until one probe fails or ctx ends. It starts so early, and takes so long, that a silent server
// costs no more than one that cannot be connected to; one that is slow today has the time that it is known to need.
func probeUntilSilent(ctx context.Context, client *bbb.Client, patience time.Duration, cancel context.CancelCauseFunc) {
	for ctx.Err() == nil {
		probe, done := context.WithTimeout(ctx, patience)
		_, err := client.Probe(probe)
		done()
		if err != nil && !ownLack(err) && ctx.Err() == nil {
			cancel(errSilent)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
