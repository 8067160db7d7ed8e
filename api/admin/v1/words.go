package v1

import "github.com/bbbpool/bbbpool/api/quantity"

// Running says how much goes on somewhere, as in "2 meetings with 1 person".
func Running(meetings, people int) string {
	return quantity.Count(meetings, "meeting", "meetings") + " with " + People(people)
}

// People is a number of people with its noun.
func People(n int) string { return quantity.Count(n, "person", "people") }

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
