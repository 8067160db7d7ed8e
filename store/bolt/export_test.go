package bolt

import (
	"maps"
)

// Buckets are those of the tree.
var Buckets = buckets

// Keyed says in words what the keys of each are made of.
func Keyed() map[string]string { return maps.Clone(keyed) }
