package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// call is one request on its way, with everything that its log line will say.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	page  Page // for people; nil where there is none
	req   *bbb.Request
	name  string
	known bool // it is a call of BigBlueButton's
	start time.Time

	owner
	key        store.MeetingKey
	internal   string   // the server's ID of the meeting
	recordings []string // that are changed
	server     string
	outcome    string // returncode, messageKey, or what a redirect is for
	status     int
	tries      int   // servers that a create was sent to
	occupied   bool  // a create is of a meeting with people in it
	unread     bool  // there is a body, and nobody has read it
	begun      bool  // an answer in pieces is on its way
	cut        bool  // and will never be whole
	err        error // what went wrong on our side
}

func (g *Gateway) newCall(w http.ResponseWriter, r *http.Request) *call {
	return &call{
		w: w, r: r, page: g.Page, name: callName(r.URL.Path), start: time.Now(), unread: r.ContentLength != 0,
	}
}

// on notes where the meeting is.
func (c *call) on(claim store.Claim) {
	c.server, c.internal = claim.Server, claim.InternalID
}

// xml answers with a body of our own making.
func (c *call) xml(body []byte) error {
	c.outcome, c.status = "SUCCESS", http.StatusOK
	bbb.WriteXML(c.w, http.StatusOK, body)
	return nil
}

// pass answers with what a server said, byte for byte.
func (c *call) pass(reply *bbb.Reply) error {
	switch {
	case requestFaults[reply.Status]:
		return bbb.ErrTooLarge
	case reply.Status != http.StatusOK:
		return bbb.ErrUnsupported // the server does not know the call, or wants to send us elsewhere
	}
	c.outcome, c.status = "SUCCESS", reply.Status
	if answer, err := bbb.ParseAnswer(reply.Body); err == nil && answer.Err != nil {
		c.outcome = cmp.Or(answer.Err.Key, "FAILED")
	}
	h := c.w.Header()
	h.Set("Content-Type", harmless(reply))
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(reply.Status)
	_, _ = c.w.Write(reply.Body) // the front end hung up: nobody is left to tell
	return nil
}

// harmless is the type of a server's answer, if it is one that BigBlueButton's API has. Nothing else may come from our
// address under a type that a browser would run.
func harmless(reply *bbb.Reply) string {
	media, _, _ := strings.Cut(reply.ContentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "text/xml", "application/xml", "application/json", "text/plain":
		return reply.ContentType
	}
	if _, err := bbb.ParseAnswer(reply.Body); err == nil {
		return "text/xml; charset=utf-8"
	}
	return "application/octet-stream"
}

// pieces returns the next piece of an answer, and whether there are more.
type pieces func() (piece []byte, more bool, err error)

// pieceTime is how long the front end may take for a piece.
const pieceTime = time.Minute

// stream is xml for an answer that comes in pieces, none of which is kept. An error in the first one is answered like any
// other; later it only leaves to cut the answer off.
func (c *call) stream(next pieces) error {
	piece, more, err := next()
	if err != nil {
		return err
	}
	if !more {
		return c.xml(piece)
	}
	c.outcome, c.status, c.begun = "SUCCESS", http.StatusOK, true
	bbb.BeginXML(c.w, http.StatusOK)
	for c.r.Method != http.MethodHead {
		if err := c.send(piece); err != nil {
			return fmt.Errorf("%w: %w", errHungUp, err)
		}
		if !more {
			break
		}
		if piece, more, err = next(); err != nil {
			return err
		}
	}
	return nil
}

// errHungUp says that the front end did not wait for, or did not take, the rest of an answer.
var errHungUp = errors.New("the front end has hung up")

// send sends a piece at once.
func (c *call) send(piece []byte) error {
	control := http.NewResponseController(c.w)
	_ = control.SetWriteDeadline(time.Now().Add(pieceTime)) // fails for none of our connections
	if _, err := c.w.Write(piece); err != nil {
		return err
	}
	return control.Flush()
}

// fail answers with an error, if there is one. What is not meant for the front end is logged and shown as internal.
func (c *call) fail(err error) {
	if err == nil {
		return
	}
	c.cut = c.begun
	if errors.Is(err, context.Canceled) || errors.Is(err, errHungUp) {
		c.outcome, c.status = "hungUp", 499
		return
	}
	if c.cut {
		c.outcome, c.err = bbb.ErrInternal.Key, err
		return
	}
	if c.unread {
		c.drop()
	}
	answer, ok := errors.AsType[*bbb.Error](err)
	if !ok {
		answer = bbb.ErrInternal
	}
	if err.Error() != answer.Error() {
		c.err = err // there is more to it than the front end is told
	}
	if answer == bbb.ErrMethod {
		c.w.Header().Set("Allow", strings.Join(bbb.Methods(c.name), ", "))
	}
	c.outcome, c.status = cmp.Or(answer.Key, "FAILED"), max(answer.Status, http.StatusOK)
	if c.name == "join" && answer != bbb.ErrMethod { // a POST has a program behind it, which nobody sends elsewhere
		c.joinFailed(answer)
		return
	}
	bbb.WriteError(c.w, answer)
}
