package placement

import (
	"cmp"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// regulars are the rooms that once were so large that a seat may be held for them, with their visits.
type regulars map[room]*regular

type regular struct {
	visits []visit // oldest end first
	server string  // of the last one
}

type visit struct {
	minute uint32 // of the start, since 1970
	peak   uint16
}

// Minutes of a day, of a week, and of what summer time may shift.
const (
	dayLong  = 24 * 60
	weekLong = 7 * dayLong
	shift    = 2 * 60
)

const (
	maxVisits = 256                     // of one room that are remembered
	habit     = 30 * time.Minute        // sessions that start so close together belong to the same hour
	faithful  = 14*24*time.Hour + habit // a room that was not there for longer has given its hour up
)

// add takes in a session of a room that is large, or once was.
func (g regulars) add(r room, s store.Session, least float64) {
	v := g[r]
	if v == nil {
		if float64(s.Peak) < least {
			return
		}
		v = &regular{}
		g[r] = v
	}
	if len(v.visits) == maxVisits {
		v.visits = slices.Delete(v.visits, 0, 1)
	}
	v.visits = append(v.visits, visit{minuteOf(s.Start), uint16(min(s.Peak, 1<<16-1))})
	v.server = s.Server
}

// forget drops visits from before a minute, and rooms without any.
func (g regulars) forget(before uint32) {
	for r, v := range g {
		v.visits = slices.DeleteFunc(v.visits, func(v visit) bool { return v.minute < before })
		if len(v.visits) == 0 {
			delete(g, r)
		}
	}
}

// appointment is the hour at which a regular large meeting is about to begin.
type appointment struct {
	room   room
	size   float64   // people
	start  time.Time // the usual one
	server string    // where it was the last time
}

// due returns the meetings that usually begin between two moments of one day, largest first. It follows from the
// history and the clock alone.
func (g regulars) due(from, to time.Time, least float64) (list []appointment) {
	for r, v := range g {
		if a, ok := v.appointment(from, to, least); ok {
			a.room = r
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b appointment) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.room, b.room))
	})
	return list
}

// appointment is due for one room: it had two sessions or more on this weekday that began within habit of the newest
// one, that one no longer ago than faithful, and at least so many people on the mean.
func (v *regular) appointment(from, to time.Time, least float64) (appointment, bool) {
	day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location())
	newest, hours := v.hours(day)
	if hours == nil || from.Sub(newest) > faithful {
		return appointment{}, false
	}
	var sum, after float64
	for _, h := range hours {
		sum += float64(h.peak)
		after += float64(h.minute)
	}
	n := float64(len(hours))
	size := sum / n
	usual := int(after / n)
	start := time.Date(day.Year(), day.Month(), day.Day(), usual/60, usual%60, 0, 0, day.Location())
	if len(hours) < 2 || size < least || start.Before(from) || start.After(to) {
		return appointment{}, false
	}
	return appointment{size: size, start: start, server: v.server}, true
}

// hours returns the visits on the weekday of a day that began within habit of the newest of them, with the minute of
// the day each began at, and when the newest was.
func (v *regular) hours(day time.Time) (newest time.Time, list []visit) {
	midnight := minuteOf(day)
	for _, visit := range slices.Backward(v.visits) {
		if after := (visit.minute + weekLong - midnight%weekLong) % weekLong; after > dayLong+shift && after < weekLong-shift {
			continue // another weekday, told without a calendar
		}
		began := time.Unix(int64(visit.minute)*60, 0).In(day.Location())
		if began.Weekday() != day.Weekday() || !began.Before(day) {
			continue
		}
		visit.minute = uint32(began.Hour()*60 + began.Minute())
		if list == nil {
			newest = began
		} else if apart(visit.minute, list[0].minute) > habit {
			continue
		}
		list = append(list, visit)
	}
	return newest, list
}

// apart is the time between two minutes of a day.
func apart(a, b uint32) time.Duration {
	return time.Duration(max(a, b)-min(a, b)) * time.Minute
}
