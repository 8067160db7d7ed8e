// Package trial finds out whether a BigBlueButton server is fit for the pool, before a class does.
//
// It asks the server what a pool will ask it, holds a meeting there that nobody attends and ends it again, and says what is
// wrong and what to do about it. A load test makes many such meetings at once. The package owns the checks and what follows
// from how they went; it keeps no state, never changes what the pool knows of a server, and never decides what becomes of
// it.
//
// A [Run] goes through the checks (checks.go), holds one meeting (meeting.go) and, where that is asked for, many at once
// (load.go). What a probe meeting is, and the calls that it takes, is in probe.go; what people get to read, in report.go.
//
// # Probe meetings
//
// Their IDs begin with [bbb.ProbePrefix], and they carry the metadata [bbb.ProbeMark]. Whoever looks at a server's
// meetings leaves these alone: they belong to no front end, must not be adopted, counted or ended by others, and yield no
// recording worth having. The trial ends each of them, also when it is cut off; should it die itself, the server does so
// after a minute, as create told it to.
//
// # Levels
//
// A check that fails means that the server cannot carry meetings, a warning that it can and something wants looking at: a
// certificate that expires within 14 days, a clock that is off by more than 5 s (both as the pool warns of its servers),
// recording switched off, sha1 alone, answers that take three times as long as those of the pool. A trial warns more than
// it fails, because a server that is refused for a trifle is one that is missing. All that a server says is taken for
// hostile: calls, answers and what is repeated of them are bounded.
package trial
