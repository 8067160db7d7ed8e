package placement

import (
	"github.com/bbbpool/bbbpool/store"
)

// Admit counts somebody who is sent to a meeting, unless a limit of its tenant refuses that with ErrMeetingPeople or
// ErrPeople: then nothing has happened. Whoever is sent there again before a poll has looked counts once.
func (l *Ledger) Admit(key store.MeetingKey, who Person, limits store.Limits) error {
	l.mu.Lock()
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
