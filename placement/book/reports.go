package book

import "time"

// reports are the joins that other instances have sent people to, and told of: of each instance how many are in the book. An
// instance that cannot know which of its reports have arrived repeats them, and none counts twice.
type reports map[uint64]report

type report struct {
	serial uint64    // of the last one
	at     time.Time // when that came
}

// maxReporters is how many instances are told apart, ended ones included. Beyond it all are forgotten.
const maxReporters = 1_000

// ReportKept is which reports of an instance are in a book.
type ReportKept struct {
	From, Serial uint64
	At           time.Time
}

// Reported tells whether a join that was reported is in the book already.
func (b *Book) Reported(c JoinSent) bool { return c.From != 0 && c.Serial <= b.reports[c.From].serial }

// ReportedBy returns the serial of the last report of an instance that is in the book.
func (b *Book) ReportedBy(instance uint64) uint64 { return b.reports[instance].serial }

// enter takes note of a report.
func (r reports) enter(c JoinSent) {
	if _, known := r[c.From]; !known && len(r) >= maxReporters {
		clear(r)
	}
	r[c.From] = report{c.Serial, c.At}
}

// reportsKept is for how long an instance that says nothing is remembered.
const reportsKept = 24 * time.Hour

func (r reports) sweep(now time.Time) {
	for from, last := range r {
		if now.Sub(last.at) > reportsKept {
			delete(r, from)
		}
	}
}

func (r reports) keep() (list []ReportKept) {
	for from, last := range r {
		list = append(list, ReportKept{from, last.serial, last.at})
	}
	return list
}

func restoreReports(list []ReportKept) reports {
	r := reports{}
	for _, one := range list {
		r[one.From] = report{one.Serial, one.At}
	}
	return r
}
