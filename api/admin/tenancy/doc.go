// Package tenancy is what operators do to the tenants of a pool: it adds, changes, disables and removes them, looks after
// their secrets, and brings all of them in line with a list.
//
// It knows no HTTP: package admin reads what is asked for, and answers with what comes of it, in the types of version 1 of
// the API; package scalelite does so in Scalelite's. Refusals are those of the API, so that every way in says the same. It
// decides nothing about calls: whose a call is, and what becomes of it, is the gateway's, which reads the records again after
// every change ([Tenancy.Reload]), before whoever asked for the change has an answer.
//
// # Whose is it
//
// A call is a tenant's by path, by host or by secret. So a host, and a secret, is one tenant's alone, and so is a name, which
// is the first label of a host under Scalelite's rule; whoever wants one that another has is refused. Hosts may lie within each
// other: of *.example.edu and a.example.edu the one that says more wins. That no other tenant has it can only be seen by whoever
// sees all of them: changes are made in turns, and within a turn the record itself is changed by a closure in
// one transaction, so that nothing that somebody else has set meanwhile is lost. Several instances will need that turn together.
//
// # The default tenant
//
// It has the secrets of the environment, which cannot be changed here, beside those that are stored; of these the one that was
// made on the first start does not count while the environment gives any ([Tenancy.InUse]). It cannot be removed, for calls
// and recordings that are nobody else's are its own.
package tenancy
