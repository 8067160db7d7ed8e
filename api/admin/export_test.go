package admin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/bbbpool/bbbpool/api/admin/access"
)

// Routes returns the patterns of all routes, without the prefix.
func (a *API) Routes() []string { return slices.Sorted(maps.Keys(a.routes())) }

// Rights says of every route who may call it: a line each, with what it needs and what it is for those that see one tenant
// alone. What a route does not declare is missing in its line.
func (a *API) Rights() (lines []string) {
	for _, pattern := range a.Routes() {
		route := a.routes()[pattern]
		needs, tenants := either(route.scopes), route.confine.Name
		switch {
		case route.anybody:
			needs, tenants = "anybody", "as it is"
		case len(route.scopes) == 0:
			needs = "UNDECLARED"
		case tenants == "":
			tenants = "-"
		}
		if len(route.lighter) > 0 {
			tenants += ", with " + either(route.lighter)
		}
		asks := ""
		if route.asks {
			asks = "  changes nothing"
		}
		lines = append(lines, fmt.Sprintf("%-36s %-20s %s%s\n", pattern, needs, tenants, asks))
	}
	return lines
}

// Unconverted is the API with one route, whose handler says nothing of what it changes.
func (a *API) Unconverted(pattern string, handle func(*http.Request) (any, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(prefixed(pattern), func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, pattern, whole(handle, access.Operate))
	})
	return trusted(mux)
}
