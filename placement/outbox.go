package placement

import (
	"math/rand/v2"
	"time"
)

// outbox are the joins that were sent by this instance and are not known to be in the leader's book.
type outbox struct {
	self   uint64 // names this process in reports
	serial uint64
	joins  []JoinSent // oldest first
}

const (
	// reportedWithin is how long a join may need to the leader's book and back. Later it does not count here any more.
	reportedWithin = time.Minute
	// maxOutbox is how many joins may be on their way: more are only told of.
	maxOutbox = 20_000
)

func newOutbox() outbox { return outbox{self: rand.Uint64() | 1} } // 0 is the leader itself

// enter takes in a join, and gives it its number. What has been on its way for too long is forgotten.
func (o *outbox) enter(c JoinSent) JoinSent {
	for len(o.joins) > 0 && c.At.Sub(o.joins[0].At) > reportedWithin {
		o.joins = o.joins[1:]
	}
	o.serial++
	c.From, c.Serial = o.self, o.serial
	if len(o.joins) < maxOutbox {
		o.joins = append(o.joins, c)
	}
	return c
}

// report tells the leader of a join. It is called under the lock, so that reports leave in the order of their numbers.
func (l *Ledger) report(c JoinSent) {
	if l.Report == nil {
		return
	}
	if frames := framesOf(c); len(frames) == 1 { // no ID is so long
		l.Report(frames[0])
	}
}

// arrived forgets what has come back from the leader, with all that was sent before.
func (o *outbox) arrived(c JoinSent) {
	if c.From == o.self {
		o.forget(c.Serial)
	}
}

func (o *outbox) forget(serial uint64) {
	n := 0
	for n < len(o.joins) && o.joins[n].Serial <= serial {
		n++
	}
	if o.joins = o.joins[n:]; len(o.joins) == 0 {
		o.joins = nil
	}
}

// reportAgain tells a leader, as whose book this one was heard just now, of what it does not know. It is called under the lock.
func (l *Ledger) reportAgain() {
	l.outbox.forget(l.book.ReportedBy(l.outbox.self))
	for _, c := range l.outbox.joins {
		l.report(c)
	}
}

// beside is how many people are on their way, beside those in the book, to a meeting and to all of its tenant's; and whether
// somebody is among them.
func (o *outbox) beside(c JoinSent) (meeting, tenant int, again bool) {
	for _, one := range o.joins {
		if one.Key.Tenant != c.Key.Tenant {
			continue
		}
		tenant++
		if one.Key == c.Key {
			meeting++
			again = again || c.Who != 0 && one.Who == c.Who
		}
	}
	return meeting, tenant, again
}
