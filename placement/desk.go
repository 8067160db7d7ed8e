package placement

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// Desk is the book behind its lock, for all who ask: where a meeting is, who is in it, what counts on a server. It is the part of
// the ledger that writes nothing down, and answers whether this instance leads or follows.
type Desk struct {
	follow func(Change) // Parts.Follow
	now    func() time.Time

	mu      sync.Mutex // guards what follows; never held over a call to the store
	book    *Book
	leading bool      // this instance decides
	term    *term     // the present one, or the last
	known   time.Time // when the book stopped being kept by an earlier term, or was heard last
	tellers []*teller // by whom others hear of the book
}

// leads tells whether a term still lasts. It is called under the lock.
func (d *Desk) leads(t *term) bool { return d.leading && t == d.term }

// present returns the term that lasts, or ErrFollower.
func (d *Desk) present() (*term, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.leading {
		return nil, ErrFollower
	}
	return d.term, nil
}

// apply makes a change, where this instance leads: elsewhere it is that one's to say.
func (d *Desk) apply(c Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leading {
		d.book.Apply(c)
	}
}

// Leads tells whether this instance decides.
func (d *Desk) Leads() bool {
	_, err := d.present()
	return err == nil
}

// SetServer adds a server, or changes its weight, tag or standing. Claims that wait for it are attached. Where another
// instance leads that says what servers there are.
func (d *Desk) SetServer(s Server) { d.apply(ServerSet{Server: s}) }

// Find returns where a meeting is, or ErrUnknown. While it is being created for the first time, or moved, it waits for
// the outcome, but no longer than the time given: a join that overtakes its create must not fail. It makes no call and no
// write. Where another instance leads it does not wait: ErrUnderWay says that there a create is under way, and whoever was
// created there just now is unknown here, so that both are to be asked for there.
func (d *Desk) Find(ctx context.Context, key store.MeetingKey, wait time.Duration) (Found, error) {
	found, outcome, err := d.find(key)
	if outcome == nil {
		return found, err // without a timer: this is the way of every join
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for outcome != nil {
		select {
		case <-outcome:
			found, outcome, err = d.find(key)
		case <-ctx.Done():
			return Found{}, ctx.Err()
		}
	}
	return found, err
}

// find returns where a meeting is as far as that is certain, else what to wait for.
func (d *Desk) find(key store.MeetingKey) (place Found, outcome <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if place, settled := d.book.Record().Settled(key); settled {
		return place, nil, nil
	}
	if !d.leading {
		_, err := d.book.Where(key)
		if err == nil {
			err = ErrUnderWay
		}
		return Found{}, nil, err
	}
	if outcome := d.term.turns.Over(key); outcome != nil {
		return Found{}, outcome, nil
	}
	return Found{}, nil, ErrUnknown
}

// Peek is Find for those that cannot wait: it tells where a meeting is going to be.
func (d *Desk) Peek(key store.MeetingKey) (Found, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Where(key)
}

// ByInternalID is [Book.ByInternalID].
func (d *Desk) ByInternalID(tenant, internalID string) (Found, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.ByInternalID(tenant, internalID)
}

// OnServers is [Book.OnServers].
func (d *Desk) OnServers(id string) (Found, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.OnServers(id)
}

// ByVoice is [Book.ByVoice].
func (d *Desk) ByVoice(number string) (Found, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.ByVoice(number)
}

// Breakout is [Book.Breakout].
func (d *Desk) Breakout(tenant, internalID string) (Found, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Breakout(tenant, internalID)
}

// Meetings returns all meetings, by tenant and ID.
func (d *Desk) Meetings() []Info {
	infos := make([]Info, 0, d.Count()+64) // nobody waits while the memory is found
	d.mu.Lock()
	infos = d.book.Meetings(d.now(), infos)
	d.mu.Unlock()
	slices.SortFunc(infos, func(a, b Info) int { return book.CompareKeys(a.MeetingKey, b.MeetingKey) })
	return infos
}

// Count returns how many meetings there are.
func (d *Desk) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Count()
}

// Tag returns the tag of a server; "" where it has none, or is not in the pool.
func (d *Desk) Tag(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Tag(id)
}

// ServerLoad returns what counts on a server now; a server that is not in the pool carries nothing.
func (d *Desk) ServerLoad(id string) Load {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.keepSeats()
	return d.book.ServerLoad(now, id)
}

// Capacity tells what the pool carries now.
func (d *Desk) Capacity() Capacity {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.keepSeats()
	return d.book.Capacity(now)
}

// keepSeats brings the seats up to date for a question, where this instance leads, and returns what time it is. It is called
// under the lock.
func (d *Desk) keepSeats() time.Time {
	now := d.now()
	if d.leading {
		d.book.KeepSeats(now)
	}
	return now
}

// Tally returns what a tenant has now. It costs the same however many meetings there are.
func (d *Desk) Tally(tenant string) Tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Tally(tenant, d.now())
}

// Tallies returns what each tenant has now that has something.
func (d *Desk) Tallies() map[string]Tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Tallies(d.now())
}

// Claims returns all claims as the book has them, in no order.
func (d *Desk) Claims() []store.Claim {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Record().Claims()
}

// Endings returns what servers owe as the book has it, in no order.
func (d *Desk) Endings() []store.Ending {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Record().Endings()
}

// Over is [Book.Over].
func (d *Desk) Over(server string, s Sighting) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Over(server, s)
}
