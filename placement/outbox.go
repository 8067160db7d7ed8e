package placement

import (
	"math/rand/v2"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// outbox are the joins that were sent by this instance and are not known to be in the leader's book.
type outbox struct {
	self   uint64 // names this process in reports
	serial uint64
	joins  []outgoing     // oldest first
	people map[onWay]bool // who counts among them, as far as they are told apart
}

// onWay is somebody who is on the way to a meeting.
type onWay struct {
	key store.MeetingKey
	who Person
}

// outgoing is a join on its way to the leader.
type outgoing struct {
	JoinSent
	counts bool // nobody counts for that very person yet
}

const (
	// reportedWithin is how long a join may need to the leader's book and back. Later it does not count here any more.
	reportedWithin = time.Minute
	// maxOutbox is how many joins may be on their way: more are only told of.
	maxOutbox = 20_000
)

func newOutbox() outbox { // 0 is the leader itself
	return outbox{self: rand.Uint64() | 1, people: map[onWay]bool{}}
}

// enter takes in a join, and gives it its number. What has been on its way for too long is forgotten.
func (o *outbox) enter(c JoinSent, counts bool) JoinSent {
	for len(o.joins) > 0 && c.At.Sub(o.joins[0].At) > reportedWithin {
		o.forget(o.joins[0].Serial)
	}
	o.serial++
	c.From, c.Serial = o.self, o.serial
	if len(o.joins) >= maxOutbox {
		return c
	}
	o.joins = append(o.joins, outgoing{c, counts})
	if counts && c.Who != 0 {
		o.people[onWay{c.Key, c.Who}] = true
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
		if one := &o.joins[n]; one.counts {
			delete(o.people, onWay{one.Key, one.Who})
		}
		n++
	}
	if o.joins = o.joins[n:]; len(o.joins) == 0 {
		o.joins = nil
	}
}

// reportAgain tells a leader, as whose book this one was heard just now, of what it does not know. It is called under the lock.
func (l *Ledger) reportAgain() {
	l.outbox.forget(l.book.Record().ReportedBy(l.outbox.self))
	for _, c := range l.outbox.joins {
		l.report(c.JoinSent)
	}
}

// has tells whether somebody is on the way to a meeting already.
func (o *outbox) has(key store.MeetingKey, who Person) bool {
	return o.people[onWay{key, who}]
}

// beside is how many people are on their way, beside those in the book, to a meeting and to all of its tenant's.
func (o *outbox) beside(key store.MeetingKey) (meeting, tenant int) {
	for i := range o.joins {
		one := &o.joins[i]
		if !one.counts || one.Key.Tenant != key.Tenant {
			continue
		}
		tenant++
		if one.Key == key {
			meeting++
		}
	}
	return meeting, tenant
}
