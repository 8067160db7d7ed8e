package forecast

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

const (
	weekSlot  = 5 * time.Minute
	weekSlots = int(7 * 24 * time.Hour / weekSlot)
	weeks     = 5                  // that are remembered
	firstWeek = 7 * 24 * time.Hour // of 1970, in which none is counted
)

// crowd is how many people there were at once, in how many meetings.
type crowd struct {
	people   uint32
	meetings uint16
}

// week is how busy the last weeks were, by the slot of the week. Every meeting counts with its peak for all of its
// time, so that the figure errs on the safe side.
type week struct {
	slots [weeks][]crowd // nil where nothing was
	of    [weeks]int     // which week each of them is
}

// slotOf returns the week of a time, counted from Monday, 5 January 1970, and the slot in it, by the wall clock.
func slotOf(t time.Time, zone *time.Location) (week, slot int) {
	t = t.In(zone)
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix()/86_400 - 4 // that was a Thursday
	minute := t.Hour()*60 + t.Minute()
	return int(day) / 7, int(day)%7*int(24*time.Hour/weekSlot) + minute/int(weekSlot/time.Minute)
}

// add takes in a session. One that lasted for longer than a day is taken for a day long.
func (w *week) add(s store.Session, zone *time.Location) {
	peak := min(max(s.Peak, 0), MaxPeople)
	if peak == 0 || s.Start.Unix() < int64(firstWeek/time.Second) {
		return // a clock that was never set
	}
	n := min(int(s.End.Sub(s.Start)/weekSlot)+1, int(24*time.Hour/weekSlot))
	number, slot := slotOf(s.Start, zone)
	for i := range max(n, 1) {
		at := slot + i
		if list := w.find(number + at/weekSlots); list != nil {
			c := &list[at%weekSlots]
			c.people += uint32(peak)
			c.meetings++
		}
	}
}

// find returns the slots of a week, nil for one that is too long ago. A new week takes the place of the oldest.
func (w *week) find(number int) []crowd {
	i := number % weeks
	switch {
	case w.slots[i] == nil || w.of[i] < number:
		w.slots[i], w.of[i] = make([]crowd, weekSlots), number
	case w.of[i] > number:
		return nil
	}
	return w.slots[i]
}

// busiest returns the slot that was the most crowded over all weeks, among the next n from a time on, and when it comes
// next.
func (w *week) busiest(from time.Time, n int) (time.Time, crowd) {
	number, slot := slotOf(from, from.Location())
	at, fullest := -1, crowd{}
	for i := range min(n, weekSlots) {
		for k, list := range w.slots {
			if list == nil || w.of[k] <= number-weeks || w.of[k] > number {
				continue
			}
			if c := list[(slot+i)%weekSlots]; c.people > fullest.people {
				at, fullest = i, c
			}
		}
	}
	if at < 0 {
		return time.Time{}, crowd{}
	}
	return from.Truncate(weekSlot).Add(time.Duration(at) * weekSlot), fullest
}
