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
	join := JoinSent{At: l.now(), Key: key, Who: who}
	if limits.People > 0 || limits.MeetingPeople > 0 {
		meeting, tenant, again := l.outbox.beside(join)
		if !again {
			if err := l.book.AdmitsBeside(key, who, limits, meeting, tenant); err != nil {
				return err
			}
		}
	}
	l.report(l.outbox.enter(join))
	return nil
}

// takeOverJoins counts what was sent before this instance led, and the leader before may not have heard of.
func (l *Ledger) takeOverJoins() {
	l.outbox.forget(l.book.ReportedBy(l.outbox.self))
	for _, join := range l.outbox.joins {
		l.book.Join(join)
	}
	l.outbox.joins = nil
}

// Tally returns what a tenant has now. It costs the same however many meetings there are.
func (l *Ledger) Tally(tenant string) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book.Tally(tenant, l.now())
}

// Tallies returns what each tenant has now that has something.
func (l *Ledger) Tallies() map[string]Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book.Tallies(l.now())
}
