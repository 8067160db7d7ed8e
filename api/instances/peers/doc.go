// Package peers is the connection between the instances of a pool: who may be at its other end, and the listener for it. It
// knows nothing of what is said there.
//
// All instances of a pool have one key, which lies in the store that they share. From it each makes the same certificate, and
// talks to those alone who prove that they have the same: whoever can read the shared store is an instance. There is no
// authority, no name and no date to be checked, so there is nothing that could run out on a Monday morning.
package peers
