package demo

// Reachable is a listener's address with a host that can be called from here.
var Reachable = reachable
