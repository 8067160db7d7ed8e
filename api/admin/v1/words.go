package v1

import (
	"fmt"
	"strconv"
	"strings"
)

// Running says how much goes on somewhere, as in "2 meetings with 1 person".
func Running(meetings, people int) string {
	return Count(meetings, "meeting", "meetings") + " with " + People(people)
}

// People is a number of people with its noun.
func People(n int) string { return Count(n, "person", "people") }

// Present says who is on a server, in meetings or in copies of meetings that are claimed elsewhere; "" where nobody is.
func Present(meetings, people int) string {
	switch {
	case meetings > 0:
		return Running(meetings, people)
	case people > 0:
		return People(people) + " left in copies of meetings that run elsewhere"
	}
	return ""
}

// Count is a number of things with their noun.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Some names the first few of a list.
func Some(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
