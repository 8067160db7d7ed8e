package admin

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/store"
)

// twinDeadline is how long it may take to find out whether a server is in the pool under another name.
const twinDeadline = 5 * time.Second

// notPool refuses what is no server but a pool: this one whatever somebody insists on, for a meeting would be placed on
// itself, and another one unless somebody does.
func (a *API) notPool(ctx context.Context, s store.Server) error {
	answer, err := a.client(s).Probe(ctx)
	if err != nil {
		return bbb.Explain(s.URL, err) // as the diagnosis would, after another wait
	}
	if answer.Get(bbb.PoolMark) == "" {
		return nil
	}
	tenants, err := a.Tenants.Tenants(ctx)
	if err != nil {
		return err
	}
	ours := slices.Clone(a.EnvSecrets)
	for _, t := range tenants {
		ours = append(ours, t.Secrets...)
	}
	if slices.Contains(ours, s.Secret) {
		return conflict("%s is this pool, by its secret: a pool is no server of its own; add the BigBlueButton servers themselves",
			s.URL)
	}
	return fmt.Errorf("pool: a bbbpool answers at %s, and not BigBlueButton: add the servers that are behind it", s.URL)
}

// twins are the servers of the pool that a server is as well, as far as that can be found out: those that have its secret
// and an address of its host, and show a meeting that is held there. Where that cannot be tried they are doubted alone.
func (a *API) twins(ctx context.Context, s store.Server) (known, doubted []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, twinDeadline)
	defer cancel()
	near, err := a.near(ctx, s)
	if err != nil || len(near) == 0 {
		return nil, nil, err
	}
	ids, others := make([]string, 0, len(near)), make([]bbb.Endpoint, 0, len(near))
	for _, other := range near {
		ids, others = append(ids, other.ID), append(others, endpoint(other))
	}
	seen, err := trial.Seen(ctx, trial.Target{Endpoint: endpoint(s), NewClient: a.Pool.NewClient}, others)
	if err != nil { // that is what doubt is
		return nil, ids, nil
	}
	for _, i := range seen {
		known = append(known, ids[i])
	}
	return known, nil, nil
}

// near returns the other servers with the same secret, at the same machine as far as names tell.
func (a *API) near(ctx context.Context, s store.Server) (near []store.Server, err error) {
	servers, err := a.Servers.Servers(ctx)
	if err != nil {
		return nil, err
	}
	var here []netip.Addr
	for _, other := range servers {
		if other.ID == s.ID || other.URL == s.URL || other.Secret != s.Secret {
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
// be known, or was insisted on. Whoever calls it holds the lock of joining until the server is in the pool, for of two
// names that come at once each may be the other's.
func (a *API) distinct(ctx context.Context, s store.Server, force bool) (warning string, err error) {
	known, doubted, err := a.twins(ctx, s)
	switch {
	case err != nil:
		return "", err
	case len(known) > 0 && !force:
		return "", exists("%s is the same server as %s, under another name: a meeting that is held there is seen there as well",
			s.URL, some(known))
	case len(known) > 0:
		return "it is the same server as " + some(known) + ", under another name: its people count twice", nil
	case len(doubted) > 0:
		return "it may be the same server as " + some(doubted) + ": it has the same secret, at the same address", nil
	}
	return "", nil
}

func endpoint(s store.Server) bbb.Endpoint {
	return bbb.Endpoint{URL: s.URL, Secret: bbb.Secret(s.Secret), Algorithm: bbb.Algorithm(s.Checksum)}
}
