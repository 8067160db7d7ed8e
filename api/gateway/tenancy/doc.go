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
// recognised: a tenant that is disabled, one that is not there, and a wrong checksum look alike.
package tenancy
