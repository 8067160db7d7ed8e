// Package group commits the writes of many callers in few transactions of a bbolt database.
//
// It owns the one goroutine that writes, the order of the writes, and who is told what of their outcome. It never knows what
// is written, and opens and closes no database.
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
package group
