// Package quota counts what each tenant has: meetings at once, people in them, and meetings begun within the last hour; and
// what servers may still bring of their own ([Allowance]). It counts what it is told of and decides nothing: which meetings
// count, and what a limit refuses, is up to its caller. It has no lock, no clock and no store.
//
// # Design
//
// The counts are kept as meetings come and go, and not made by a walk over all meetings, because they are asked for with every
// create, under the ledger's lock. The hour is told by the second, so that it takes the same room whatever a tenant begins.
// It is no record of its own, or every create would be one write more: after a start it is found out from the claims and the
// history (Recall). The counts are part of the book, so whoever follows that has the same.
package quota

import (
	"cmp"
	"slices"
	"time"
)

// Tally is what a tenant has at a time.
type Tally struct {
	Meetings int // at once, those included that are being created, without breakout rooms
	People   int // in them, and on their way
	LastHour int // meetings begun within the last hour
}

// Tenants are those that have something, or had within the last hour.
type Tenants map[string]*Tenant

// Tenant is what one tenant has.
type Tenant struct {
	Meetings  int
	Breakouts int // rooms, which no limit counts
	People    int
	Begun     Hour // when meetings were begun
}

// Of returns what a tenant has, to be changed.
func (t Tenants) Of(id string) *Tenant {
	one := t[id]
	if one == nil {
		one = &Tenant{}
		t[id] = one
	}
	return one
}

// Tally returns what a tenant has now.
func (t Tenants) Tally(id string, now time.Time) Tally {
	if one := t[id]; one != nil {
		return Tally{one.Meetings, one.People, one.Begun.Count(now)}
	}
	return Tally{}
}

// All returns what each tenant has that has something now.
func (t Tenants) All(now time.Time) map[string]Tally {
	all := make(map[string]Tally, len(t))
	for id := range t {
		if tally := t.Tally(id, now); tally != (Tally{}) {
			all[id] = tally
		}
	}
	return all
}

// Sweep forgets those that have nothing any more: who makes up names of tenants, and servers may, does not fill the memory.
func (t Tenants) Sweep(now time.Time) {
	for id, one := range t {
		if one.Breakouts == 0 && t.Tally(id, now) == (Tally{}) {
			delete(t, id)
		}
	}
}

// Hour is when meetings were begun, to the second and within about an hour: it is bounded however many they are.
type Hour struct {
	seconds []second // in order; those that are too old go when another one comes
	sum     int
}

// second is how many meetings were begun in one second.
type second struct {
	at int64 // since 1970
	n  int
}

// Span is how long ago a meeting may have been begun that counts: it is told by the second, and never less than an hour.
const Span = time.Hour + time.Second

const span = int64(time.Hour / time.Second)

// Add takes a meeting into account that was begun at a time.
func (h *Hour) Add(at, now time.Time) {
	h.expire(now)
	if now.Unix()-at.Unix() > span {
		return
	}
	i, found := h.find(at)
	if !found {
		h.seconds = slices.Insert(h.seconds, i, second{at: at.Unix()})
	}
	h.seconds[i].n++
	h.sum++
}

// Remove takes back an Add, unless that is too long ago.
func (h *Hour) Remove(at time.Time) {
	i, found := h.find(at)
	if !found {
		return
	}
	h.sum--
	if h.seconds[i].n--; h.seconds[i].n == 0 {
		h.seconds = slices.Delete(h.seconds, i, i+1)
	}
}

// Count returns how many meetings were begun within the last hour. What is to come by more than that, because somebody has
// set the clock back, does not count. It changes nothing.
func (h *Hour) Count(now time.Time) int {
	n := h.sum
	for i := 0; i < len(h.seconds) && now.Unix()-h.seconds[i].at > span; i++ {
		n -= h.seconds[i].n
	}
	for i := len(h.seconds) - 1; i >= 0 && h.seconds[i].at-now.Unix() > span; i-- {
		n -= h.seconds[i].n
	}
	return n
}

// expire forgets what counts neither now nor later.
func (h *Hour) expire(now time.Time) {
	i := 0
	for i < len(h.seconds) && now.Unix()-h.seconds[i].at > span {
		h.sum -= h.seconds[i].n
		i++
	}
	h.seconds = slices.Delete(h.seconds, 0, i)
}

// find returns the place of a second.
func (h *Hour) find(at time.Time) (int, bool) {
	return slices.BinarySearchFunc(h.seconds, at.Unix(), func(s second, t int64) int {
		return cmp.Compare(s.at, t)
	})
}
