// Package poller asks the servers how they are, and owns what is observed of them: health, the meetings that were last
// seen, and the clients that the rest of the program calls them with.
//
// Beside that it asks single servers about their recordings, for those who wait for them (Recordings).
//
// # Health
//
// Health is observed actively, by polls, and passively: a forward that fails is reported here and counts.
//
//	unknown --success--> online
//	online, unknown --failure--> suspect --success--> online
//	suspect --Unhealthy failed rounds--> offline --Healthy successes--> online
//
// Suspect comes with the first failure. A suspect server takes new meetings only when nobody else can, and is probed
// twice a second for as long as a blip may last (Failover), then with back-off. Failures in that time count as one
// round per poll interval, so that a burst of failing calls does not make a server offline. Nothing here ever ends a
// meeting because a server is not seen. When more than half of the pool fails at once, our own network is the
// likelier cause: no server goes offline then, and an alarm is raised. Calls made with a former address or secret
// are not held against a server.
//
// # Polls
//
// Each server has a schedule of its own with jitter, and one poll in flight at most; a server that hangs costs nobody
// else anything. A poll has two halves: look asks and brings health and view up to date; conclude tells the ledger,
// which adopts and closes claims, and ends meetings that are claimed elsewhere once they are empty. Only the next poll
// waits for the second half. A poll that takes its time has a probe beside it that tells slow from dead. A poll
// writes nothing to the store by itself.
//
// The view serves getMeetings: Refresh polls at once whoever was not polled just now, waits as long as the caller can,
// and leaves the rest at what was last seen.
package poller
