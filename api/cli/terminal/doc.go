// Package terminal is how commands and the people who run them speak with each other: tables, sheets and JSON (print.go),
// numbers and times as they are told (words.go), questions (ask.go).
//
// Nothing that servers or front ends have named gets to a terminal in a form that it would obey, or hide: all that prints
// rows or JSON here sees to it, and [Printable] is for everything else.
package terminal
