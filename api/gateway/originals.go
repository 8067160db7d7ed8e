package gateway

import (
	"context"
	"sync/atomic"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/back"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// originals knows where front ends want to be called back, as their claims have it: servers have other addresses, ours.
type originals struct {
	back    *back.Callbacks
	ledger  *placement.Ledger
	lacking atomic.Bool // analytics were wanted that cannot come
}

// takeBack takes where the front end wants to be called back out of a create.
func (c *call) takeBack() (err error) {
	c.back, err = back.Take(&c.req.Params, c.caller.Callbacks.Names)
	return err
}

// put puts our addresses for the server of a claim into what it is sent. What is asked for is what this create asks for: it
// counts only where the server has no such meeting any more, whatever the claim says.
func (o *originals) put(c *call, sent *bbb.Params, claim store.Claim) {
	claim.Back, claim.Recorded = c.back, sent.Get("record") == "true"
	tenant := back.Tenant{URL: c.caller.URL, Analytics: c.caller.Callbacks.Analytics}
	if o.back.Put(sent, claim, tenant) {
		o.lacking.Store(true)
	}
}

// restore gives a front end its own back in a server's answer about the meeting of a call. Of a breakout room the answer itself
// says which meeting it belongs to.
func (o *originals) restore(reply *bbb.Reply, c *call) {
	own := c.original
	if c.breakout {
		parent := ""
		if answer, err := bbb.ParseAnswer(reply.Body); err == nil {
			parent = answer.Get("parentMeetingID")
		}
		own = o.ofRoom(c.key.Tenant, parent, own)
	}
	reply.Body = o.back.Restore(reply.Body, own)
}

// ofRoom is what is shown of a breakout room, whose parent is the meeting with that internal ID.
func (o *originals) ofRoom(tenant, parent string, own *store.Back) *store.Back {
	if parent == "" {
		return own
	}
	found, err := o.ledger.ByInternalID(tenant, parent)
	if err != nil {
		return own
	}
	return back.Merged(own, found.Claim.Back)
}

// Restored changes a meeting that a server lists into what its front end is to see.
func (g *Gateway) Restored(key store.MeetingKey, m *bbb.Meeting) { g.originals.restoreMeeting(key, m) }

// restoreMeeting is restore for a meeting that is listed.
func (o *originals) restoreMeeting(key store.MeetingKey, m *bbb.Meeting) {
	var own *store.Back
	if found, err := o.ledger.Peek(key); err == nil {
		own = found.Claim.Back
	}
	if m.Breakout {
		own = o.ofRoom(key.Tenant, m.ParentID, own)
	}
	m.Raw = o.back.Restore(m.Raw, own)
}

// problems tells whether something is asked for that servers have no way to tell.
func (o *originals) problems(context.Context) []problems.Problem {
	if !o.lacking.Load() {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Setting, ID: "callback-url"}, Name: "no-address",
		Text:   "meetings were created whose servers are to tell who did what in them, and the pool has no address to be told at",
		Remedy: "set --callback-url or --public-url",
	}}
}
