package simulate

import (
	"maps"
	"math"
	"slices"
	"time"
)

// All parameters of the generated days are in this file. None comes from a server's log: they are assumptions about
// how such sites live. Those marked "fitted" had been left open; they were chosen, within what is plausible, so that the
// rules do on these days as they did in the study that our rule came from. No rule and no measure was fitted.

// Kinds are the kinds of days that can be generated.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds())) }

func kinds() map[string]func(*generator) {
	return map[string]func(*generator){
		"uni":    (*generator).uni,
		"k12":    (*generator).k12,
		"office": func(g *generator) { g.office(officePerServer, g.officeSize) },
		"exam":   (*generator).exam,
	}
}

// A term, of which a Tuesday is replayed; the weeks before are history.
const (
	weeks     = 6
	forgotten = 0.06 // share of past sessions that the history lacks
)

// How large meetings are.
const (
	mostPeople    = 500 // in a meeting,
	mostPerServer = 60  // and at most this times the number of servers

	weeklyNoise = 0.25 // sigma of the lognormal noise of a weekly session's size
	weeklyDecay = 0.97 // its factor from week to week
	nearlyEmpty = 0.04 // share of weekly sessions with one to three people
	twiceLarge  = 0.02 // share with twice the size

	cancelled = 0.08 // share of today's weekly sessions that do not take place
)

// attendance is from which to which share of those enrolled come: a front end that announces sizes tells who is
// enrolled. The zero value is one that announces none.
type attendance struct{ least, most float64 }

func students() attendance { return attendance{0.3, 0.9} }
func pupils() attendance   { return attendance{0.7, 1} } // fitted
func unknown() attendance  { return attendance{} }

// How people come and go.
const (
	comeLate   = 0.10             // share of people
	latest     = 25 * time.Minute // after the start, for those
	leaveEarly = 0.08             // share of people, at any time after they came; all others stay until the end
	stayLeast  = time.Minute      // nobody comes later than this before the end
)

// manner is how a meeting begins.
type manner struct {
	lead   time.Duration // of its create before its start, on the mean
	sigma  time.Duration // normal deviation of that
	within time.Duration // even deviation of that, to either side
	spread time.Duration // normal deviation of the people around the start
}

func punctual() manner {
	return manner{lead: 5 * time.Minute, sigma: 200 * time.Second, spread: 150 * time.Second}
}

// A university has courses, each with a room of its own in the Moodle, which sends hints; personal rooms, which do not;
// and what takes place once.
const (
	uniPerServer  = 16 // meetings per server and day
	coursesShare  = 0.60
	personalShare = 0.15
	onceShare     = 0.25

	lectureShare                  = 0.23  // of courses
	largeShare                    = 0.012 // of courses; all others are seminars
	seminarMedian, seminarSigma   = 14, 0.7
	lectureMedian, lectureSigma   = 60, 0.6
	largeLeast, largeMost         = 200, 500
	uniMoved                      = 0.05 // share of today's sessions at another time, by
	movedLeast, movedMost         = 60, 180
	secondSlot                    = 0.20 // share of courses with another weekly session, on another day and of another size
	uniLong                       = 0.7  // share of 90 minutes, the others 45; fitted
	onceCourse                    = 0.80 // share of what takes place once that is like a course; fitted
	onceLarge                     = 0.012
	onceLargeLeast, onceLargeMost = 100, 350
	onceSmallMedian               = 3 // of the rest, at any time; fitted
	onceSmallSigma                = 0.7
	personalFew, personalMany     = 3, 18 // the two modes of personal rooms,
	personalSigma                 = 0.25  // with this noise
	earliest, personalSpan        = 8 * 60, 11 * 60
)

// uniSlots are the starts of courses: as many at each; fitted, as the number of slots.
func uniSlots() []slot {
	return []slot{{8*60 + 15, 1}, {10*60 + 15, 1}, {12*60 + 15, 1}, {14*60 + 15, 1}, {16*60 + 15, 1}, {18*60 + 15, 1}}
}

func (g *generator) uni() {
	n := uniPerServer * float64(g.servers)
	for range g.round(n * coursesShare) {
		g.course()
	}
	for range g.round(n * personalShare) {
		g.personal()
	}
	for week := 1; week <= weeks; week++ {
		for range g.round(n * onceShare) {
			g.once(week)
		}
	}
}

func (g *generator) course() {
	size := g.seminar()
	switch x := g.draw.Float64(); {
	case x < largeShare:
		size = g.uniform(largeLeast, largeMost)
	case x < largeShare+lectureShare:
		size = g.lognormal(lectureMedian, lectureSigma)
	}
	w := weekly{
		room: g.room("moodle", size, students()), size: size, day: tuesday, start: g.slot(uniSlots()),
		length: g.length(45, 90, uniLong), moved: uniMoved, manner: punctual(),
	}
	g.weekly(w)
	if g.chance(secondSlot) {
		w.size, w.day, w.start = g.seminar(), []int{0, 2, 3, 4}[g.draw.IntN(4)], g.slot(uniSlots())
		g.weekly(w)
	}
}

func (g *generator) seminar() float64 { return g.lognormal(seminarMedian, seminarSigma) }

func (g *generator) personal() {
	r := g.room("rooms", 0, unknown())
	for week := 1; week <= weeks; week++ {
		mode := float64(personalFew)
		if g.chance(0.5) {
			mode = personalMany
		}
		g.hold(session{
			room: r, size: g.lognormal(mode, personalSigma), start: g.at(week, tuesday, earliest+g.draw.IntN(personalSpan)),
			length: g.length(30, 60, 0.5), manner: punctual(),
		})
	}
}

// once is a meeting that takes place once.
func (g *generator) once(week int) {
	tenant, who, size, start := "moodle", students(), g.seminar(), g.slot(uniSlots())
	switch {
	case !g.chance(onceCourse):
		tenant, who = "rooms", unknown()
		size, start = g.lognormal(onceSmallMedian, onceSmallSigma), earliest+g.draw.IntN(personalSpan)
	case g.chance(onceLarge):
		size = g.uniform(onceLargeLeast, onceLargeMost)
	}
	g.hold(session{
		room: g.room(tenant, size, who), size: size, start: g.at(week, tuesday, start),
		length: g.length(45, 90, uniLong), manner: punctual(),
	})
}

// A school has classes that all begin with the bell, and now and then an assembly.
const (
	classesPerServer            = 3.75 // in each lesson; fitted
	classMean, classSigma       = 24, 4.5
	lesson                      = 42 * time.Minute
	assemblyShare               = 0.02
	assemblyNew                 = 0.4     // share of assemblies that take place once
	assemblyLeast, assemblyMost = 40, 225 // fitted
	schoolWithin                = 2 * time.Minute
	schoolLead                  = 160 * time.Second // fitted
	schoolSpread                = 70 * time.Second  // fitted
	fewer                       = 0.6               // classes in the last lessons, relative to those before; fitted
)

// lessons are the starts of lessons, with how many classes have them, relative to others; their number is fitted.
func lessons() []slot {
	return []slot{
		{8 * 60, 1},
		{8*60 + 50, 1},
		{9*60 + 55, 1},
		{10*60 + 45, fewer},
		{11*60 + 35, fewer},
		{12*60 + 25, fewer},
		{13*60 + 15, fewer},
	}
}

func (g *generator) k12() {
	for _, l := range lessons() {
		for range g.round(classesPerServer * l.weight * float64(g.servers)) {
			g.class(l.minute)
		}
	}
}

func (g *generator) class(start int) {
	manner := manner{lead: schoolLead, within: schoolWithin, spread: schoolSpread}
	size, once := classMean+classSigma*g.draw.NormFloat64(), false
	if g.chance(assemblyShare) {
		size, once = g.uniform(assemblyLeast, assemblyMost), g.chance(assemblyNew)
	}
	r := g.room("school", size, pupils())
	if !once {
		g.weekly(weekly{room: r, size: size, day: tuesday, start: start, length: lesson, manner: manner})
		return
	}
	for week := 1; week <= weeks; week++ {
		g.hold(session{room: r, size: size, start: g.at(week, tuesday, start), length: lesson, manner: manner})
		r = g.room("school", size, pupils())
	}
}

// An office has many small meetings, half of them weekly, and rarely one with all hands. Nobody announces sizes.
const (
	officePerServer           = 60     // meetings per server and day; fitted
	officeMedian, officeSigma = 5, 0.9 // the sigma is fitted
	recurring                 = 0.5
	handsShare                = 0.004
	handsLeast, handsMost     = 80, 300
	officeLead                = 100 * time.Second // fitted, as the next two
	officeSigmaLead           = 70 * time.Second
	officeSpread              = 65 * time.Second
)

// officeSlots are the starts of meetings, with how many there are; the numbers are fitted.
func officeSlots() []slot {
	return []slot{
		{8*60 + 30, 0.5},
		{9 * 60, 1.5},
		{9*60 + 30, 1},
		{10 * 60, 1.8},
		{10*60 + 30, 1},
		{11 * 60, 1.5},
		{11*60 + 30, 0.7},
		{12 * 60, 0.3},
		{13 * 60, 1.2},
		{13*60 + 30, 0.8},
		{14 * 60, 1.6},
		{14*60 + 30, 0.8},
		{15 * 60, 1.4},
		{15*60 + 30, 0.7},
		{16 * 60, 0.8},
		{16*60 + 30, 0.3},
	}
}

// office has so many meetings per server, of sizes to be drawn.
func (g *generator) office(perServer float64, draw func() float64) {
	n := perServer * float64(g.servers)
	manner := manner{lead: officeLead, sigma: officeSigmaLead, spread: officeSpread}
	for range g.round(n * recurring) {
		size := draw()
		g.weekly(weekly{
			room: g.room("office", size, unknown()), size: size, day: tuesday, start: g.slot(officeSlots()),
			length: g.length(30, 60, 0.5), manner: manner,
		})
	}
	for week := 1; week <= weeks; week++ {
		for range g.round(n * (1 - recurring)) {
			size := draw()
			g.hold(session{
				room: g.room("office", size, unknown()), size: size, start: g.at(week, tuesday, g.slot(officeSlots())),
				length: g.length(30, 60, 0.5), manner: manner,
			})
		}
	}
}

func (g *generator) officeSize() float64 {
	if g.chance(handsShare) {
		return g.uniform(handsLeast, handsMost)
	}
	return g.lognormal(officeMedian, officeSigma)
}

// An exam is a block of meetings that a script creates within a minute, on a quiet day of an office in which nobody has
// all hands, but teams are of all sizes.
const (
	examPerServer                     = 8 // in the block
	examWithin                        = 30 * time.Second
	examMedian, examSigma             = 10.5, 0.5 // fitted, as all below
	examStart                         = 10 * 60
	examLength                        = 3 * time.Hour // with what people write before and after
	examLead                          = 210 * time.Second
	examSpread                        = 150 * time.Second
	backgroundPerServer               = 18 // meetings per server and day
	backgroundMedian, backgroundSigma = 6.5, 1
)

func (g *generator) exam() {
	g.office(backgroundPerServer, func() float64 { return g.lognormal(backgroundMedian, backgroundSigma) })
	for range g.round(examPerServer * float64(g.servers)) {
		size := g.lognormal(examMedian, examSigma)
		g.hold(session{
			room: g.room("exams", size, students()), size: size, start: g.at(weeks, tuesday, examStart),
			length: examLength, manner: manner{lead: examLead, within: examWithin, spread: examSpread},
		})
	}
}

func (g *generator) lognormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*g.draw.NormFloat64())
}
