package frame

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Route is a handler with what whoever calls it must be granted. A route that says nothing of that is for nobody.
type Route struct {
	handle  Handler
	scopes  []access.Scope // any of them will do, and Admin always
	anybody bool           // whoever has come in may see it: it has nothing of the pool's
	confine confine.Rule   // for those that see one tenant alone; the zero value is for a route that is not for them
	lighter []access.Scope // any of these will do, too, for those that see one tenant alone
	asks    bool           // it changes nothing, although it is no GET
	most    int64          // bytes that a body may have; 0 is what bodies have
}

// Routes are those of a noun, or of all, by pattern.
type Routes map[string]Route

// Whole is a route about the whole pool: who sees one tenant alone has no business there.
func Whole(h Handler, scopes ...access.Scope) Route { return Route{handle: h, scopes: scopes} }

// Own is a route that those may call, too, that see one tenant alone, for what is that tenant's.
func Own(h Handler, rule confine.Rule, scopes ...access.Scope) Route {
	return Route{handle: h, scopes: scopes, confine: rule}
}

// Open is a route for whoever has come in.
func Open(h Handler) Route { return Route{handle: h, anybody: true} }

// OwnFor lets those that see one tenant alone see what is theirs with less.
func (r Route) OwnFor(scopes ...access.Scope) Route {
	r.lighter = scopes
	return r
}

// Asking is a route that changes nothing, although it is no GET: nothing is to be kept of it.
func (r Route) Asking() Route {
	r.asks = true
	return r
}

// UpTo lets a body have so many bytes, where it is a list of everything that a pool has of a kind.
func (r Route) UpTo(bytes int64) Route {
	r.most = bytes
	return r
}

// Answering is a route with the same rights and another handler.
func (r Route) Answering(h Handler) Route {
	r.handle = h
	return r
}

// String says who may call a route: what it needs, what it is for those that see one tenant alone, and whether it changes
// nothing although it is no GET. What a route does not declare is undeclared.
func (r Route) String() string {
	needs, tenants := either(r.scopes), r.confine.Name
	switch {
	case r.anybody:
		needs, tenants = "anybody", "as it is"
	case len(r.scopes) == 0:
		needs = "UNDECLARED"
	case tenants == "":
		tenants = "-"
	}
	if len(r.lighter) > 0 {
		tenants += ", with " + either(r.lighter)
	}
	if r.asks {
		tenants += "  changes nothing"
	}
	return fmt.Sprintf("%-20s %s", needs, tenants)
}

// let lets a request through to a route, as far as its caller may go, or refuses it.
func (r Route) let(request *http.Request) (*http.Request, error) {
	by, ok := callerOf(request)
	switch {
	case !ok:
		return nil, v1.Forbidden("nobody knows who calls")
	case r.anybody:
		return request, nil
	case !r.allows(by.grant):
		return nil, lacking(by.grant, r.scopes)
	case asksForSecrets(request) && !by.grant.Allows(access.Admin):
		return nil, lacking(by.grant, []access.Scope{access.Admin})
	case by.grant.Tenant == "":
		return request, nil
	case r.confine.To == nil:
		return nil, v1.Forbidden("this needs a token for the whole pool with scope %s, and this one is for tenant %s alone",
			either(r.scopes), by.grant.Tenant)
	}
	confined, err := r.confine.To(request, by.grant.Tenant)
	if wrong, ok := errors.AsType[confine.Unreadable](err); ok {
		err = bodyError(wrong.Err)
	}
	return confined, err
}

func (r Route) allows(g access.Grant) bool {
	return g.Allows(r.scopes...) || g.Tenant != "" && g.Allows(r.lighter...)
}

// asksForSecrets tells whether a request asks for secrets: whatever shows some does so where the query says reveal. What is
// no yes or no is for the handler to refuse.
func asksForSecrets(r *http.Request) bool {
	return slices.ContainsFunc(r.URL.Query()["reveal"], func(text string) bool {
		yes, err := strconv.ParseBool(text)
		return text != "" && (yes || err != nil)
	})
}

// lacking says what a caller would need.
func lacking(g access.Grant, needed []access.Scope) *v1.Error {
	return v1.Forbidden("this needs a token with scope %s, and this one has %s", either(needed), list(g.Scopes, " and "))
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
