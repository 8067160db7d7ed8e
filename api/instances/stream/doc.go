// Package stream carries what the parts of the leader know to their likes in other instances, and what those notice back to
// the leader. It knows no part: what goes through it are frames, which are theirs.
//
// News goes from leader to followers over one long answer: of every part what it knows, and then each change, in order. Every
// tenth of a second a beat follows, once all before it was sent, with the epoch of the leader. A follower's news is fresh
// while the last beat is not half a second old. Where the leader has to know that followers have heard something it asks them, in
// the stream, and they say so. Reports go the other way, in small batches.
//
// # Design
//
// How old a beat is says no clock that two machines share. It says how long after the stream's beginning it was made. When that
// was the follower does not know, but that it was not before it had asked for the stream. Each second it asks the leader how
// long the stream has gone on, and what was answered is true of some moment after it has asked: the latest beginning that
// follows from any such answer of the last minutes counts. So a beat is taken for older than it is, by what an answer takes on
// its way there, and never for newer, whatever has waited in buffers of the network, or because the follower itself was stopped.
// That minutes are compared, and not the whole stream, is because clocks drift apart.
//
// A follower that does not take its news quickly enough is cut off, and comes again for all of it: the leader never waits, and
// keeps no more for anybody than a bounded number of bytes.
package stream

// News is what a part tells its likes in other instances.
type News interface {
	// Tell hands what is known now to send and from then on every change, in order, none missed or twice, until stop.
	// send does not block and copies nothing: frames are the receiver's.
	Tell(send func(frame []byte)) (stop func())
	// Hear takes a frame of the leader; with first it replaces everything that was heard before.
	Hear(frame []byte, first bool) error
}

// Reports is a part of the leader that takes what its likes in followers notice.
type Reports interface {
	Take(frame []byte) error
}
