// Package recorded is the recordings of one BigBlueButton server: what is known of them, and the files that they are made of,
// all small and made when they are asked for.
//
// A [Shelf] has no lock and no clock of its own, like package rooms.
package recorded
