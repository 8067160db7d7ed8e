package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// capacity tells what the pool carries, and what would be left of it without one server.
func (p *Pool) capacity(r *http.Request) (any, error) {
	c := p.Ledger.Capacity()
	shown := v1.Capacity{
		Servers: []v1.ServerShare{}, Carries: quantity.Tenths(c.Carries), Now: newFullness(c, c.Now), Largest: c.Largest,
	}
	if !c.Tightest.At.IsZero() {
		tightest := newFullness(c, c.Tightest)
		shown.Tightest = &tightest
	}
	if id := r.URL.Query().Get("drain"); id != "" {
		d, ok := c.Drain(id)
		if !ok {
			return nil, roster.NoServer(id)
		}
		room := roster.Room(d)
		shown.Drain = &room
	}
	loads := map[string]placement.Load{}
	for _, share := range c.Servers {
		loads[share.Server] = share.Load
	}
	for _, s := range p.Servers.Servers() {
		shown.Servers = append(shown.Servers, newShare(s, loads[s.ID]))
	}
	return shown, nil
}

func newShare(s poller.Status, l placement.Load) v1.ServerShare {
	return v1.ServerShare{
		ID: s.ID, State: string(s.State), Health: string(s.Health), Carries: quantity.Tenths(l.Carries), People: l.People,
		Expected: quantity.Tenths(l.Expected), Kept: quantity.Tenths(l.Kept), Meetings: l.Meetings,
	}
}

func newFullness(c placement.Capacity, there placement.Crowd) v1.Fullness {
	return v1.Fullness{
		At: there.At.Truncate(time.Millisecond), People: quantity.Tenths(there.People), Meetings: there.Meetings,
		Free: quantity.Tenths(c.Spare(there)), FreeN1: quantity.Tenths(c.Without - there.People),
	}
}

// maxHint is the largest number of people that can be asked for.
const maxHint = 100_000

// dryRun tells where a create would go, by the numbers of this moment. Nothing is placed.
func (p *Pool) dryRun(r *http.Request) (any, error) {
	var d v1.DryRun
	if err := frame.Read(r, &d); err != nil {
		return nil, err
	}
	if d.Tenant == "" {
		d.Tenant = store.DefaultTenant
	}
	if err := bbb.CheckMeetingID(d.MeetingID); err != nil {
		return nil, v1.Invalid("meetingID: %v", err)
	}
	if d.Hint < 0 || d.Hint > maxHint {
		return nil, v1.Invalid("hint: want a number of people from 0, which is none, to %d", maxHint)
	}
	tenant, err := p.Tenants.Get(r.Context(), d.Tenant)
	if err != nil {
		return nil, err
	}
	wish := placement.Wish{Hint: d.Hint, Tag: d.Tag, Limits: tenant.Limits}
	if tenant.Scoped {
		wish.Alias = bbb.Alias(tenant.ID, d.MeetingID)
	}
	if tenant.IgnoreHints {
		wish.Hint = 0
	}
	if wish.Tag == "" {
		wish.Tag = tenant.Tag
	}
	return newPlacement(p.Ledger.Consider(store.MeetingKey{Tenant: d.Tenant, MeetingID: d.MeetingID}, wish)), nil
}

func newPlacement(c placement.Considered) v1.Placement {
	p := v1.Placement{
		Server: c.Claim.Server, Known: c.Known, Expected: quantity.Tenths(c.Expected), Basis: string(c.Basis), Servers: []v1.Option{},
	}
	switch {
	case c.Err != nil:
		p.Why = why(c.Err)
	case c.Known:
		p.Why = "it runs there already; " + placement.Explain(c.Claim.Server, c.Claim.Why)
	default:
		p.Why = placement.Explain(c.Claim.Server, c.Claim.Why)
	}
	for _, o := range c.Servers {
		p.Servers = append(p.Servers, v1.Option{
			ID: o.Server, Standing: standings[o.Standing], Tag: o.Tag, Here: o.People, Expected: quantity.Tenths(o.Expected),
			Kept: quantity.Tenths(o.Kept), Weight: o.Weight, After: quantity.Tenths(o.After), Full: o.Full,
		})
	}
	return p
}

// why says what to do about a create that nobody can take.
func why(err error) string {
	switch {
	case errors.Is(err, placement.ErrFull):
		return err.Error() + ": raise --capacity of one, or add a server"
	case errors.Is(err, placement.ErrNoTag):
		return err.Error() + ": bbbpool server list shows tags; without \"!\" it would go to untagged servers"
	case errors.Is(err, placement.ErrMeetings), errors.Is(err, placement.ErrPerHour):
		return err.Error() + ": bbbpool tenant show says what it may have; what runs already goes on"
	case errors.Is(err, placement.ErrForeign):
		return err.Error() + ": meetings of a tenant that is scoped have IDs of their own on the servers"
	case errors.Is(err, placement.ErrNoServer):
		return err.Error() + ": bbbpool server list shows which are enabled and online"
	}
	return err.Error()
}

var standings = map[placement.Standing]string{
	placement.Open: "open", placement.Unproven: "unproven", placement.Doubtful: "doubtful", placement.Held: "held",
	placement.Gone: "gone",
}
