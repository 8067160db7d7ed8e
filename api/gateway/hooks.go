package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/hookcalls"
)

// This file has what webhooks need of the gateway. A pool that has none refuses them.

// pingHooks is the call that tells whether there are webhooks.
const pingHooks = "hooks/ping"

// aboutHooks has a call about webhooks answered.
func aboutHooks(answer hookcalls.Call) handler {
	return func(ctx context.Context, c *call) error {
		c.mayBeDone = true
		xml, err := answer(ctx, hookcalls.Question{
			Tenant: c.tenant, Signer: c.caller.Signer, Params: c.req.Params, Again: c.again(),
		})
		if err != nil {
			return err
		}
		return c.xml(xml)
	}
}

// pong answers whoever wants to know whether there are webhooks.
func (c *call) pong() error {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return bbb.ErrMethod
	}
	c.outcome, c.status = "SUCCESS", http.StatusOK
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(c.w, hookcalls.Pong) // the front end hung up: nobody is left to tell
	return nil
}

// hookWords says that a checksum does not fit as bbb-webhooks says it.
func (g *Gateway) hookWords(c *call, err error) error {
	told, ok := errors.AsType[*bbb.Error](err)
	if !ok || told.Key != bbb.ErrChecksum.Key || g.calls[c.name] == nil || !webhook(c.name) {
		return err
	}
	words := *hookcalls.ErrChecksum
	words.Status = told.Status
	return &words
}
