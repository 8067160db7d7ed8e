package forecast

import (
	"cmp"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// regulars are the rooms that once were so large that a seat may be held for them.
type regulars map[Room]*regular

// regular is such a room with its visits, and its hour on each day of the week.
type regular struct {
	visits []visit // oldest end first
	server string  // of the last one
	hours  [7]hour // by weekday; what follows from the visits
}

// visit is a session that people came to.
type visit struct {
	minute uint32 // of the start, since 1970
	peak   uint16
}

// hour is when a room is used on a day of the week: what those visits have in common that began about
// when the newest one on that weekday did.
type hour struct {
	start  float64 // mean start, in minutes since midnight
	size   float64 // mean peak
	newest uint32  // minute, since 1970, of the newest visit
	visits int
}

const (
	maxVisits = 256                                      // of one room that are remembered
	sameHour  = 30                                       // minutes between the starts of sessions that belong to one hour
	givenUp   = (14*24*time.Hour)/time.Minute + sameHour // a room that was not there for longer has given its hour up
)

// add takes in a session of a room that is large, or once was. What began about when the last one did is the
// same visit: a meeting that has moved to another server, or was begun anew.
func (g regulars) add(r Room, s store.Session, least float64, zone *time.Location) {
	v := g[r]
	if v == nil {
		if float64(s.Peak) < least {
			return
		}
		v = &regular{}
		g[r] = v
	}
	v.server = s.Server
	now := visit{minuteOf(s.Start), small(s.Peak)}
	if last := len(v.visits) - 1; last >= 0 && minutesApart(v.visits[last].minute, now.minute) <= sameHour {
		v.visits[last].peak = max(v.visits[last].peak, now.peak)
	} else {
		v.visits = append(v.visits, now)
	}
	if len(v.visits) > maxVisits {
		v.visits = slices.Delete(v.visits, 0, 1)
	}
	weekday, _ := wallClock(now.minute, zone)
	v.hours[weekday] = v.hour(weekday, zone)
}

// hour finds what the visits on a weekday have in common.
func (v *regular) hour(weekday time.Weekday, zone *time.Location) (h hour) {
	var newest int
	for _, visit := range slices.Backward(v.visits) {
		day, minute := wallClock(visit.minute, zone)
		switch {
		case day != weekday:
			continue
		case h.visits == 0:
			newest, h.newest = minute, visit.minute
		case max(minute, newest)-min(minute, newest) > sameHour:
			continue
		}
		h.visits++
		h.start += float64(minute)
		h.size += float64(visit.peak)
	}
	h.start /= max(1, float64(h.visits))
	h.size /= max(1, float64(h.visits))
	return h
}

// wallClock returns the weekday and the minute of the day by the wall clock.
func wallClock(minute uint32, zone *time.Location) (time.Weekday, int) {
	t := time.Unix(int64(minute)*60, 0).In(zone)
	return t.Weekday(), t.Hour()*60 + t.Minute()
}

func minutesApart(a, b uint32) uint32 { return max(a, b) - min(a, b) }

// forget drops visits from before a minute, and rooms without any.
func (g regulars) forget(before uint32, zone *time.Location) {
	for r, v := range g {
		n := len(v.visits)
		v.visits = slices.DeleteFunc(v.visits, func(v visit) bool { return v.minute < before })
		switch len(v.visits) {
		case n:
			continue
		case 0:
			delete(g, r)
		}
		for day := range v.hours {
			v.hours[day] = v.hour(time.Weekday(day), zone)
		}
	}
}

// Appointment is the hour at which a regular large meeting is about to begin.
type Appointment struct {
	Room   Room
	Size   float64   // people
	Start  time.Time // the usual one
	Server string    // where it was the last time
}

// due returns the meetings that usually begin on that day, between two moments, largest first. It follows from the
// history and the clock alone.
func (g regulars) due(day, from, to time.Time, least float64) (list []Appointment) {
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, day.Location())
	early, late := from.Sub(midnight).Minutes()-shift, to.Sub(midnight).Minutes()+shift
	now := minuteOf(from)
	for r, v := range g {
		h := &v.hours[day.Weekday()]
		if h.visits < 2 || h.size < least || h.start < early || h.start > late || minutesApart(now, h.newest) > uint32(givenUp) {
			continue
		}
		usual := int(h.start)
		start := time.Date(day.Year(), day.Month(), day.Day(), usual/60, usual%60, 0, 0, day.Location())
		if !start.Before(from) && !start.After(to) {
			list = append(list, Appointment{r, h.size, start, v.server})
		}
	}
	slices.SortFunc(list, func(a, b Appointment) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Room, b.Room))
	})
	return list
}

// shift is how many minutes summer time may put between the wall clock and the time since midnight.
const shift = 120
