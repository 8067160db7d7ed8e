package placement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Poll is what one round of asking a server saw.
type Poll struct {
	Server   string
	Began    time.Time     // before the server was asked
	Complete bool          // every meeting in the answer could be read: what is not in it is not on the server
	Ahead    time.Duration // the server's clock, of ours, as far as that is known
	Meetings []Sighting
}

// Sighting is a meeting that a poll saw. Of breakout rooms only those count that front ends have created; nobody is
// counted in them: they belong to their parent, whose people they borrow.
type Sighting struct {
	Key        store.MeetingKey
	InternalID string
	CreateTime int64 // by the server's clock, in milliseconds since 1970
	People     int
	Rooms      int // people in its breakout rooms
	Recorded   bool
	Name       string
	Ended      bool // over, and only listed until the server forgets it
	// Twin, of a stray: it is the very meeting that is claimed on another server. One machine is in the pool under two
	// names, or two servers gave one ID in the same millisecond; either way it must not be ended.
	Twin     bool
	Over     bool // of a stray: somebody who may has ended the meeting, so it is to be ended with people in it, too
	Breakout bool
}

// maxID is the length, in bytes, of the longest ID that a record is made of. BigBlueButton's are shorter.
const maxID = 1024

// storable tells whether a sighting can become a record.
func (s Sighting) storable() bool {
	return s.Key.MeetingID != "" && len(s.Key.MeetingID) <= maxID && len(s.Key.Tenant) <= maxID &&
		!strings.Contains(s.Key.Tenant, "\x00") && s.InternalID != "" && len(s.InternalID) <= maxID
}

// maxName is how much of a meeting's name its claim keeps, in bytes.
const maxName = 512

// called is the name that a claim keeps for the recording of its meeting.
func called(name string, recorded bool) string {
	if !recorded {
		return ""
	}
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "")
}

// BeginPoll must be called before a server is asked, so that joins sent from now on are not taken for counted.
func (l *Ledger) BeginPoll(server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.servers[server]; s != nil {
		s.epoch++
		s.asking = l.asked
	}
}

// Reconciled is what a poll showed that the claims cannot be brought in line with.
type Reconciled struct {
	// Strays are meetings that are claimed on another server, or were and are over, or were ended while the server was
	// away.
	Strays []Sighting
	// Excess is how many meetings that nobody claimed were not adopted, because the server lists too many of them.
	Excess int
}

// Reconcile brings the claims in line with what a poll saw. Counts are corrected; meetings that nobody claimed are
// adopted, and so are those whose claim is on a server that is gone; a claim whose meeting is over, or missing from two
// polls in a row, is closed. What is being created at the moment is left alone, and so is what was confirmed after the poll
// began.
func (l *Ledger) Reconcile(ctx context.Context, p Poll) (Reconciled, error) {
	found := l.compare(p)
	var errs []error
	for _, c := range found.over {
		_, err := l.Close(ctx, c, Ended)
		errs = append(errs, err)
	}
	for _, c := range found.gone {
		_, err := l.closeIf(ctx, c.MeetingKey, reasonGone, func(m *meeting) bool {
			return m.is(c) && m.missed >= patience
		})
		errs = append(errs, err)
	}
	for _, s := range found.unclaimed {
		errs = append(errs, l.adopt(ctx, p.Server, s, p.Began))
	}
	errs = append(errs, l.forgetEndings(ctx, found.done))
	return Reconciled{found.strays, found.excess}, errors.Join(errs...)
}

// findings is what a poll and the claims disagree on.
type findings struct {
	over, gone        []store.Claim
	unclaimed, strays []Sighting
	done              []store.Ending // what the server owed and no longer does
	excess            int            // unclaimed meetings that are too many to be adopted
}

// compare updates the counts and sorts out what has to be done about a poll, in memory alone.
func (l *Ledger) compare(p Poll) (found findings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	page := l.servers[p.Server]
	if page == nil {
		return found
	}
	page.ahead = max(page.ahead, p.Ahead)
	seen, there := make(map[*meeting]bool, len(p.Meetings)), map[Copy]bool{}
	unknown := 0 // people in meetings that nobody can ask for
	for _, s := range p.Meetings {
		s.People = min(max(s.People, 0), most)
		m := l.meetings[s.Key]
		if s.Breakout {
			s.People = 0
		}
		last, closed := l.closed.of(s.Key)
		switch {
		case !s.storable():
			unknown += s.People
		case l.over(p.Server, s):
			there[Copy{p.Server, s.InternalID}] = true
			if p.Complete {
				l.discover(p.Server, s)
			}
			if s.Over = true; !s.Ended {
				found.strays = append(found.strays, s)
			}
		case closed && last.is(p.Server, s.InternalID): // over, whatever the server still lists
		case m != nil && m.server == page:
			seen[m] = found.look(m, s) || seen[m]
		case s.Ended || s.Breakout || m != nil && m.creating:
		case m != nil && m.usable():
			s.Twin = m.claim.InternalID == s.InternalID
			found.strays = append(found.strays, s)
		case m == nil && closed && last.covers(s, p.Began):
			found.strays = append(found.strays, s)
		default:
			found.unclaimed = append(found.unclaimed, s)
		}
	}
	var excess []Sighting
	found.unclaimed, excess = l.adoptable(page, l.unknown(found.unclaimed))
	found.excess = len(excess)
	page.stray(slices.Concat(found.strays, excess), unknown)
	found.done = l.done(p, there)
	if p.Complete {
		found.gone = page.missing(seen, p.Began)
		page.shown, page.whole, page.ahead = page.asking, page.epoch, p.Ahead
	}
	return found
}

// unknown leaves those out whose internal ID is that of another meeting that is going on: a server that tells of it as
// one of its own must not get its recording. The lock is held.
func (l *Ledger) unknown(list []Sighting) []Sighting {
	if len(list) == 0 {
		return nil
	}
	live := make(map[string]store.MeetingKey, len(l.meetings))
	for key, m := range l.meetings {
		live[m.claim.InternalID] = key
	}
	return slices.DeleteFunc(list, func(s Sighting) bool {
		key, ok := live[s.InternalID]
		return ok && key != s.Key
	})
}

// look draws the conclusions from a sighting of a meeting that is claimed on the server. It returns false where that
// is another session by the same name: one that is over, or one that was begun without us. The latter is adopted once
// the claim is found to be gone.
func (f *findings) look(m *meeting, s Sighting) bool {
	same := m.claim.InternalID == s.InternalID
	switch {
	case s.Ended:
		if same {
			f.over = append(f.over, m.claim)
		}
		return same
	case same || m.claim.InternalID == "":
		m.sighted(s)
		return true
	}
	f.unclaimed = append(f.unclaimed, s)
	return false
}

// patience is how many polls in a row must miss a meeting before it counts as gone.
const patience = 2

// missing returns the claims of meetings that too many polls in a row have not seen, although they began after the
// server had confirmed the meeting. For one that is being created only what its create comes to counts.
func (s *server) missing(seen map[*meeting]bool, began time.Time) (gone []store.Claim) {
	for _, m := range s.meetings {
		if seen[m] || m.creating || !m.confirmed.Before(began) {
			continue
		}
		if m.missed++; m.missed >= patience {
			gone = append(gone, m.claim)
		}
	}
	return gone
}

// adopt claims a meeting for the server that it was seen on. While that server is gone the claim would hold nothing.
func (l *Ledger) adopt(ctx context.Context, server string, s Sighting, began time.Time) error {
	if !l.try(s.Key) {
		return nil
	}
	c := l.begun(s.Key)
	defer c.End()
	l.mu.Lock()
	page := l.servers[server]
	last, closed := l.closed.of(s.Key)
	over := l.over(server, s) || closed && (last.is(server, s.InternalID) || c.meeting == nil && last.covers(s, began))
	if over || page == nil || page.Standing == Gone || c.meeting != nil && c.meeting.usable() {
		l.mu.Unlock()
		return nil // something else was faster
	}
	l.takeSeat(c.room)
	known := l.seenAgain(server, s)
	if known == nil {
		known = &stay{claim: store.Claim{
			MeetingKey: s.Key, Server: server, InternalID: s.InternalID, CreateTime: s.CreateTime,
			Placed: l.created(s.CreateTime), Expected: l.expect(s.Key.Tenant, c.room, Wish{}).people, Recorded: s.Recorded,
			Name: called(s.Name, s.Recorded),
		}}
	}
	claim := known.claim
	before := c.record(claim)
	c.meeting.peak, c.meeting.joins = known.peak, known.joins
	c.meeting.sighted(s)
	l.mu.Unlock()
	err := c.commit(ctx, claim, before)
	if err == nil {
		err = l.write(ctx, func() error { return l.remember(ctx, before.replaced(l.now(), s.InternalID)) })
	}
	if err != nil {
		return fmt.Errorf("adopt %s: %w", s.Key.MeetingID, err)
	}
	return nil
}

// seenAgain returns the stay of a meeting that was lost from sight on that server just now, to go on with it; nil where
// there is none. The lock is held.
func (l *Ledger) seenAgain(server string, s Sighting) *stay {
	last, ok := l.vanished.of(s.Key)
	if !ok || !last.is(server, s.InternalID) {
		return nil
	}
	l.vanished.forget(s.Key)
	return last.stay
}

// created is when a meeting began, by the clock of its server as far as that can be true.
func (l *Ledger) created(ms int64) time.Time {
	now := l.now()
	if t := time.UnixMilli(ms); ms > 0 && t.Before(now) {
		return t
	}
	return now
}
