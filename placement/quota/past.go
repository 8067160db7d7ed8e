package quota

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Stay is a meeting's time on one server, as it is stored.
type Stay struct {
	Key   store.MeetingKey // without the meeting's ID where the stay is over
	ID    string           // that the server gave it; "" where it has not answered yet
	Room  string           // the same for all meetings by one key
	Start time.Time
	End   time.Time // zero while it lasts
	Moved bool      // its meeting went on elsewhere when it ended, from that very time
	Found bool      // nobody has begun its meeting: it was found there, or does not count
}

// Begun is when a meeting was begun; zero where that does not count.
type Begun struct {
	Key store.MeetingKey // of a meeting that is over, without its ID
	At  time.Time
}

// moment is when a room's stay began, or ended.
type moment struct {
	room string
	at   int64
}

func (s Stay) begins() moment { return moment{s.Room, s.Start.UnixNano()} }

// name is what its server calls a meeting.
type name struct{ room, id string }

func (s Stay) name() name { return name{s.Room, s.ID} }

// Recall finds out from what is stored when meetings were begun: those that are over, and of those that last the ones that
// were begun at another time than their present stay. Past has the stays that are over in the order of their ends, those at
// least that ended within the span that is of interest.
//
// A meeting that has moved was begun on its first server; if it was found on that, by nobody. One that was lost from sight
// and found again is in both lists; if its end was told in between it is two stays, of which the second was begun by nobody.
func Recall(past, lasting []Stay) (over, live []Begun) {
	stands, first := make(map[moment]string, len(lasting)), map[moment]time.Time{}
	for _, s := range lasting {
		stands[s.begins()] = s.ID
	}
	goesOn := func(s Stay) bool {
		id, found := stands[s.begins()]
		return found && (id == "" || id == s.ID)
	}
	begun := func(s Stay) time.Time {
		switch at, moved := first[s.begins()]; {
		case moved:
			return at
		case s.Found:
			return time.Time{}
		}
		return s.Start
	}
	ended := map[name]time.Time{}
	for _, s := range past {
		ended[s.name()] = s.End
		switch at := begun(s); {
		case s.Moved:
			first[moment{s.Room, s.End.UnixNano()}] = at
		case !goesOn(s) && !at.IsZero():
			over = append(over, Begun{s.Key, at})
		}
	}
	for _, s := range lasting {
		at := begun(s)
		if end, over := ended[s.name()]; over && s.ID != "" && !s.Start.Before(end) {
			at = first[s.begins()] // it has come back, or has moved
		}
		if !s.Found && !at.Equal(s.Start) {
			live = append(live, Begun{s.Key, at})
		}
	}
	return over, live
}
