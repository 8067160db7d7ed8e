package quota

import "time"

// Stay is a meeting's time on one server, as it is stored.
type Stay struct {
	Room  string // the same for all meetings by one ID
	Start time.Time
	End   time.Time // zero while it lasts
	Moved bool      // its meeting went on elsewhere when it ended, from that very time
	Found bool      // nobody has begun its meeting: it was found there
}

// Began tells when meetings began: those that are over, and those that last. Each time stands at the place of its stay; it is
// zero for a stay that tells of no beginning of its own. Past has the stays that are over in the order of their ends, those at
// least that ended within the span that is of interest.
//
// A meeting that has moved began on its first server; one that was found on that has no beginning. One that was lost from sight and found again is in both lists.
func Began(past, lasting []Stay) (over, live []time.Time) {
	type moment struct {
		room string
		at   int64
	}
	begins := func(s Stay) moment { return moment{s.Room, s.Start.UnixNano()} }
	goesOn, first := make(map[moment]bool, len(lasting)), map[moment]time.Time{}
	for _, s := range lasting {
		goesOn[begins(s)] = true
	}
	began := func(s Stay) time.Time {
		if at, moved := first[begins(s)]; moved {
			return at
		}
		if s.Found {
			return time.Time{}
		}
		return s.Start
	}
	over = make([]time.Time, len(past))
	for i, s := range past {
		switch {
		case s.Moved:
			first[moment{s.Room, s.End.UnixNano()}] = began(s)
		case !goesOn[begins(s)]:
			over[i] = began(s)
		}
	}
	for _, s := range lasting {
		live = append(live, began(s))
	}
	return over, live
}
