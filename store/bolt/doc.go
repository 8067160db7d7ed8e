// Package bolt keeps the records of a pool in one embedded bbolt database, bbbpool.db in the data directory.
//
// It owns that file: its lock, its schema, its layout (drawn in buckets.go) and the order of its writes. One [DB] keeps
// both groups: [DB.State] and [DB.Index] are views of it, each put together from a type per role, in a file named after
// what the role keeps. The package never decides anything about the records it keeps, and never calls back into its callers
// but for the closures that they hand it.
//
// An acknowledged write is on the disk. Writes go through one writer, which commits those that wait together (package
// group, which also says why), and the file is opened by package file.
package bolt
