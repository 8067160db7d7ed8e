package roster

import (
	"context"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// leftovers is what keeps a server from being switched off.
type leftovers struct {
	state    store.ServerState
	offline  bool
	meetings int
	people   int      // in these, and in copies of meetings that are claimed elsewhere
	owed     []string // record IDs
}

// leftovers looks for what is left on a server. Recordings are looked at last: what a meeting owes is known before its claim
// is gone.
func (r *Roster) leftovers(ctx context.Context, id string) (leftovers, error) {
	s, ok := r.Pool.Server(id)
	if !ok {
		return leftovers{}, NoServer(id)
	}
	owed, err := r.Debts.ByServer(ctx)
	return newLeftovers(s, owed[id]), err
}

func newLeftovers(s poller.Status, owed []string) leftovers {
	return leftovers{
		state: s.State, offline: s.Health == poller.Offline, meetings: s.Load.Meetings, people: People(s), owed: owed,
	}
}

// People is how many people count on a server. Nobody looks at one that is disabled: how many were in copies there when
// somebody last did is no news any more.
func People(s poller.Status) int {
	if s.State == store.Disabled && s.Load.Meetings == 0 {
		return 0
	}
	return s.Load.People
}

func (l leftovers) nobody() bool { return l.meetings == 0 && l.people == 0 }

func (l leftovers) nothing() bool { return l.nobody() && len(l.owed) == 0 }

// has says what is there, as "has 1 meeting with 2 people and owes 3 recordings".
func (l leftovers) has() string {
	var list []string
	if !l.nobody() {
		list = append(list, "has "+v1.Present(l.meetings, l.people))
	}
	if len(l.owed) > 0 {
		list = append(list, "owes "+quantity.Count(len(l.owed), "recording", "recordings"))
	}
	return strings.Join(list, " and ")
}

// follows says what becomes of that where nobody waits for its end.
func (l leftovers) follows() string {
	var list []string
	switch {
	case l.meetings > 0:
		list = append(list, "nobody can join its meetings any more: the next create makes them anew on another server")
	case l.people > 0:
		list = append(list, "nobody ends the copies, or looks after them, any more")
	}
	if len(l.owed) > 0 {
		list = append(list, "nobody waits for its recordings any more")
	}
	return strings.Join(list, "; ")
}

// count is how many things are waited for.
func (l leftovers) count() int {
	if l.meetings == 0 && l.people > 0 {
		return 1 + len(l.owed)
	}
	return l.meetings + len(l.owed)
}

// String says what is waited for.
func (l leftovers) String() string {
	switch {
	case l.meetings > 0 && l.offline:
		return v1.Running(l.meetings, l.people) + " left, claimed on a server that is offline: nobody can see or end them there; " +
			"bbbpool server panic forgets them"
	case l.meetings > 0:
		return v1.Running(l.meetings, l.people) + " left"
	case l.people > 0:
		return v1.Present(0, l.people)
	case len(l.owed) > 0:
		return "waiting for " + quantity.Count(len(l.owed), "recording", "recordings") + ": " + quantity.Some(l.owed)
	}
	return "nothing left"
}

// Debts returns the recordings that servers have still to deliver. Those of nil are none.
type Debts func(ctx context.Context) ([]recordings.Owing, error)

// ByServer returns what is owed, by server. Recordings that a server does not know are not waited for: nobody pressed the
// button, or they are lost.
func (d Debts) ByServer(ctx context.Context) (map[string][]string, error) {
	owed, _, err := d.sorted(ctx)
	return owed, err
}

// sorted returns what servers have still to deliver, by server, and what they say they do not have.
func (d Debts) sorted(ctx context.Context) (owed, notMade map[string][]string, err error) {
	owed, notMade = map[string][]string{}, map[string][]string{}
	if d == nil {
		return owed, notMade, nil
	}
	list, err := d(ctx)
	for _, o := range list {
		of := owed
		if o.Owed.Step == store.OwedMissing {
			of = notMade
		}
		of[o.Owed.Server] = append(of[o.Owed.Server], o.RecordID)
	}
	return owed, notMade, err
}
