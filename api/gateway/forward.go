package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// locate finds the claim of the meeting that a call is about. A meeting on a server that is gone counts as unknown:
// it can be created anew. While the meeting is being created the call waits.
func (g *Gateway) locate(ctx context.Context, c *call) (store.Claim, error) {
	if err := bbb.CheckMeetingID(c.key.MeetingID); err != nil {
		return store.Claim{}, err
	}
	found, err := g.find(ctx, c, createDeadline)
	if err != nil {
		return store.Claim{}, err
	}
	c.on(found.Claim)
	if found.Standing == placement.Gone {
		return store.Claim{}, placement.ErrUnknown
	}
	return found.Claim, nil
}

// errLeft is what becomes of a call that a server's removal has overtaken.
var errLeft = errors.New("the server has just left the pool")

// send makes the call on a server, with the parameters and the body as they came.
func (g *Gateway) send(ctx context.Context, c *call, server string) (*bbb.Reply, error) {
	client := g.Pool.Client(server)
	if client == nil {
		return nil, errLeft
	}
	reply, err := client.Do(ctx, c.name, c.req.Params.Encode(), c.req.ContentType, c.req.Body)
	telling := err != nil
	if err == nil {
		telling, err = judge(c, reply)
	}
	g.Metrics.asked(server, c.name, err)
	if telling && !g.ownFault(ctx, server, client, err) {
		g.Pool.Report(server, client, err)
	}
	return reply, err
}

// judge tells whether a reply says something about the server's health, and what. What is not an answer of
// BigBlueButton's is an error where the call has no others; a call that bbbpool does not know may answer anything.
func judge(c *call, reply *bbb.Reply) (telling bool, err error) {
	if reply.Status != http.StatusOK {
		return judgeStatus(c, reply)
	}
	answer, notBBB := reply.Answer(c.name)
	switch {
	case notBBB == nil:
		return true, serverFault(answer)
	case !c.known || c.name == "insertDocument" && len(reply.Body) == 0: // it answers nothing if it finds no document
		return false, nil
	}
	return true, notBBB
}

// judgeStatus is judge for other statuses than BigBlueButton's: they come from what stands before it, or from a server
// that does not know the call.
func judgeStatus(c *call, reply *bbb.Reply) (telling bool, err error) {
	young := !c.known || c.name == "sendChatMessage" // servers before 3.0 do not know it
	switch {
	case requestFaults[reply.Status]:
		return false, nil
	case young && (reply.Status < 400 || reply.Status == http.StatusNotFound || reply.Status == http.StatusMethodNotAllowed):
		return false, nil
	}
	text := fmt.Errorf("%d %s", reply.Status, http.StatusText(reply.Status))
	return c.known, &bbb.CallError{Call: c.name, Reason: bbb.Status, Status: reply.Status, Err: text}
}

// shared is send for calls that only read: those that ask the same at the same time share one call to the server. It
// goes on when the one who asked first hangs up, and ends with the server's deadline.
func (g *Gateway) shared(ctx context.Context, c *call, server string) (*bbb.Reply, error) {
	reply, err, _ := g.flights.Do(c.tenant+" "+server+" "+c.name+" "+c.req.Params.Encode(), func() (any, error) {
		return g.send(context.WithoutCancel(ctx), c, server)
	})
	if err != nil {
		return nil, err
	}
	return reply.(*bbb.Reply), nil //nolint:forcetypeassert // what the function above returns
}

// live is shared as long as the server does not fail; nil says to answer from what was last seen.
func (g *Gateway) live(ctx context.Context, c *call, server string) *bbb.Reply {
	if g.Pool.Failing(server) {
		return nil
	}
	reply, err := g.shared(ctx, c, server)
	if err != nil {
		return nil
	}
	return reply
}

// forward passes a call on to the server that has the meeting, and its answer back. What is answered for an unknown
// meeting differs from call to call.
func (g *Gateway) forward(ctx context.Context, c *call, unknown *bbb.Error) error {
	claim, err := g.locate(ctx, c)
	if errors.Is(err, placement.ErrUnknown) {
		return unknown
	}
	if err != nil {
		return err
	}
	reply, err := g.send(ctx, c, claim.Server)
	if err != nil {
		return unanswered(err)
	}
	return c.pass(reply)
}

// unanswered is an error for the front end about a call that the server of a meeting has not done, or may not have done.
func unanswered(err error) error {
	text := "The server of this meeting failed at this call."
	failed, _ := errors.AsType[*bbb.CallError](err)
	switch {
	case errors.Is(err, errLeft):
		text = "The server of this meeting has just left the pool."
	case failed == nil:
	case failed.Reason == bbb.Timeout:
		text = "The server of this meeting did not answer in time. It may have done what it was asked all the same."
	case failed.Reason == bbb.Broken:
		text = "The server of this meeting did not answer to the end. It may have done what it was asked all the same."
	case failed.Reason == bbb.Refused, failed.Reason == bbb.DNS, failed.Reason == bbb.TLS, failed.Reason == bbb.BadURL:
		text = "The server of this meeting cannot be reached."
	case failed.Reason == bbb.Busy, failed.Reason == bbb.Ours:
		text = "Too many calls are on their way. Please try again in a few seconds."
	}
	return errors.Join(&bbb.Error{Key: bbb.ErrUnavailable.Key, Message: text}, err)
}

func (g *Gateway) insertDocument(ctx context.Context, c *call) error {
	return g.forward(ctx, c, &bbb.Error{Message: "Meeting with id [" + c.key.MeetingID + "] not found."})
}

func (g *Gateway) sendChatMessage(ctx context.Context, c *call) error {
	return g.forward(ctx, c, bbb.ErrChatUnknown)
}

// anyOther passes on calls that newer servers may know and bbbpool does not, as long as they are about a live meeting.
func (g *Gateway) anyOther(ctx context.Context, c *call) error {
	if bbb.CheckMeetingID(c.key.MeetingID) != nil {
		return bbb.ErrUnsupported
	}
	return g.forward(ctx, c, bbb.ErrUnsupported)
}
