// Package fading keeps the sum of expectations that each fade to nothing over the same time. It knows nothing of meetings or
// servers, and no clock: times are seconds of whatever clock its caller has. Two sums that were given the same answer the same,
// to the last bit, so that a follower of the book decides as the book does.
package fading

import (
	"cmp"
	"math"
	"slices"
)

// Sum is the sum of expectations that each fade linearly from their full size at birth to nothing at birth + span.
// The sum over n meetings is kept as two numbers, so that a decision costs the same however many there are:
//
//	sum p (1 - (now - born)/span)  =  sum p - (now sum p - sum p born)/span
type Sum struct {
	span  float64 // seconds
	first float64 // when the oldest of them has faded, or before
	p, pb float64 // sums of p and of p times born
	young []birth // not faded yet, oldest first
}

type birth struct{ born, p float64 }

// New returns a sum of nothing. Each expectation fades over so many seconds.
func New(span float64) Sum { return Sum{span: span, first: math.Inf(1)} }

// At returns the sum at a time, in seconds. It changes nothing: what a book answers later must not depend, not even by what
// rounding leaves, on what it was asked before, of which those who follow it hear nothing.
func (f *Sum) At(now float64) float64 {
	p, pb := f.p, f.pb
	if now >= f.first {
		later := *f
		later.Expire(now)
		p, pb = later.p, later.pb
	}
	return max(0, p-(now*p-pb)/f.span)
}

// Expire drops what has faded by a time. With nothing left the sums start anew, so that rounding errors cannot pile up.
func (f *Sum) Expire(now float64) {
	if now < f.first {
		return // the way of nearly every decision: it touches nothing but the sums
	}
	n := 0
	for n < len(f.young) && f.young[n].born+f.span <= now {
		f.p -= f.young[n].p
		f.pb -= f.young[n].p * f.young[n].born
		n++
	}
	if f.young = f.young[n:]; len(f.young) == 0 {
		f.clear()
		return
	}
	f.first = f.young[0].born + f.span
}

func (f *Sum) clear() { f.young, f.p, f.pb, f.first = nil, 0, 0, math.Inf(1) }

// Add takes an expectation into account that was made at that time.
func (f *Sum) Add(born, p float64) {
	if p <= 0 {
		return
	}
	f.Expire(born)
	f.young = slices.Insert(f.young, f.find(born), birth{born, p})
	f.p += p
	f.pb += p * born
	f.first = min(f.first, born+f.span)
}

// Remove takes back an add, unless it has faded already.
func (f *Sum) Remove(born, p float64) {
	for i := f.find(born); i < len(f.young) && f.young[i].born == born; i++ {
		if f.young[i].p == p {
			f.p -= p
			f.pb -= p * born
			if f.young = slices.Delete(f.young, i, i+1); len(f.young) == 0 {
				f.clear()
			}
			return
		}
	}
}

// find returns the place of the first birth that is not before born.
func (f *Sum) find(born float64) int {
	i, _ := slices.BinarySearchFunc(f.young, born, func(b birth, t float64) int { return cmp.Compare(b.born, t) })
	return i
}
