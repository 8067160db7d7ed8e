package tenancy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/store"
)

// index is all tenants as calls are recognised by. It never changes.
type index struct {
	ids     map[string]*Tenant
	hosts   map[string]*Tenant // by their exact names
	below   map[string]*Tenant // by what stands behind the dot of a wildcard
	labels  map[string]*Tenant // by what stands before the dot under Scalelite's rule
	pool    string             // the host that Scalelite's rule is about; "" without the rule
	all     group              // of those that no name tells: everybody's
	nobody  *group             // a secret that nobody has
	anyHost bool               // hosts name anybody at all
}

// newIndex makes an index of tenants. Where two want the same name or secret, the first by ID has it.
func newIndex(c Config, list []store.Tenant, before *index) *index {
	x := &index{
		ids: map[string]*Tenant{}, hosts: map[string]*Tenant{}, below: map[string]*Tenant{}, labels: map[string]*Tenant{},
		pool: c.poolHost(), nobody: nobody(),
	}
	list = slices.SortedFunc(slices.Values(list), func(a, b store.Tenant) int { return cmp.Compare(a.ID, b.ID) })
	for _, t := range list {
		x.add(c, t, before)
		x.ids[t.ID].Shared = len(list) > 1
	}
	x.setLabels(list)
	x.anyHost = x.pool != "" || len(x.hosts)+len(x.below) > 0
	return x
}

// nobody is what a call is verified with that names no tenant: it never verifies, and takes its time.
func nobody() *group {
	return &group{
		secrets: []bbb.Secret{bbb.Secret(nonce())}, signers: []signer{{tenant: &Tenant{disabled: true}}},
	}
}

// add adds a tenant, with its secrets, its path and its hosts.
func (x *index) add(c Config, s store.Tenant, before *index) {
	t := &Tenant{
		ID: s.ID, URL: c.url(s), IgnoreHints: s.IgnoreHints, Scoped: s.Scoped, Limits: s.Limits,
		Callbacks: s.Callbacks, LRS: s.LRS, Rules: c.Params.For(s), marks: c.marks(s), disabled: s.Disabled,
	}
	var was *Tenant
	if before != nil {
		was = before.ids[s.ID]
	}
	t.setBucket(was)
	t.secrets.status = s.Limits.Statuses
	for _, secret := range s.Secrets {
		t.secrets.add(bbb.Secret(secret.Secret), signer{t, secret.Name, secret.Expires, c.cell(s.ID, secret.Name)})
	}
	x.all.secrets = append(x.all.secrets, t.secrets.secrets...)
	x.all.signers = append(x.all.signers, t.secrets.signers...)
	if len(t.secrets.secrets) == 0 { // and takes its time all the same
		t.secrets.secrets, t.secrets.signers = x.nobody.secrets, x.nobody.signers
	}
	x.ids[s.ID] = t
	for _, host := range s.Hosts {
		if under, wild := strings.CutPrefix(hostName(host), "*."); wild {
			first(x.below, under, t)
		} else {
			first(x.hosts, hostName(host), t)
		}
	}
}

func (g *group) add(secret bbb.Secret, s signer) {
	g.secrets, g.signers = append(g.secrets, secret), append(g.signers, s)
}

// first gives a name to a tenant, unless an earlier one has it.
func first(names map[string]*Tenant, name string, t *Tenant) {
	if _, taken := names[name]; !taken && name != "" {
		names[name] = t
	}
}

// setLabels gives the tenants their labels under Scalelite's rule: their names, then, where nobody is called so, their IDs.
// The default tenant, which Scalelite has none like, comes last.
func (x *index) setLabels(list []store.Tenant) {
	if x.pool == "" {
		return
	}
	for _, label := range []func(store.Tenant) string{
		func(t store.Tenant) string { return t.Name }, func(t store.Tenant) string { return t.ID },
	} {
		for _, t := range list {
			if t.ID != store.DefaultTenant {
				first(x.labels, strings.ToLower(label(t)), x.ids[t.ID])
			}
		}
	}
	if t := x.ids[store.DefaultTenant]; t != nil {
		first(x.labels, store.DefaultTenant, t)
	}
}

// named returns what a call is verified with whose path and host are these. The path is the tenant's ID in it, "" where it
// has none.
func (x *index) named(path, host string) *group {
	byHost, named := x.byHost(host)
	if path == "" {
		switch {
		case !named:
			return &x.all
		case byHost == nil:
			return x.nobody
		}
		return &byHost.secrets
	}
	byPath := x.ids[path]
	if byPath == nil || named && byHost != byPath {
		return x.nobody
	}
	return &byPath.secrets
}

// byHost returns the tenant that a host names, nil if it names one that is not there, and whether it names any. Of several
// rules the one that says most counts: the whole name, then the longest end of it.
func (x *index) byHost(host string) (t *Tenant, named bool) {
	if !x.anyHost {
		return nil, false
	}
	host = hostName(host)
	if t := x.hosts[host]; t != nil {
		return t, true
	}
	for i := range len(host) {
		if host[i] != '.' || i == 0 {
			continue
		}
		under := host[i+1:]
		if under == x.pool && under != "" {
			return cmp.Or(x.labels[host[:i]], x.below[under]), true
		}
		if t := x.below[under]; t != nil {
			return t, true
		}
	}
	return nil, false
}

// hostName is a host in small letters, without port, brackets, and the dot at the end of one that is complete.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// cell is where uses of a secret are noted.
func (c Config) cell(tenant, name string) *lastuse.Cell {
	if c.Uses == nil {
		return &lastuse.Cell{}
	}
	return c.Uses.Of(store.Credential{Kind: store.CredentialSecret, Tenant: tenant, Name: name})
}
