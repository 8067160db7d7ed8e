package admin

import (
	"maps"
	"slices"
)

// Routes returns the patterns of all routes, without the prefix.
func (a *API) Routes() []string { return slices.Sorted(maps.Keys(a.routes())) }
