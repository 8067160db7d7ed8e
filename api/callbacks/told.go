package callbacks

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// Keeping keeps the session of a stay that is over with what is written along with it, as recordings.Service.Remember does.
type Keeping = func(ctx context.Context, c store.Claim, s store.Session, along ...store.Along) error

// untold are the reasons for which a stay is over and its meeting is not, or not for certain: it goes on elsewhere, or somebody
// has given it up here and it may go on where it is. Every other end is told.
var untold = []string{"moved", "forgotten"}

// called are the reasons for which a server calls: it has ended the meeting itself, or been told to.
var called = []string{"ended", "gone"}

// Told is keep, with what front ends are to be told of the end.
func (c *Callbacks) Told(keep Keeping) Keeping {
	return func(ctx context.Context, claim store.Claim, s store.Session, along ...store.Along) error {
		list := c.ofEnd(claim, s)
		if len(list) > 0 {
			along = append(slices.Clone(along), store.Along{Callbacks: list})
		}
		err := keep(ctx, claim, s, along...)
		if err == nil && len(list) > 0 {
			c.nudge()
		}
		if err == nil && c.EndSeen != nil && !claim.Breakout && slices.Contains(called, s.Reason) {
			c.EndSeen(claim.Server)
		}
		return err
	}
}

// ofEnd is what front ends are to be told of an end. Of a breakout room BigBlueButton tells nobody.
func (c *Callbacks) ofEnd(claim store.Claim, s store.Session) (list []store.Callback) {
	if s.ID == "" || claim.Breakout || claim.Back == nil || slices.Contains(untold, s.Reason) {
		return nil
	}
	end, _ := claim.Back.Of(store.MetaEnd)
	marks, wait := c.marksOf(claim)
	for _, one := range []struct {
		kind  store.CallbackKind
		url   string
		marks string
		wait  time.Duration
	}{{store.CallbackEnded, claim.Back.Ended, "", 0}, {store.CallbackEnd, end, marks, wait}} {
		to, ok := c.goesTo(one.url)
		if !ok || !c.hasRoom(claim.Tenant, one.kind, len(to)) {
			continue
		}
		row := c.newRow(one.kind, claim.MeetingKey, s.ID, to)
		row.Signer, row.Marks, row.Reason = claim.Signer, one.marks, s.Reason
		if one.wait > 0 {
			row.Due = row.Created.Add(one.wait)
		}
		list = append(list, row)
	}
	return list
}

// marksWait is how long an end waits for what its server says of marks, where no test has it otherwise. A server calls both
// addresses one right behind the other.
const marksWait = 5 * time.Second

// marksOf is what is known of whether something was marked for recording, and how long that is waited for where it is not. Of a
// meeting that is not recorded nothing is.
func (c *Callbacks) marksOf(claim store.Claim) (marks string, wait time.Duration) {
	switch {
	case claim.Marks != "":
		return claim.Marks, 0
	case !claim.Recorded:
		return "false", 0
	}
	return "", cmp.Or(c.Config.MarksWait, marksWait)
}

// newRow is a row of the outbox that waits.
func (c *Callbacks) newRow(kind store.CallbackKind, key store.MeetingKey, subject, to string) store.Callback {
	now := c.Now().UTC()
	return store.Callback{
		ID: store.CallbackID(kind, subject, to), Kind: kind, Tenant: key.Tenant, MeetingID: key.MeetingID, Subject: subject,
		URL: to, Created: now, State: store.CallbackWaiting, Changed: now,
	}
}

// errSettled leaves a row as it is.
var errSettled = errors.New("nothing is to be changed")

// Complete is for marks that come when their meeting is over: the row that waits for them has them, and whoever keeps
// recordings hears of them. Of a stay that is not over, or that nobody knows, nothing follows, and it returns false.
//
// The row is found by the session, and not among those that wait: of these there may be many, and whoever is in a meeting can
// have this asked.
func (c *Callbacks) Complete(ctx context.Context, p address.Place, marks bool) (bool, error) {
	s, err := c.ended(ctx, p)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var asked string
	if s.Back != nil {
		asked, _ = s.Back.Of(store.MetaEnd)
	}
	if to, ok := c.goesTo(asked); ok {
		return c.complete(ctx, store.CallbackID(store.CallbackEnd, s.ID, to), s.ID, marks)
	}
	return true, c.heard(ctx, s.ID, marks)
}

// ended is the session of the stay that an address was made for, or store.ErrNotFound where there is none that front ends were
// told of.
func (c *Callbacks) ended(ctx context.Context, p address.Place) (store.Session, error) {
	sessions, err := c.Index.MeetingSessions(ctx, p.Tenant, c.Hash(p.MeetingKey), maxStays)
	if err != nil {
		return store.Session{}, err
	}
	for _, s := range sessions {
		if stayOf(p, s) && !slices.Contains(untold, s.Reason) {
			return s, nil
		}
	}
	return store.Session{}, store.ErrNotFound
}

// heard tells whoever keeps recordings.
func (c *Callbacks) heard(ctx context.Context, session string, marks bool) error {
	if c.Marked == nil {
		return nil
	}
	return c.Marked(ctx, session, marks)
}

// complete writes marks into the row of an end, unless it has some, or was tried without.
func (c *Callbacks) complete(ctx context.Context, id, session string, marks bool) (bool, error) {
	_, err := c.Index.UpdateCallback(ctx, id, func(now *store.Callback) error {
		if now.State != store.CallbackWaiting || now.Attempts > 0 || now.Marks != "" {
			return errSettled
		}
		now.Marks, now.Due, now.Changed = word(marks), time.Time{}, c.Now().UTC()
		return nil
	})
	if errors.Is(err, errSettled) || errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.nudge()
	return true, c.heard(ctx, session, marks)
}

// word is a mark as it stands in a row.
func word(marks bool) string {
	if marks {
		return "true"
	}
	return "false"
}

// stayOf tells whether a session is of the stay that an address was made for.
func stayOf(p address.Place, s store.Session) bool {
	return s.Tenant == p.Tenant && s.Server == p.Server && s.Start.Truncate(time.Millisecond).Equal(p.Placed)
}
