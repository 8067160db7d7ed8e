package bbb

import "strings"

// PoolMark names what a pool says of itself in answer to a call without a name, where BigBlueButton has its versions. By
// that a pool knows another one, or itself, and takes neither for a server.
const PoolMark = "bbbpool"

// The metadata keys that mean something to a pool, in lower case, as servers store and show them.
const (
	TenantKey = PoolMark + "-tenant" // whose a meeting or a recording is, where that is not the default tenant
	KeepKey   = PoolMark + "-keep"   // of a recording that is never deleted for its age
)

// ReservedMeta tells whether a metadata key, in lower case, is not for front ends to set: those of our own, but for the one
// that keeps a recording, and those that tell Scalelite whose a recording is.
func ReservedMeta(key string) bool {
	return strings.HasPrefix(key, PoolMark+"-") && key != KeepKey || key == "tenant-id" || key == "tenant-name"
}
