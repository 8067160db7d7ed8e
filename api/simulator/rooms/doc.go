// Package rooms is what one BigBlueButton server knows of its meetings and the people in them: pure state, which moves on
// when it is told the time.
//
// [Rooms] has no lock, no clock and no listener of its own: whoever has it guards it, says what time it is, and says it in
// HTTP. What goes on from a meeting that is over (callbacks, a recording) is up to the one that [Hooks] name, because it
// outlives the meeting. Callbacks of other kinds, as for webhooks, start from more such hooks.
package rooms
