package admin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
)

// Routes returns the patterns of all routes, without the prefix.
func (a *API) Routes() []string { return slices.Sorted(maps.Keys(a.routes())) }

// Rights says of every route who may call it, a line each.
func (a *API) Rights() (lines []string) {
	all := a.routes()
	for _, pattern := range a.Routes() {
		lines = append(lines, fmt.Sprintf("%-36s %s\n", pattern, all[pattern]))
	}
	return lines
}

// Unconverted is the API with one route, whose handler says nothing of what it changes.
func (a *API) Unconverted(pattern string, handle func(*http.Request) (any, error)) http.Handler {
	return a.Trusted(frame.Routes{pattern: frame.Whole(handle, access.Operate)})
}
