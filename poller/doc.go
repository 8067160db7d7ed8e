// Package poller asks the servers how they are, and owns what is observed of them: health, the meetings that were last
// seen, and the clients that the rest of the program calls them with. It never decides where a meeting goes, and writes
// nothing to the store but what happened to servers.
//
// # Design
//
// A [Poller] is what others see. Behind it the pool has a server for each that there is, with a loop that polls it. What
// is known of a server is its state: a value without a lock inside the server, which has one. The state holds the health
// (a machine that decides nothing but its own value), the schedule, the traits (how fast the server answers, its clock,
// its certificate), the view (what it was last seen with) and the last events. One poll is a poll, what follows from it
// for the rest of the pool a reconciliation. The network watches over our own side. Locks are taken in this order:
// network, pool, one server, ledger; nobody holds the locks of two servers.
//
// # Health
//
// Health is observed actively, by polls, and passively: a forward that fails is reported here and counts (Report), as
// front ends find out sooner than any poll.
//
//	unknown --success--> online
//	online, unknown --failure--> suspect --clean rounds--> online
//	suspect --Unhealthy failed rounds--> offline --success--> suspect, or online at once
//
// Suspect comes with the first failure, because the next create must not wait for a second one. A suspect server takes
// new meetings only when nobody else can, one that answers again before one that fails. Joins to it go on.
//
// Offline takes much longer, because what is on an offline server is created elsewhere when somebody asks, and that splits
// a class if the server was but slow. So it takes Unhealthy failed rounds, and no less than Failover. Failures in that
// time count as one round per poll interval, so that a burst of failing calls does not make a server offline. Nothing here
// ever ends a meeting because a server is not seen: a blip of ours must not cost anybody a class.
//
// But front ends wait to be told of ends. So what is on a server that has been offline for LostAfter is taken for over, and comes
// back with the server if it is not. The time is counted by rounds that have failed, so that it does not pass while nobody looks;
// whoever takes over goes on counting, and a restart begins anew. While our own network is to blame, or was until just now, no
// server is lost.
//
// A server that fails is probed twice a second for as long as a blip may last (Failover), so that those who wait for it
// (Alive) wait no longer than they must; then after half the time that it has failed already, up to the interval,
// so that a dead server costs next to nothing.
//
// Failures stick more than successes. The way back takes Healthy clean rounds in a row, and twice as many with every
// further episode of failing within ten minutes, up to 16. Without that a server that fails one poll in three would take
// a share of all new meetings in between, and fail a share of them; so it stays out of rotation until it has been well
// for minutes, and a single blip still costs no more than its own time. Clean rounds count once per interval, too. On its
// way back a server is suspect and keeps its meetings.
//
// A new address may be another server's: health and traits begin anew, and calls that were made with the former one are not
// held against it. Who reports says which client the call was made with. So it is with a secret that takes over at once.
//
// A secret that the server may take over later leaves the server what it is, and its client, too: the client tries both,
// and signs joins with the one that the server was last seen to accept. That it turns down one of two is no failure, for
// what is reported is how the call ended. While the server has its former one it is asked every second, beside its polls,
// as joins fail there from its change on until we know of it. What is known of it is told (Changing) and not written:
// whoever owns the records of servers writes it down, and so do others that share them.
//
// # Slow servers
//
// How long a server takes for polls counts, too. From 2 s on (the median of the last five) its people count double in
// placement, from 5 s on it is shown as suspect and comes after those that answer quickly. It is at neither before three
// polls, and leaves both a quarter below: a server at the limit would otherwise come and go with every poll. It is a
// level beside health and not a failure, because a slow server is alive: what is on it must stay.
//
// What tells slow from dead is a probe. A poll that takes its time has one beside it (probeBeside): while probes are
// answered the poll is waited for, a silent server is given up. How long a probe may take follows from how fast the server
// has answered of late (Patience), so that a server that is slow today is not taken for a dead one, nor a dead one waited
// for longer than need be.
//
// # Our own side
//
// When more than half of the pool fails at once, our own network is the likelier cause: no server goes offline then, and
// none has an episode of failing by that. What went offline a moment before the others were found to fail counts with
// them, and is suspect again, because it may merely have been the first that was noticed. Half of the pool is not enough,
// as one of two servers may well fail by itself. When the names of several servers do not resolve at
// once, one problem says that it is local DNS, and no server has one of its own.
//
// # Polls
//
// Each server has a schedule of its own with jitter, and one poll in flight at most; a server that hangs costs nobody
// else anything. The next poll is due an interval after the beginning of the last one, not after its end, so that a view
// grows no older on a server that answers slowly.
//
// A poll has two halves. The first asks, and brings health, traits and view up to date. The second is the
// reconciliation: it tells the ledger, which adopts and closes claims, and ends meetings that are claimed elsewhere once
// they and their breakout rooms are empty, and at once those that a front end has ended while the server was away. The
// server is asked about them once more right before, and creates of the same meeting wait meanwhile. Who waits for a view
// waits for the first half, only the next poll for the second.
//
// A server lists meetings by the IDs that it knows them by. Whose each of them is, and what its front end calls it, stands in
// the metadata that was sent with its create (bbb.ParseMeetings), and nowhere else: an ID is never taken apart. From there on all
// goes by the front end's ID; what a server is asked about, or told to end, goes by its own.
//
// A poll writes nothing to the store by itself. What it sees can be seen again, so it belongs in memory; a store has one
// writer, and with hundreds of servers polls would keep it busy while creates wait behind them. What is written follows
// from news alone: the claims that the ledger opens and closes, and the journal when something has happened.
//
// The view serves getMeetings: Refresh polls at once whoever was not polled just now, waits as long as the caller can,
// and leaves the rest at what was last seen.
//
// # Several instances
//
// Of several instances one polls, the leader, in a term: Run, which may come again. It tells the others what it observes
// (Tell), and they hear it (Hear), so that each of them answers as it would. What is told is how servers are, and not their
// records, which every instance reads for itself. Times are told as ages, for clocks differ. Where a follower is asked for a
// view that is fresh it has the leader look, and waits for what that has seen, as long as its caller can.
//
// A forward that fails at a follower makes the server suspect there at once, and is handed to the leader (Reports, Take). There
// it counts like one of the leader's own, but never for worse than suspect, and once a minute: an instance that is cut off from
// servers must not take them from everybody else.
//
// A term begins with what was heard: no server is unknown or on its way back by that, what failed goes on failing, and each is
// polled when it would have been. What the last leader has not kept of its events is kept then. Nothing is ended at servers, and
// nothing kept, without the right to (May).
//
// # What people hear of
//
// What happened to a server is logged, counted and kept (Events), across restarts in the journal. What is wrong now is
// told by Problems, for every server and for our own side. What will break unless somebody looks after it, such as a clock
// or a certificate, is also in the Status of a server, and logged when it begins and when it is over.
//
// # Where to look
//
//	poller.go      the settings, and how it all starts and stops
//	calls.go       what everybody needs who calls a server: its client, how long to wait for it, how a call went
//	pool.go        which servers there are
//	secrets.go     what is different while a server's secret is being changed
//	server.go      one of them, its state, and what the ledger is told of it; its health is in package observed
//	schedule.go    when it is polled; poll.go what it is asked; traits.go what its answers show beside meetings
//	view.go        what front ends are shown of what was seen; what that is stands in package seen
//	tell.go        what other instances are told; hear.go what we hear; reports.go what goes back
//	reconcile.go   what follows from a poll; copies.go the meetings that are on two servers
//	network.go     the watch over our network and over names
//	problems.go    everything that is wrong; status.go everything that is shown; events.go what has happened
//	recordings.go  asking single servers about their recordings, for those who wait for them
//	metrics.go     what is measured
package poller
