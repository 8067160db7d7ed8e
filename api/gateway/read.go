package gateway

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/bbbpool/bbbpool/api/bbb"
)

const (
	bodiesInMemory = 8                // bodies of the largest size that may be in memory at once
	bodyWait       = 10 * time.Second // for others to be done with theirs
	dropTime       = time.Second      // for the rest of a body that nobody reads

	maxForm   = 1 << 20         // bytes of a form that has to be read before it can be verified
	formTime  = 5 * time.Second // for reading it
	mostForms = 64              // that are being read unverified at once
	formShare = 16              // of so many requests one may be such a form
)

// openReading makes the room that bodies and forms have.
func (g *Gateway) openReading() {
	g.bodies = semaphore.NewWeighted(bodiesInMemory * g.Config.MaxBody)
	slots := int64(mostForms)
	if all := g.Config.MaxRequests; all > 0 {
		slots = min(max(all/formShare, 1), slots)
	}
	g.forms = semaphore.NewWeighted(slots)
}

// errBusy refuses a body that there is no room for.
var errBusy = &bbb.Error{
	Key: "serverBusy",
	Message: "Too many requests with a body are being read. " +
		"Please try again in a moment, or send the parameters in the query.",
}

// takesBody tells whether the body of a request is to be read. BigBlueButton reads slides whatever the method of the
// create; else the body of a GET is nobody's, and many people see the links of joins.
func (c *call) takesBody() bool {
	return c.unread && c.name != "" && (c.r.Method == http.MethodPost || c.name == "create")
}

// drop gives up a body that nobody reads: net/http would wait for it, before the answer and after. What is on its way
// has a moment to arrive, or the end of the connection might overtake the answer.
func (c *call) drop() {
	c.w.Header().Set("Connection", "close")
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(dropTime)) // fails for none of our connections
}

// read takes the request in and authenticates it: before its body is read wherever the checksum is in the query, so
// that only those who can sign get a share of the memory that bodies may take together.
func (g *Gateway) read(ctx context.Context, c *call) (release func(), err error) {
	if c.req, err = bbb.NewRequest(c.r, c.name); err != nil {
		return nil, err
	}
	if c.takesBody() && c.req.NeedsBody() {
		if err = g.readForm(c); err != nil {
			return nil, err
		}
		return g.room(ctx, c, maxForm)
	}
	if err = g.authenticate(c); err != nil {
		return nil, err
	}
	if !c.takesBody() { // and waits for nobody who does
		return func() {}, nil
	}
	if release, err = g.room(ctx, c, g.Config.MaxBody); err != nil {
		return nil, err
	}
	if err = c.readBody(g.Config.MaxBody); err != nil {
		release()
	}
	return release, err
}

// readForm is read for a form that its own checksum covers. Whoever has not signed yet gets little time, and one of a
// few slots, so that slow ones keep nobody else waiting.
func (g *Gateway) readForm(c *call) error {
	if !g.forms.TryAcquire(1) {
		return errBusy
	}
	defer g.forms.Release(1)
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(formTime)) // fails for none of our connections
	if err := c.readBody(maxForm); err != nil {
		return err
	}
	return g.authenticate(c)
}

// readBody reads the body, if one is to be read, within a limit.
func (c *call) readBody(limit int64) error {
	if !c.takesBody() {
		return nil
	}
	err := c.req.ReadBody(c.r, limit)
	c.unread = err != nil // there may be more of it
	return err
}

// room counts a body against what all of them may take, until it is released.
func (g *Gateway) room(ctx context.Context, c *call, limit int64) (release func(), err error) {
	size := c.r.ContentLength
	if size < 0 || size > limit {
		size = limit
	}
	wait, cancel := context.WithTimeout(ctx, bodyWait)
	defer cancel()
	if g.bodies.Acquire(wait, size) != nil {
		return nil, errBusy
	}
	return func() { g.bodies.Release(size) }, nil
}
