package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Why a claim is closed, in the history.
const (
	reasonGone    = "gone"    // the server does not know the meeting any more
	reasonMoved   = "moved"   // created on another server
	reasonRemoved = "removed" // its server has left the pool

	// Ended: the server said so, or somebody who may.
	Ended = "ended"
	// Forgotten: given up by people, while it may go on where it is. If it is seen again it is claimed again.
	Forgotten = "forgotten"
)

// Close turns a claim into a session, and keeps polls that were on their way from adopting it. If the claim has changed
// since it was found, or the meeting is just being created, Close returns false. The reason is one word.
func (l *Ledger) Close(ctx context.Context, c store.Claim, reason string) (bool, error) {
	return l.closeIf(ctx, c.MeetingKey, reason, func(m *meeting) bool { return m.is(c) })
}

// is tells whether a claim that was handed out earlier still stands. It may have got its internal ID since.
func (m *meeting) is(c store.Claim) bool {
	return m.claim.Server == c.Server && m.claim.Placed.Equal(c.Placed) &&
		(c.InternalID == "" || m.claim.InternalID == c.InternalID)
}

// closeIf closes a claim that still passes a check once nobody else can change it. The lock is held during the check.
func (l *Ledger) closeIf(
	ctx context.Context, key store.MeetingKey, reason string, check func(*meeting) bool,
) (bool, error) {
	if !l.try(key) {
		return false, nil
	}
	return l.finish(ctx, key, reason, check)
}

// closeRemoved closes claims whose server has left the pool, unless it is back by now.
func (l *Ledger) closeRemoved(ctx context.Context, claims []store.Claim) error {
	var errs []error
	for _, c := range claims {
		err := l.take(ctx, c.MeetingKey)
		if err == nil {
			_, err = l.finish(ctx, c.MeetingKey, reasonRemoved, func(m *meeting) bool {
				return m.claim.Server == c.Server && m.server == nil
			})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// finish closes a claim and gives up the turn, which the caller has. The claim leaves memory after the store: if that
// fails it still stands in both.
func (l *Ledger) finish(
	ctx context.Context, key store.MeetingKey, reason string, check func(*meeting) bool,
) (closed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.release(key)
	m := l.meetings[key]
	if m == nil || !check(m) {
		return false, nil
	}
	over := m.end(l.now(), reason)
	l.mu.Unlock()
	err = l.write(ctx, func() error { return l.settle(ctx, over) })
	l.mu.Lock()
	if err != nil {
		return false, fmt.Errorf("close claim %s: %w", key.MeetingID, err)
	}
	stay := m.stay
	l.drop(m)
	if reason == reasonGone || reason == reasonRemoved || reason == Forgotten {
		l.vanished.add(key, closing{server: over.claim.Server, internalID: over.claim.InternalID, at: l.now(), stay: &stay})
	} else {
		l.closed.add(key, closing{server: over.claim.Server, internalID: over.claim.InternalID, at: l.now()})
	}
	return true, nil
}

// settle writes the session first: a crash in between closes the claim once more, under the same session ID.
func (l *Ledger) settle(ctx context.Context, p past) error {
	if err := l.remember(ctx, p); err != nil {
		return err
	}
	return ignoreMissing(l.state.DeleteClaim(ctx, p.claim))
}

// remember adds a stay to the history. A meeting that no server ever had leaves nothing.
func (l *Ledger) remember(ctx context.Context, p past) error {
	if p.session.ID == "" {
		return nil
	}
	p.session.Meeting = l.Hash(p.claim.MeetingKey)
	if err := l.sessions.Remember(ctx, p.claim, p.session); err != nil {
		return err
	}
	if !p.claim.Breakout {
		l.learnOwn(p.session)
	}
	return nil
}

// past is a stay that is over.
type past struct {
	claim   store.Claim
	session store.Session
}

// end makes a stay a past one.
func (s *stay) end(now time.Time, reason string) past { return past{s.claim, s.session(now, reason)} }

// replaced is the past of a stay that another one has replaced, empty where the meeting is the same.
func (s *stay) replaced(now time.Time, internalID string) past {
	if s.claim.InternalID == internalID {
		return past{}
	}
	return s.end(now, reasonMoved)
}

// ignoreMissing takes a claim that is gone, or another's by now, for removed.
func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// closing is the end of a claim. Server and internal ID belong together: two servers that create a meeting in the same
// millisecond give it the same internal ID, and a server may give any.
type closing struct {
	server     string
	internalID string
	at         time.Time
	asked      int   // which of all ends by somebody who may it was, wherever the meeting was; 0 where nobody has asked
	stay       *stay // of one that may be seen again, to go on with
}

// is tells whether it was that very meeting.
func (c closing) is(server, internalID string) bool {
	return c.server == server && c.internalID == internalID
}

// covers tells whether another meeting by that name, of nobody's, was over by then, too: a copy that was made by a create
// which was taken for failed. One that a poll sees people in that began after that is not over. Where somebody has asked for
// the end it is over that tells.
func (c closing) covers(s Sighting, began time.Time) bool {
	return c.asked == 0 && s.CreateTime <= c.at.UnixMilli() && (s.People+s.Rooms == 0 || !began.After(c.at))
}

// recently remembers the last closing of each meeting, for at least one span. A server may list a meeting for a while
// after its end, and a poll may have been on its way: neither must bring the claim back.
type recently struct {
	since        time.Time
	young, older map[store.MeetingKey]closing
}

const recentlySpan = 10 * time.Minute

func (r *recently) add(key store.MeetingKey, c closing) {
	if c.internalID == "" && c.asked == 0 {
		return
	}
	if c.at.Sub(r.since) >= recentlySpan {
		r.since, r.older, r.young = c.at, r.young, map[store.MeetingKey]closing{}
	}
	r.young[key] = c
}

func (r *recently) forget(key store.MeetingKey) {
	delete(r.young, key)
	delete(r.older, key)
}

func (r *recently) of(key store.MeetingKey) (c closing, ok bool) {
	if c, ok = r.young[key]; !ok {
		c, ok = r.older[key]
	}
	return c, ok
}
