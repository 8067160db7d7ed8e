package roster

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/store"
)

// twinDeadline is how long it may take to find out whether a server is in the pool under another name.
const twinDeadline = 5 * time.Second

// twins are the servers of the pool that a server is as well, as far as that can be found out: those that have its secret
// and an address of its host, and show a meeting that is held there. Where that cannot be tried they are doubted alone.
func (e *Examiner) twins(ctx context.Context, s store.Server) (known, doubted []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, twinDeadline)
	defer cancel()
	near, err := e.near(ctx, s)
	if err != nil || len(near) == 0 {
		return nil, nil, err
	}
	ids, others := make([]string, 0, len(near)), make([]bbb.Endpoint, 0, len(near))
	for _, other := range near {
		ids, others = append(ids, other.ID), append(others, endpoint(other))
	}
	seen, err := trial.Seen(ctx, trial.Target{Endpoint: endpoint(s), NewClient: e.Pool.NewClient}, others)
	if err != nil { // that is what doubt is
		return nil, ids, nil
	}
	for _, i := range seen {
		known = append(known, ids[i])
	}
	return known, nil, nil
}

// near returns the other servers with the same secret, at the same machine as far as names tell.
func (e *Examiner) near(ctx context.Context, s store.Server) (near []store.Server, err error) {
	servers, err := e.Store.Servers(ctx)
	if err != nil {
		return nil, err
	}
	var here []netip.Addr
	for _, other := range servers {
		if other.ID == s.ID || other.URL == s.URL || !secretInCommon(other, s) {
			continue
		}
		if here == nil {
			here = addresses(ctx, s.URL)
		}
		there := addresses(ctx, other.URL)
		if slices.ContainsFunc(there, func(at netip.Addr) bool { return slices.Contains(here, at) }) {
			near = append(near, other)
		}
	}
	return near, nil
}

// addresses are those of the host of a URL; none where they cannot be found.
func addresses(ctx context.Context, of string) (list []netip.Addr) {
	u, err := url.Parse(of)
	if err != nil {
		return nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil
	}
	for _, at := range found {
		list = append(list, at.Unmap().WithZone(""))
	}
	return list
}

// distinct refuses a server that is in the pool under another name, unless somebody insists. The warning is what cannot
// be known, or was insisted on.
func (e *Examiner) distinct(ctx context.Context, s store.Server, force bool) (warning string, err error) {
	known, doubted, err := e.twins(ctx, s)
	switch {
	case err != nil:
		return "", err
	case len(known) > 0 && !force:
		return "", v1.Exists("%s is the same server as %s, under another name: a meeting that is held there is seen there as well",
			s.URL, quantity.Some(known))
	case len(known) > 0:
		return "it is the same server as " + quantity.Some(known) + ", under another name: its people count twice", nil
	case len(doubted) > 0:
		return "it may be the same server as " + quantity.Some(doubted) + ": it has the same secret, at the same address", nil
	}
	return "", nil
}
