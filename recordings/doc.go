// Package recordings brings the recordings of the pool from the servers to their viewers: nothing lost, nothing stuck.
//
// Archives arrive in the spool directory or by upload. Each has one job in the store, with its state, its attempts, the
// reason why it waits and the time of its next try. The importer unpacks it beside the library, makes that durable,
// commits recordings and job in one transaction, puts the files in place and only then removes the archive:
//
//	waiting → importing → placing → done
//	             ↓   ↘
//	          failed  dropped
//
// Whatever instruction a crash hits: before the commit nothing has changed and the archive is taken again; after it,
// the job says "placing" and the rest is done at the next start, first of all. An archive is moved or removed only while
// it is the very one that the job was made for. What people changed (publish, unpublish, metadata, protection, deletion)
// wins over every later import.
//
// The index says what there is and in which state; the directories follow it. What a crash, a full disk or somebody's rm
// has left apart, [Service.Verify] finds and mends.
//
// The packages below it do one thing each: archive reads what servers send, library keeps the files, volume watches the
// disk they are on, upload takes archives by HTTPS, playback serves the viewers. This package talks to no server: what a
// server has to say about its recordings comes through [Servers].
package recordings
