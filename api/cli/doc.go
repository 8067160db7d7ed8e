// Package cli is the commands that operators give to a pool: what they take, what they ask, what they print.
//
// It owns the grammar of these commands ([Commands], [Options]) and their way to the pool: through the administration
// API of a program far away, of the one that serves the data directory, or of none, straight on the data directory. All
// three are the same API, so a command never knows which it is talking to.
//
// It decides nothing about a pool, keeps no state, and never prints what servers or front ends have named in a form
// that a terminal would obey.
package cli
