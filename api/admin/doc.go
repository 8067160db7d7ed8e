// Package admin is the operators' JSON API: the server of what package v1 describes.
//
// It owns the routes below /api/v1, and the check of what operators ask for. openapi.json describes all of it, and is served.
// What goes over the wire is in package v1, which the command line uses without this one. Who may come in, how a request is
// read and answered, and what the audit log is told are in package frame. What is done to servers is in package roster, what
// is done to tenants in package tenancy, what the records tell of meetings and people in package past, and who may do what in
// package access; none of these knows a request. Package scalelite is another way in to the same, by [frame.Gate].
//
// # A handler for each noun
//
// [Servers], [Meetings], [Tenants], [TenantParams], [Recordings], [Imports], [History], [Past], [Usage], [Pool], [Tokens]
// and [AuditLog] have what they need of others as fields, and say which routes they answer, and who may call each: with which
// scopes, and how whoever sees one tenant alone is kept to that (package confine). A route that says nothing is for nobody.
// [API] has them all, in the frame. A call more is a method and a line in the routes of its noun, its types in package v1, and
// its path in openapi.json; tests find what was forgotten. testdata/rights.txt has who may call what, so that a change of
// rights shows. A handler that changes something answers with a frame.Changed, which goes into the audit log before the answer
// goes out; of one that does not, the log has what the request says.
//
// It keeps no state: servers and tenants are the store's, health and load the poller's, meetings the ledger's, recordings
// and their files those of package recordings. What takes long is answered line by line, and given up when nobody listens any
// more.
//
// It shows the secrets of servers and tenants only to those that ask for them, notes in the log that it did, and never
// lets a server into the pool unseen: its address and secret are tried first, unless somebody insists.
package admin
