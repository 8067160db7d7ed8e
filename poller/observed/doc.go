// Package observed is what is observed of one server beside its meetings: its health (a machine that decides nothing but its
// own value), how fast it answers, what time it is there; and the form in which one instance tells another of it, and of the
// meetings.
//
// All of it are values without a lock, a clock or a network of their own: whoever has one guards it, and says what time it is.
// The package asks no server, and tells nobody anything by itself.
//
// Times are told as how long ago they were, because the clocks of two machines may differ by more than what is told. What an
// instance says is taken like anything from outside: what is too large, or cannot be, is turned down or cut off.
package observed
