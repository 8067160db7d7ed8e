package bbb

import "strings"

// PoolMark names what a pool says of itself in answer to a call without a name, where BigBlueButton has its versions. By
// that a pool knows another one, or itself, and takes neither for a server.
const PoolMark = "bbbpool"

// Meetings that somebody holds to test a server, past the pool. They belong to no front end and yield no recording, so
// whoever looks at the meetings of a server leaves them alone.
const (
	// ProbePrefix begins the ID of such a meeting.
	ProbePrefix = "bbbpool-probe-"
	// ProbeMark is the metadata key that it carries, with the value "true".
	ProbeMark = "bbbpool-probe"
)

// The metadata keys that mean something to a pool, in lower case, as servers keep and show them.
const (
	// TenantKey is the key under which a meeting or a recording carries its tenant, where that is not the default one.
	TenantKey = "bbbpool-tenant"
	// IDKey is the key under which a meeting or a recording carries its front end's ID for it, where the server knows it by
	// another one. Breakout rooms inherit their parent's, and mean nothing by it.
	IDKey = "bbbpool-meeting-id"
	// KeepKey is the key that protects a recording from retention, unless its value is "false".
	KeepKey = "bbbpool-keep"
	// LRSKey is the key under which a server is told of a tenant's learning record store, as Scalelite calls it. It has a password
	// in it, if not for everybody to read.
	LRSKey = "secret-lrs-payload"
	// scaleliteTenant is the key under which Scalelite's meetings carry their tenant.
	scaleliteTenant = "tenant-id"
)

// HiddenMeta tells whether metadata by a key, in lower case, is shown to no front end: what is reserved, and what servers alone
// are to know.
func HiddenMeta(key string) bool { return ReservedMeta(key) || key == LRSKey }

// ReservedMeta tells whether a metadata key, in lower case, is not for front ends to set: those of our own, but for the one
// that keeps a recording, and those that tell Scalelite whose a recording is.
func ReservedMeta(key string) bool {
	return strings.HasPrefix(key, PoolMark+"-") && key != KeepKey || key == scaleliteTenant || key == "tenant-name"
}
