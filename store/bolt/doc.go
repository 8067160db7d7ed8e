// Package bolt keeps the records of a pool in one embedded bbolt database, bbbpool.db in the data directory.
//
// It owns that file: its lock, its schema, its layout (drawn in buckets.go) and the order of its writes. One [DB] keeps
// both groups: [DB.State] and [DB.Index] are views of it, each put together from a type per role, in a file named after
// what the role keeps. The package never decides anything about the records it keeps, and never calls back into its callers
// but for the closures that they hand it.
//
// # Group commit
//
// An acknowledged write is on the disk, so a write costs what the disk takes to sync: a third of a millisecond to
// ten. A single writer therefore takes all the writes that wait and commits them in one transaction, and those that
// arrive meanwhile form the next. Under load many share one sync, and a lone write waits for nobody.
//
// What would have been simpler was not good enough. A transaction for each write makes the last of a hundred creates at a
// quarter past eight wait for a hundred syncs. bbolt's Batch lets its first caller wait for company, and runs everybody
// again for each one whose closure returns an error, as the repeat of a create does as a matter of course. Syncing
// later (NoSync, or a journal of ours beside the file) acknowledges what a power cut takes back: a meeting that its front
// end knows of and we do not.
//
// Within a transaction the writes keep out of each other's way. One that fails before it has changed anything is
// skipped; one that fails halfway is left out and the others run again. A panic in a closure is raised in the
// goroutine of its caller. Nobody gets an answer before the commit, not even a refusal, since what refused it may
// stand in the same transaction.
//
// A caller whose context ends while its write waits gets the context's error, and the write is not done. Once the
// writer has it, the caller waits for the outcome. An error from the disk comes back to everybody in the transaction;
// whether the disk kept such a write is known only to the disk.
package bolt
