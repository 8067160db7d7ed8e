// Package imports brings archives into the library and the index, whether servers have put them into the spool, have sent
// them, or an operator has named them. Each has one job in the store, with its state, its attempts, the reason why it waits
// and the time of its next try:
//
//	waiting → importing → placing → done
//	             ↓   ↘
//	          failed  dropped
//
// The way of an archive is the way through the files. It is found (spool.go) or accepted (uploads.go) and gets a job, which
// waits (queue/, dispatch.go). An attempt (attempt.go) unpacks it beside the library (unpack.go), makes that durable, commits
// recordings and job in one transaction (commit.go), puts the files in place, and only then removes the archive
// (conclude.go). What an operator names (sources/) goes the same way (operator.go). How an archive is moved without harm to
// the next one of its name is in edition/, what becomes of imports while there is no room in room/.
//
// Whatever instruction a crash hits: before the commit nothing has changed and the archive is taken again; after it, the job
// says "placing" and the rest is done at the next start, first of all. An archive is moved or removed only while it is the
// very one that the job was made for. What people changed (publish, unpublish, metadata, protection, deletion) wins over
// every later import.
//
// The store could have been the queue. It is not, because what is due changes with the clock, and because archives of one
// recording must go in order while others pass them: that is a question to all jobs that wait, asked often, and the store's
// copy is only there to start from after a crash.
package imports
