// Package admin is the operators' JSON API, version 1, and its Go client.
//
// It owns the routes below /api/v1, the form of what goes over them ([Server], [Meeting], [Tenant], …), the check of
// what operators ask for, and the unix socket in the data directory. openapi.json describes all of it, and is served.
//
// It keeps no state: servers and tenants are the store's, health and load the [Pool]'s, meetings the ledger's,
// recordings and their files those of [Recordings]. What takes long is answered line by line, and given up when nobody
// listens any more.
//
// Servers are tested before they take meetings (test, enable), leave without anybody noticing (drain) or at once
// (panic), and can be kept as a list says (sync). What people decided is changed by people alone: a drain that somebody
// has asked to be waited for disables its server in the end, and nothing else here changes a state by itself.
//
// It shows the secrets of servers and tenants only to those that ask for them, notes in the log that it did, and never
// lets a server into the pool unseen: its address and secret are tried first, unless somebody insists.
package admin
