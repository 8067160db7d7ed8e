// Package seen is what one server was last seen with: its meetings, those that no poll has seen yet, and those that are claimed
// on another server; and the form in which one instance tells another of them. It is a value without a lock: whoever has one
// guards it. It asks nobody, and decides nothing about meetings.
package seen
