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
	// anewPatience is how long a server may take to be done with a meeting that was ended before it is created anew.
	anewPatience = 10 * time.Second
	anewPause    = 250 * time.Millisecond
)

// errNotEnded is why a create is given up on a server that does not let go of the meeting of before.
var errNotEnded = errors.New("the server still has the meeting of before, which was ended")

// createAnew is createOn for a new meeting. A server that is not done yet with one by that name, which somebody has ended,
// takes the create for a repeat: it is told to end that one, and asked again.
func (g *Gateway) createAnew(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	for began := time.Now(); ; {
		answer, reply, err := g.createOn(ctx, c, query)
		if err != nil || !g.endedThere(c, answer) {
			return answer, reply, err
		}
		if time.Since(began) >= anewPatience {
			return answer, reply, errNotEnded
		}
		_, err = g.endOn(ctx, c, c.server, true)
		select {
		case <-ctx.Done():
			return answer, reply, errors.Join(errNotEnded, err)
		case <-time.After(anewPause):
		}
	}
}

// endedThere tells whether a create was answered with a meeting that somebody has ended.
func (g *Gateway) endedThere(c *call, answer bbb.Answer) bool {
	made := answer.Created()
	return answer.Err == nil && made.Repeated && g.Ledger.Over(c.server, placement.Sighting{
		Key: c.key, InternalID: made.InternalID, CreateTime: made.CreateTime,
	})
}

const (
	// oursPatience is how long a create waits for what we lack ourselves, such as a descriptor.
	oursPatience = 3 * time.Second
	oursPause    = 100 * time.Millisecond
)

// ours tells whether a call failed for our own lack, which says nothing about the server.
func ours(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && call.Reason == bbb.Ours
}

// createPatiently is createAnew, again and again while it fails for our own lack.
func (g *Gateway) createPatiently(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	for began := time.Now(); ; {
		answer, reply, err := g.createAnew(ctx, c, query)
		if !ours(err) || time.Since(began) >= oursPatience {
			return answer, reply, err
		}
		select {
		case <-ctx.Done():
			return answer, reply, err
		case <-time.After(oursPause):
		}
	}
}

// createOn sends the create to one server. Its health hears of the outcome.
func (g *Gateway) createOn(ctx context.Context, c *call, query string) (bbb.Answer, *bbb.Reply, error) {
	client := g.Pool.Client(c.server)
	if client == nil {
		return bbb.Answer{}, nil, errLeft
	}
	ctx, cancel := context.WithTimeout(ctx, createTry)
	defer cancel()
	reply, err := g.watched(ctx, c, client, g.chosen(c, query))
	if err == nil && requestFaults[reply.Status] {
		return bbb.Answer{Err: bbb.ErrTooLarge}, reply, nil
	}
	var answer bbb.Answer
	if err == nil {
		answer, err = reply.Answer("create")
	}
	err = cmp.Or(err, serverFault(answer))
	g.Metrics.asked(c.server, "create", err)
	if !g.ownFault(ctx, c.server, client, err) {
		g.Pool.Report(c.server, client, err)
	}
	return answer, reply, err
}

// ownFault tells whether status 500 may be the request's doing: something in it that a sound server cannot digest. A
// server that answers a probe all the same keeps its health, or one bad request would take one server after another out
// of the pool.
func (g *Gateway) ownFault(ctx context.Context, server string, client *bbb.Client, err error) bool {
	failed, ok := errors.AsType[*bbb.CallError](err)
	if !ok || failed.Reason != bbb.Status {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.Pool.Patience(server))
	defer cancel()
	_, err = client.Probe(ctx)
	return err == nil || ours(err)
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
func (g *Gateway) watched(ctx context.Context, c *call, client *bbb.Client, query string) (*bbb.Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := g.Pool.Patience(c.server)
	early := min(patience, g.Config.Connect) / 4
	timer := time.AfterFunc(early, func() { watch(ctx, client, patience-early, cancel) })
	defer timer.Stop()
	reply, err := client.Do(ctx, "create", query, c.req.ContentType, c.req.Body)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return nil, &bbb.CallError{Call: "create", Reason: bbb.Timeout, Err: errSilent}
	}
	return reply, err
}

// watch probes a server until one probe fails or ctx ends. It starts so early, and takes so long, that a silent server
// costs no more than one that cannot be connected to; one that is slow today has the time that it is known to need.
func watch(ctx context.Context, client *bbb.Client, patience time.Duration, cancel context.CancelCauseFunc) {
	for ctx.Err() == nil {
		probe, done := context.WithTimeout(ctx, patience)
		_, err := client.Probe(probe)
		done()
		if err != nil && !ours(err) && ctx.Err() == nil {
			cancel(errSilent)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
