package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
)

// aboutRecordings has a call about recordings answered, and sends what comes.
func aboutRecordings(answer recordingcalls.Call) handler {
	return func(ctx context.Context, c *call) error {
		c.mayBeDone = true
		a, err := answer(ctx, recordingcalls.Question{
			Tenant: c.tenant, Request: c.req, MediaType: c.r.Header.Get("Content-Type"), Origin: c.origin(),
			Again: c.again(),
		})
		c.recordings, c.err = a.Changed, a.Err
		switch {
		case err != nil:
			return err
		case a.JSON != nil:
			return c.json(a.Key, a.JSON)
		case a.Pieces != nil:
			return c.stream(a.Pieces)
		}
		return c.xml(a.XML)
	}
}

// pieceTime is how long the front end may take for a piece.
const pieceTime = time.Minute

// stream is xml for an answer that comes in pieces, none of which is kept. An error in the first one is answered like any
// other; later it only leaves to cut the answer off.
func (c *call) stream(next recordingcalls.Pieces) error {
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

// send sends a piece at once.
func (c *call) send(piece []byte) error {
	control := http.NewResponseController(c.w)
	_ = control.SetWriteDeadline(time.Now().Add(pieceTime)) // fails for none of our connections
	if _, err := c.w.Write(piece); err != nil {
		return err
	}
	return control.Flush()
}
