package poller

import (
	"time"

	"github.com/bbbpool/bbbpool/poller/observed"
)

// traits are what calls show of a server beside its meetings. A new address or secret may be another server's, so they
// begin anew with it.
type traits struct {
	pace       observed.Pace
	clock      observed.Clock
	slow       observed.Slowness
	expires    time.Time                 // the certificate, where there is one
	unresolved int                       // looks in a row that found its name lost
	excess     int                       // meetings that are too many to be adopted
	raised     [impendingKinds]time.Time // since when there is a problem of a kind; zero where there is none
}

// learn takes from an answer what it shows beside the meetings. It tells whether the server can be used less than before,
// or more, by that.
func (t *traits) learn(o observation, began time.Time) (changed bool) {
	took := o.ended.Sub(began)
	t.pace.Add(took)
	t.clock.Add(o.reply, began, o.ended)
	t.expires = o.reply.Expires
	if changed = t.slow.Add(took); changed && t.slow.Level != observed.Brisk {
		t.raised[tooSlow] = time.Time{} // another level is news
	}
	return changed
}
