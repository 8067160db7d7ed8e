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
//	online, unknown --failure--> suspect --clean rounds--> online
//	suspect --Unhealthy failed rounds--> offline --success--> suspect, or online at once
//
// Suspect comes with the first failure. A suspect server takes new meetings only when nobody else can, one that answers
// again before one that fails. It is probed twice a second for as long as a blip may last (Failover), then with
// back-off. Failures in that time count as one round per poll interval, so that a burst of failing calls does not make a
// server offline. Nothing here ever ends a meeting because a server is not seen. Calls made with a former address or
// secret are not held against a server.
//
// Failures stick more than successes. The way back takes Healthy clean rounds in a row, and twice as many with every
// further episode of failing within ten minutes, up to 16: a blip costs no more than its own time, and a server that
// fails one poll in three stays out of rotation until it has been well for minutes. Clean rounds count once per
// interval, too. On its way back a server is suspect and keeps its meetings.
//
// How long a server takes for polls counts, too: from 2 s on (the median of the last five) its people count double in
// placement, from 5 s on it is shown as suspect and comes after those that answer quickly. It is at neither before three
// polls, and leaves both a quarter below. A warning names it.
//
// # Our own side
//
// When more than half of the pool fails at once, our own network is the likelier cause: no server goes offline then, none
// has an episode of failing by that, and an alarm is raised. What went offline a moment before the others were found to
// fail counts with them, and is suspect again. When the names of several servers do not resolve at once, one alarm says
// that it is local DNS.
//
// # Polls
//
// Each server has a schedule of its own with jitter, and one poll in flight at most; a server that hangs costs nobody
// else anything. A poll has two halves: look asks and brings health and view up to date; conclude tells the ledger,
// which adopts and closes claims, and ends meetings that are claimed elsewhere once they and their breakout rooms are
// empty, and at once those that a front end has ended while the server was away. The server is asked about them once
// more right before. Only the next poll waits for the second half. A poll that takes its time has a probe beside it that
// tells slow from dead. How long that may take follows from how fast the server has answered of late (Patience). A poll
// writes nothing to the store by itself.
//
// The view serves getMeetings: Refresh polls at once whoever was not polled just now, waits as long as the caller can,
// and leaves the rest at what was last seen.
//
// # What people hear of
//
// What happened to a server is logged, counted and kept (Events), across restarts in a journal that is written when
// something has happened, never for a poll; what will break unless somebody looks after it, such as a clock or a
// certificate, is a warning in its Status, logged when it is raised and when it is cleared.
package poller
