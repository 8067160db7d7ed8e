package bbb

import "strings"

// The metadata keys that mean something to a pool, in lower case, as servers keep and show them.
const (
	// TenantKey is the key under which a meeting or a recording carries its tenant, where that is not the default one.
	TenantKey = "bbbpool-tenant"
	// KeepKey is the key that protects a recording from retention, unless its value is "false".
	KeepKey = "bbbpool-keep"
)

// ReservedMeta tells whether a metadata key, in lower case, is not for front ends to set: those of our own, but for the one
// that keeps a recording, and those that tell Scalelite whose a recording is.
func ReservedMeta(key string) bool {
	return strings.HasPrefix(key, PoolMark+"-") && key != KeepKey || key == "tenant-id" || key == "tenant-name"
}
