package bbb

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
