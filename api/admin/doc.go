// Package admin is the operators' JSON API: the server of what package v1 describes.
//
// It owns the routes below /api/v1, the check of what operators ask for, and the unix socket in the data directory.
// openapi.json describes all of it, and is served. What goes over the wire is in package v1, which the command line uses
// without this one. What is done to servers is in package roster, what is done to tenants in package tenancy, what the records
// tell of meetings and people in package past, and who may do what in package access; none of these knows a request. Package
// scalelite is another way in to the same, by [Gate].
//
// # A handler for each noun
//
// [Servers], [Meetings], [Tenants], [TenantParams], [Recordings], [Imports], [History], [Past], [Usage], [Pool], [Tokens]
// and [AuditLog] have what they need of others as fields, and say which routes they answer; [API] is what they share: who
// may come in, how a request is read and an answer written, which errors tell the caller something. A call more is a method
// and a line in the routes of its noun, its types in package v1, and its path in openapi.json; tests find what was
// forgotten.
//
// Each route says who may call it (rights.go): with which scopes, and how whoever sees one tenant alone is kept to that (package
// confine). One that says nothing is for nobody. testdata/rights.txt has all of them, so that a change of rights shows. A
// handler that changes something answers with a changed (audit.go), which goes into the audit log before the answer goes
// out; of one that does not, the log has what the request says.
//
// It keeps no state: servers and tenants are the store's, health and load the poller's, meetings the ledger's, recordings
// and their files those of package recordings. What takes long is answered line by line, and given up when nobody listens any
// more.
//
// It shows the secrets of servers and tenants only to those that ask for them, notes in the log that it did, and never
// lets a server into the pool unseen: its address and secret are tried first, unless somebody insists.
package admin
