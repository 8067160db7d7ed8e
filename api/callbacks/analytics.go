package callbacks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
	"github.com/bbbpool/bbbpool/store"
)

// What may be wrong with analytics.
var (
	// ErrUnknown is that nobody knows the meeting that they are about.
	ErrUnknown = errors.New("no such meeting")
	// ErrForeign is that they are about another meeting than the address was given for.
	ErrForeign = errors.New("about another meeting than the address is for")
)

// stay is what is known of the meeting that an address was given for.
type stay struct {
	back   store.Back
	signer string
}

// Analytics takes in what a server has told of who did what: it is passed on to whom the front end has named, and kept where
// the tenant wants that. Who has sent it was verified. When it returns nil that is durable.
//
// Of a breakout room it is about a meeting that no front end has created, with the address of its parent: that one's front end
// gets it as the server has told it, and it is kept under the parent.
func (c *Callbacks) Analytics(ctx context.Context, p address.Place, body []byte) error {
	told, err := analysis.Read(body)
	if err != nil {
		return err
	}
	of, err := c.about(ctx, p, told)
	if errors.Is(err, store.ErrAway) {
		return c.putOff(ctx, p, told)
	}
	if err != nil {
		return err
	}
	return c.relay(ctx, p, told, of)
}

// relay keeps and passes on what a server has told of a meeting that is known.
func (c *Callbacks) relay(ctx context.Context, p address.Place, told analysis.Told, of stay) error {
	body := told.For(p.MeetingID, c.restorer(of.back))
	if err := c.keep(ctx, p, told, body); err != nil {
		return err
	}
	asked, _ := of.back.Of(p.Meta())
	to, ok := c.goesTo(asked)
	if !ok || !c.hasRoom(p.Tenant, store.CallbackAnalytics, len(body)+len(to)) {
		return nil
	}
	row := c.newRow(store.CallbackAnalytics, p.MeetingKey, told.InternalID, to)
	row.ID, row.Signer, row.Body = analyticsID(told, p), of.signer, body
	if err := c.Index.AddCallbacks(ctx, row); err != nil {
		return err
	}
	c.nudge()
	return nil
}

// analyticsID names what a server has told. It has the address in it that the server has called, and not where that goes on to,
// which may not be known when it comes.
func analyticsID(told analysis.Told, p address.Place) string {
	sum := sha256.Sum256(told.Body)
	return store.CallbackID(store.CallbackAnalytics, told.InternalID+" "+hex.EncodeToString(sum[:]),
		strings.Join([]string{p.Tenant, p.MeetingID, p.Server, p.Name}, " "))
}

// restorer tells what stands in the place of a value in the metadata, and whether it stays.
func (c *Callbacks) restorer(back store.Back) analysis.Restore {
	return func(value string) (string, bool) {
		place, err := c.Seal.Read(value)
		if err != nil {
			return value, true
		}
		return original(place, back)
	}
}

// maxStays is how many sessions of a room are looked at.
const maxStays = 50

// about finds the stay that something was told of at an address: the claim that stands, else the session that the server names,
// else the one that the address was given for. A server must not say anything of what others have, and does not get to know
// whether there is such a meeting.
func (c *Callbacks) about(ctx context.Context, p address.Place, told analysis.Told) (stay, error) {
	room := c.Hash(p.MeetingKey)
	claim, claimed := c.Claim(ctx, p.MeetingKey)
	claimed = claimed && (p.Is(claim) || claim.Server == p.Server && claim.InternalID == told.InternalID)
	named, err := c.Index.Session(ctx, told.InternalID)
	switch {
	case err == nil && (named.Tenant != p.Tenant || named.Server != p.Server):
		return stay{}, ErrForeign
	case claimed:
		return stayWith(claim.Back, claim.Signer), nil
	case err == nil && named.Meeting == room:
		return stayWith(named.Back, named.Signer), nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return stay{}, err
	}
	sessions, err := c.Index.MeetingSessions(ctx, p.Tenant, room, maxStays)
	if err != nil {
		return stay{}, fmt.Errorf("look for the meeting: %w", err)
	}
	for _, s := range sessions {
		if stayOf(p, s) {
			return stayWith(s.Back, s.Signer), nil
		}
	}
	return stay{}, ErrUnknown
}

func stayWith(back *store.Back, signer string) stay {
	if back == nil {
		back = &store.Back{}
	}
	return stay{*back, signer}
}

// keep keeps what came, where that is wanted.
func (c *Callbacks) keep(ctx context.Context, p address.Place, told analysis.Told, body []byte) error {
	if p.Name != "" { // it is what the tenant has asked for beside analytics
		return nil
	}
	wanted, err := c.keeps(ctx, p.Tenant)
	if err != nil || !wanted {
		return err
	}
	known, err := c.Index.Analysis(ctx, told.InternalID)
	if err == nil && (known.Tenant != p.Tenant || known.MeetingID != p.MeetingID) {
		return ErrForeign
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrAway) {
		return err
	}
	return c.Index.KeepAnalysis(ctx, store.Analysis{
		ID: told.InternalID, Tenant: p.Tenant, MeetingID: p.MeetingID, At: c.Now().UTC(), Body: body,
	})
}

// keeps tells whether analytics of a tenant are kept.
func (c *Callbacks) keeps(ctx context.Context, tenant string) (bool, error) {
	if c.Config.Analytics {
		return true, nil
	}
	t, err := c.Tenants.Tenant(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return t.Callbacks.Analytics, err
}

// cleanPage is how many analytics are deleted at once.
const cleanPage = 100

// Clean deletes what has been kept for long enough.
func (c *Callbacks) Clean(ctx context.Context) error {
	before := c.Now().Add(-c.Config.AnalyticsKeep)
	for c.Config.AnalyticsKeep > 0 {
		n, err := c.Index.DeleteAnalytics(ctx, before, cleanPage)
		if err != nil || n < cleanPage {
			return err
		}
	}
	return nil
}

const (
	// pulse is how often it is looked whether something can be resolved, finding what others have put off, who may be gone, and
	// cleaning how often what is old is deleted.
	pulse    = 2 * time.Second
	finding  = 10 * time.Minute
	cleaning = time.Hour
)
