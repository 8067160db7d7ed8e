package cli

// Reachable is a listener's address with a host that can be called from here.
var Reachable = reachable

// Size64 is a number of bytes as people read it, and Span a number of seconds.
var (
	Size64 = size
	Span   = span
)

// ReadServers reads a list of servers, and ListServers makes one.
var (
	ReadServers = readServers
	ListServers = list
)
