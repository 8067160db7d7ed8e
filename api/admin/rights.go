package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// route is a handler with what whoever calls it must be granted. A route that says nothing of that is for nobody.
type route struct {
	handle  handler
	scopes  []access.Scope // any of them will do, and Admin always
	anybody bool           // whoever has come in may see it: it has nothing of the pool's
	confine confinement    // for those that see one tenant alone; the zero value is for a route that is not for them
	lighter []access.Scope // any of these will do, too, for those that see one tenant alone
	asks    bool           // it changes nothing, although it is no GET
}

// routes are those of a noun, or of all, by pattern.
type routes map[string]route

// whole is a route about the whole pool: who sees one tenant alone has no business there.
func whole(h handler, scopes ...access.Scope) route { return route{handle: h, scopes: scopes} }

// own is a route that those may call, too, that see one tenant alone, for what is that tenant's.
func own(h handler, confine confinement, scopes ...access.Scope) route {
	return route{handle: h, scopes: scopes, confine: confine}
}

// open is a route for whoever has come in.
func open(h handler) route { return route{handle: h, anybody: true} }

// ownFor lets those that see one tenant alone see what is theirs with less.
func (r route) ownFor(scopes ...access.Scope) route {
	r.lighter = scopes
	return r
}

// asking is a route that changes nothing, although it is no GET: nothing is to be kept of it.
func (r route) asking() route {
	r.asks = true
	return r
}

// confinement makes of a request one that reaches nothing but what is a tenant's, or refuses it: what is another's is not
// there for it. It works before the handler, which need not know of it.
type confinement struct {
	name string
	to   func(r *http.Request, tenant string) (*http.Request, error)
}

// byQuery confines by the tenant that the query names: no other, and where it names none the caller's own. The handler goes
// by the query.
func byQuery() confinement {
	return confinement{"tenant in the query", func(r *http.Request, tenant string) (*http.Request, error) {
		query := r.URL.Query()
		for _, named := range query["tenant"] {
			if named != "" && named != tenant {
				return nil, noTenant(named)
			}
		}
		query.Set("tenant", tenant)
		u := *r.URL
		u.RawQuery = query.Encode()
		r = r.Clone(r.Context())
		r.URL = &u
		return r, nil
	}}
}

// byPath confines by the tenant that the path names as {id}.
func byPath() confinement {
	return confinement{"tenant in the path", func(r *http.Request, tenant string) (*http.Request, error) {
		if named := r.PathValue("id"); named != tenant {
			return nil, noTenant(named)
		}
		return r, nil
	}}
}

// byOwner confines by whose it is that the path names as {id}. What owner says of one that is not there is said of one
// of another tenant, too: it gets the ID of what it is to deny.
func byOwner(owner func(ctx context.Context, id string) (tenant string, err error), denied func(id string) error) confinement {
	return confinement{"tenant of the object", func(r *http.Request, tenant string) (*http.Request, error) {
		id := r.PathValue("id")
		owns, err := owner(r.Context(), id)
		if err != nil {
			return nil, err
		}
		if owns != tenant {
			return nil, denied(id)
		}
		return r, nil
	}}
}

// byBody confines by the tenant that the body names: no other, and where it names none the caller's own.
func byBody() confinement {
	return confinement{"tenant in the body", func(r *http.Request, tenant string) (*http.Request, error) {
		fields, err := bodyFields(r)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !strings.EqualFold(name, "tenant") { // as encoding/json takes names
				continue
			}
			var named string
			if json.Unmarshal(fields[name], &named) == nil && named != "" && named != tenant {
				return nil, noTenant(named)
			}
			delete(fields, name)
		}
		fields["tenant"], _ = json.Marshal(tenant)
		return withBody(r, fields)
	}}
}

// sparing lets the caller set these fields of the body alone, beside what c says: the others are what the operator gives a
// tenant, which must not lift its own limits.
func (c confinement) sparing(fields ...string) confinement {
	return confinement{c.name + ", only " + strings.Join(fields, " "), func(r *http.Request, tenant string) (*http.Request, error) {
		r, err := c.to(r, tenant)
		if err != nil {
			return nil, err
		}
		given, err := bodyFields(r)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, name) }) {
				return nil, forbidden("%s: only whoever runs the pool sets that for a tenant", strconv.QuoteToASCII(name))
			}
		}
		return withBody(r, given)
	}}
}

// bodyFields reads a body, which has been bounded. What is no object is for the handler to refuse; here it has no fields,
// and so it does not get there.
func bodyFields(r *http.Request) (fields map[string]json.RawMessage, err error) {
	d := json.NewDecoder(r.Body)
	if err = d.Decode(&fields); errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && d.More() {
		err = errors.New("there is more than one value in it")
	}
	if err != nil {
		return nil, bodyError(err)
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	return fields, nil
}

func withBody(r *http.Request, fields map[string]json.RawMessage) (*http.Request, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("write the body again: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

// let lets a request through to a route, as far as its caller may go, or refuses it.
func (route route) let(r *http.Request) (*http.Request, error) {
	by, ok := callerOf(r)
	switch {
	case !ok:
		return nil, forbidden("nobody knows who calls")
	case route.anybody:
		return r, nil
	case !route.allows(by.grant):
		return nil, lacking(by.grant, route.scopes)
	case asksForSecrets(r) && !by.grant.Allows(access.Admin):
		return nil, lacking(by.grant, []access.Scope{access.Admin})
	case by.grant.Tenant == "":
		return r, nil
	case route.confine.to == nil:
		return nil, forbidden("this needs a token for the whole pool with scope %s, and this one is for tenant %s alone",
			either(route.scopes), by.grant.Tenant)
	}
	return route.confine.to(r, by.grant.Tenant)
}

func (route route) allows(g access.Grant) bool {
	return g.Allows(route.scopes...) || g.Tenant != "" && g.Allows(route.lighter...)
}

// asksForSecrets tells whether a request asks for secrets: whatever shows some does so where the query says reveal. What is no yes
// or no is for the handler to refuse.
func asksForSecrets(r *http.Request) bool {
	return slices.ContainsFunc(r.URL.Query()["reveal"], func(text string) bool {
		yes, err := strconv.ParseBool(text)
		return text != "" && (yes || err != nil)
	})
}

// lacking says what a caller would need.
func lacking(g access.Grant, any []access.Scope) *v1.Error {
	return forbidden("this needs a token with scope %s, and this one has %s", either(any), list(g.Scopes, " and "))
}

// either lists scopes of which one will do.
func either(scopes []access.Scope) string { return list(scopes, " or ") }

func list(scopes []access.Scope, between string) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, between)
}

func forbidden(format string, args ...any) *v1.Error {
	return &v1.Error{Status: http.StatusForbidden, Code: "forbidden", Message: fmt.Sprintf(format, args...)}
}

// noTenant is what is said of a tenant that is not there, and to those that see another alone.
func noTenant(id string) *v1.Error {
	return v1.NotFound("there is no tenant %q: bbbpool tenant list shows those there are", id)
}

// byID confines by whose the recording is that the path names.
func (c *Recordings) byID() confinement {
	return byOwner(func(ctx context.Context, id string) (string, error) {
		recording, err := c.recording(ctx, id)
		return recording.Tenant, err
	}, noRecording)
}

// noRecording is what is said of a recording that is not there, and of one of another tenant.
func noRecording(id string) error {
	return v1.NotFound("there is no recording %q: bbbpool recording list shows those there are", id)
}
