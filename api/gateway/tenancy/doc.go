// Package tenancy is who calls: it makes of the stored tenants what a call of a front end is recognised and verified by.
//
// It owns the rules of recognition. A call is named by its path (/t/<id>/bigbluebutton/api), by its host, exact, by a
// wildcard or by Scalelite's first label, or by nothing but the secret that signed it. Whoever is named is asked for its
// own secrets alone. Where path and host name two tenants, or one of them nobody, nothing verifies, and the call takes as
// long as one with a wrong checksum: what is compared with is a secret that nobody has.
//
// What it knows is an index that never changes, and another one takes its place in one step when tenants were changed: it
// holds for all calls that come from then on, and costs them no lock. The time is asked for at each call, so that a secret
// ends when it expires. What lives on from one index to the next are the buckets of the limit on calls, and the cells in
// which uses of secrets are noted.
//
// It never writes to the store but for the first default tenant, never logs, and never tells why somebody was not
// recognised: a tenant that is disabled, one that is not there, and a wrong checksum look alike. It changes no tenant: that is
// package api/admin/tenancy, which has the tenants loaded here again before whoever asked for a change has an answer.
//
// # Design
//
// Why a whole index anew, and not a change to the one that is there? Changes are rare and calls are not: a lock would be
// every call's, and one that reads while hosts or secrets move from one tenant to another might find neither or both. Making
// the index takes time from whoever changes a tenant, and from nobody who calls.
//
// Why is the secret not looked up, where a call names no tenant? A checksum is a hash over secret and call together, which
// says nothing about either, so every secret has to be tried. To try those first that the same address has signed with last
// would help most calls, and let the time of an answer tell who else calls from there.
//
// Nothing here is decided for others. Of several instances each has an index of its own, and loads it when it hears that
// tenants were changed; buckets and uses are each instance's own, too.
package tenancy
