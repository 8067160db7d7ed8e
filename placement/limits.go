package placement

import "github.com/bbbpool/bbbpool/store"

// Admit counts somebody who is sent to a meeting, unless a limit of its tenant refuses that with ErrMeetingPeople or
// ErrPeople: then nothing has happened. Whoever is sent there again before a poll has looked counts once. Where another
// instance leads that is told of it (Report), and until the book has heard so he counts here beside it.
func (l *Ledger) Admit(key store.MeetingKey, who Person, limits store.Limits) error {
	l.mu.Lock()
	if !l.leading {
		defer l.mu.Unlock()
		return l.admitFollowing(key, who, limits)
	}
	err := l.book.Admits(key, who, limits)
	if err == nil {
		l.book.Join(JoinSent{At: l.now(), Key: key, Who: who})
	}
	l.mu.Unlock()
	if err == nil && l.sent != nil {
		l.sent(key.Tenant)
	}
	return err
}

// admitFollowing is Admit where another instance leads, which counts the join for the accounts, too. It is called under the
// lock.
func (l *Ledger) admitFollowing(key store.MeetingKey, who Person, limits store.Limits) error {
	again := l.outbox.has(key, who)
	if !again && (limits.MeetingPeople > 0 || limits.People > 0) { // else nobody is counted: this is the way of most joins
		meeting, tenant := l.outbox.beside(key)
		if err := l.book.AdmitsBeside(key, who, limits, meeting, tenant); err != nil {
			return err
		}
	}
	l.report(l.outbox.enter(JoinSent{At: l.now(), Key: key, Who: who}, !again && l.book.Counts(key, who)))
	return nil
}

// takeOverJoins counts what was sent before this instance led, and the leader before may not have heard of.
func (l *Ledger) takeOverJoins() {
	l.mu.Lock()
	l.outbox.forget(l.book.Record().ReportedBy(l.outbox.self))
	joins := l.outbox.joins
	for _, join := range joins {
		l.book.Join(join.JoinSent)
	}
	l.outbox.forget(l.outbox.serial)
	l.mu.Unlock()
	for _, join := range joins {
		if l.sent != nil {
			l.sent(join.Key.Tenant)
		}
	}
}
