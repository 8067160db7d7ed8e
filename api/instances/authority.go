package instances

import (
	"context"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/instances/relay"
	"github.com/bbbpool/bbbpool/api/instances/stream"
)

// Leading tells whether this instance decides.
func (i *Instance) Leading() bool { return i.keeper.Leading() }

// Fresh tells whether this instance knows what the leader knew half a second ago. The leader does.
func (i *Instance) Fresh() bool { return i.keeper.Leading() || i.feed.Fresh() }

// Heard returns when all other instances know what is known here now, as they say, or go by their news no more, for it is too
// old. News of a leader of before is gone by for as long when this one has begun to lead.
func (i *Instance) Heard(ctx context.Context) {
	if i.members.alone() && i.hub.Followers() == 0 {
		return
	}
	if _, since, held := i.keeper.Held(); held && time.Since(since) >= stream.FreshFor {
		i.hub.Heard(ctx)
		return
	}
	timer := time.NewTimer(stream.FreshFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// HandOn has the leader answer a request whose body was read. It waits for a leader as long as a create may; where there is none
// by then it returns false, and has written nothing.
func (i *Instance) HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool {
	return i.relay.HandOn(w, r, body)
}

// Handed tells whether another instance has handed a request on, which vouches for what it says of it.
func Handed(r *http.Request) bool { return relay.Handed(r) }

// Until is until when this instance may decide, if nothing else is heard of its lease; the zero time where it must not.
func (i *Instance) Until() time.Time {
	until, _, _ := i.keeper.Held()
	return until
}

// Highest is the largest epoch that was heard of.
func (i *Instance) Highest() uint64 { return i.keeper.Highest() }

// Leads returns the epoch that this instance leads under.
func (i *Instance) Leads() (epoch uint64, ok bool) {
	mine, ok := i.keeper.Mine()
	return mine.Epoch, ok && i.keeper.Leading()
}

// Holds returns the epoch of the lease that this instance has, and whether it has one: what it writes is taken, be it before it
// is ready to decide.
func (i *Instance) Holds() (epoch uint64, ok bool) { return i.keeper.Holds() }

// Owes tells whether this instance leads by a lease that the store has not got yet, for it was away when that began.
func (i *Instance) Owes() bool { return i.keeper.Owes() }

// Led tells whether another instance leads, as the store says.
func (i *Instance) Led() bool {
	l, _ := i.keeper.Leader()
	return l.Holder != "" && l.Holder != i.id
}

// Alone tells whether no other instance was there when that could last be seen.
func (i *Instance) Alone() bool { return i.members.alone() }

// May gives the right to end or delete something that is not ours alone: at a server, or on a shared disk. It is there only when
// the lease has been held for one lease time, so that whoever had it before has noticed; and the context ends before the
// lease may.
func (i *Instance) May(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	until, since, held := i.keeper.Held()
	if !held || !i.keeper.Leading() || time.Since(since) < i.parts.Config.Lease {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, false
	}
	ctx, cancel := context.WithCancel(ctx)
	go i.guard(ctx, cancel, until)
	return ctx, cancel, true
}

// guard ends a context when the lease may have run out. While it is renewed, the context goes on.
func (i *Instance) guard(ctx context.Context, cancel context.CancelFunc, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next, _, held := i.keeper.Held()
		if !held {
			cancel()
			return
		}
		timer.Reset(time.Until(next))
	}
}
