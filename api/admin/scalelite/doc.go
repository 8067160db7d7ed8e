// Package scalelite is Scalelite's administration API, /scalelite/api, for the scripts of sites that come from there: its
// eleven calls, with its shapes and status codes, over what our own API has ([roster.Roster], [tenancy.Tenancy]). It owns the
// form of what is asked and answered, and who is let in by Scalelite's checksum. It decides nothing about servers and tenants,
// and has no state.
//
// # Where it differs from Scalelite
//
// Scalelite's checksum is made of the name of the call, the query and the load balancer's secret, and of nothing else: no body,
// no time. Whoever has seen one can use it again, with a body of his own, for ever. So it is accepted where an operator says so
// ([Config.Replayable]); else callers need a token of administration, as for our own API, and no checksum.
//
// Secrets are masked, unless the query has reveal=true, and what masks one is refused where a secret is wanted: so that a script
// which writes back what it has read destroys none. An error that Scalelite would answer with a page of its framework is one in
// its own form. A tenant by a name that another one has is refused, where Scalelite hands that one's front ends over to it. The
// default tenant, which Scalelite does not have, is not among the tenants here.
//
// What Scalelite does without a look, as adding a server that cannot be reached, is done without one, and logged.
package scalelite
