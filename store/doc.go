// Package store owns the durable records of a pool and the contract for keeping them.
//
// It defines what must survive a restart (servers and what happened to them, tenants, claims, ends that servers owe, used
// tokens, keys, sessions, recordings and the jobs that import them, who may administrate, what they have changed, and what
// tenants have used), the sentinel errors, and one small interface per role. What each kind of record is found by is in
// [Kinds]. Adapters in the packages below it implement the roles; storetest is the contract as a test suite that every
// adapter runs whole.
//
// It never holds what can be observed again (health, load, participants: those live in memory with their owner), and
// it imports nothing but the standard library, so that every package can speak of its records.
//
// # Two groups
//
// Roles fall into two groups, each of which may live in a database of its own: [State] is small, hot and written on
// every create; [Index] is large, queried and grows with time. Nothing spans both in one transaction. What moves from
// one to the other (a claim that ends becomes a session) is written to its new place first and removed second, under
// an ID that makes the repeat harmless.
//
// # Values and closures
//
// Records go in and out by value; a record handed out is the caller's to change. Updates are closures that the
// adapter runs inside one transaction, perhaps twice: they must be pure and must not call the store. An error from the
// closure leaves the record as it was and is returned as it is.
//
// An adapter may bound the IDs that it takes: no less than a kilobyte each, and a megabyte by all of them. What is
// longer is refused with [ErrTooLarge], and is not there.
package store
