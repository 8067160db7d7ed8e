package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
)

// Servers is how servers are called.
type Servers interface {
	// Client returns the way to call a server, or nil for one that is not in the pool.
	Client(server string) *bbb.Client
	// Report tells how a call through that client went.
	Report(server string, client *bbb.Client, err error)
	// Failing tells whether the last call to a server failed.
	Failing(server string) bool
	// Alive waits until a failing server answers again, or has failed for so long that its meetings may be created
	// elsewhere even with people in them; then it returns false.
	Alive(ctx context.Context, server string) bool
	// Patience is how long a server may take for a sign of life; it is longer for one that is slow today.
	Patience(server string) time.Duration
}

// servers calls servers. Whatever calls them, what they do not answer is counted, and their health hears of it.
type servers struct {
	Servers

	metrics   *counts.Metrics
	authority authority
	originals *originals
}

var (
	// errLeft is what becomes of a call that a server's removal has overtaken.
	errLeft = errors.New("the server has just left the pool")
	// errFailing is why a server is not asked: it would only be waited for.
	errFailing = errors.New("the server does not answer at the moment")
	// errNotNow is why nothing is ended.
	errNotNow = errors.New("this instance may not end anything at the moment")
)

// send makes the call on a server that knows the meeting by that ID, with all other parameters and the body as they came. The
// answer is about the meeting as the front end calls it.
func (s *servers) send(ctx context.Context, c *call, server, onServer string) (*bbb.Reply, error) {
	client := s.Client(server)
	if client == nil {
		return nil, errLeft
	}
	reply, err := client.Do(ctx, c.name, c.query(onServer), c.req.ContentType, c.req.Body)
	telling := err != nil
	if err == nil {
		c.restore(reply, onServer)
		s.originals.restore(reply, c)
		telling, err = signOfHealth(c, reply)
	}
	s.heard(ctx, server, client, c.name, telling, err)
	return reply, err
}

// signOfHealth tells whether a reply says something about the server's health, and what. What is not an answer of
// BigBlueButton's is an error where the call has no others; a call that bbbpool does not know may answer anything.
func signOfHealth(c *call, reply *bbb.Reply) (telling bool, err error) {
	if reply.Status != http.StatusOK {
		return signOfStatus(c, reply)
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

// signOfStatus is signOfHealth for other statuses than BigBlueButton's: they come from what stands before it, or from a server
// that does not know the call.
func signOfStatus(c *call, reply *bbb.Reply) (telling bool, err error) {
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

// end ends a meeting on a server by its ID there alone: whoever wants that has proved before that he may.
func (s *servers) end(ctx context.Context, server, meetingID string) (*bbb.Reply, error) {
	if s.Failing(server) {
		return nil, errFailing
	}
	ctx, release, ok := s.authority.now(ctx)
	defer release()
	if !ok {
		return nil, errNotNow
	}
	ctx, cancel := context.WithTimeout(ctx, s.endTime(server))
	defer cancel()
	client := s.Client(server)
	if client == nil {
		return nil, errLeft
	}
	reply, err := client.Do(ctx, "end", "meetingID="+url.QueryEscape(meetingID), "", nil)
	if err == nil {
		var answer bbb.Answer
		answer, err = reply.Answer("end")
		err = cmp.Or(err, serverFault(answer))
	}
	s.heard(ctx, server, client, "end", true, err)
	return reply, err
}

// endTry is how long a server may take for an end, or longer where it is known to be slow. What it has not ended by then
// it owes.
const endTry = 5 * time.Second

func (s *servers) endTime(server string) time.Duration { return max(endTry, s.Patience(server)) }

// heard counts the call if it was not answered as it should, and tells the server's health how it went where that says
// something about the server. It may probe the server, and waits for that.
func (s *servers) heard(ctx context.Context, server string, client *bbb.Client, call string, telling bool, err error) {
	if limit, ok := ctx.Value(authorityKey{}).(context.Context); ok && err != nil && limit.Err() != nil {
		return // the server had less time than it may take
	}
	if outcome := failure(err); outcome != "" {
		s.metrics.Failed(server, call, outcome)
	}
	if telling && !s.causedByRequest(ctx, server, client, err) {
		s.Report(server, client, err)
	}
}

// failure says in a word what was wrong with an answer; "" is for nothing, or nothing of the server's.
func failure(err error) string {
	failed, ok := errors.AsType[*bbb.CallError](err)
	switch {
	case err == nil, errors.Is(err, errLeft), ok && failed.Reason == bbb.Cancel:
		return ""
	case ok:
		return string(failed.Reason)
	}
	if told, ok := errors.AsType[*bbb.Error](err); ok {
		return told.Key
	}
	return counts.Other
}

// causedByRequest tells whether status 500 may be the request's doing: something in it that a sound server cannot digest. A
// server that answers a probe all the same keeps its health, or one bad request would take one server after another out
// of the pool.
func (s *servers) causedByRequest(ctx context.Context, server string, client *bbb.Client, err error) bool {
	failed, ok := errors.AsType[*bbb.CallError](err)
	if !ok || failed.Reason != bbb.Status {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Patience(server))
	defer cancel()
	_, err = client.Probe(ctx)
	return err == nil || ownLack(err)
}

// ownLack tells whether a call failed for our own lack, which says nothing about the server.
func ownLack(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && call.Reason == bbb.Ours
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
