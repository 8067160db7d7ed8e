package book

import (
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// This file is about meetings that go on although their end was told: their server was away for too long, or left the pool, or
// did not list them for a while.

// empty tells whether nobody is in a meeting whose end was told. It stays over until somebody is: front ends would have to be
// told of its end once more.
func (r *recently) empty(server string, s Sighting) bool {
	lost, known := r.lost(s.Key, server, s.InternalID)
	return known && lost.told() && s.People+s.Rooms == 0
}

// comeBack is the claim of a meeting that goes on although its end was told: it has all that the one before had, and begins now.
func (c closing) comeBack(now time.Time) store.Claim {
	claim := c.stay.claim
	claim.Placed, claim.Marks = now, ""
	if !c.at.Before(now) { // by a clock that was set
		claim.Placed = c.at.Add(time.Millisecond)
	}
	return claim
}

// Remembers tells whether it is known how that meeting was closed on a server, so that it can go on.
func (b Record) Remembers(key store.MeetingKey, server, internalID string) bool {
	_, known := b.vanished.lost(key, server, internalID)
	return known || b.where.meetings[key] != nil
}

// JustOver tells whether a meeting that is stored as over is, whatever its server lists for a moment longer: a book that was
// begun meanwhile does not know.
func JustOver(s store.Session, now time.Time) bool {
	return s.Reason != Moved && s.Reason != Forgotten && !MayComeBack(s.Reason) && now.Sub(s.End) < recentlySpan
}

// Recalled has a book remember how a meeting that a server shows was closed, as the history has it.
func Recalled(server string, s Sighting, past store.Session) Change {
	if !MayComeBack(past.Reason) {
		return ClosingsKept{Closings: []ClosingKept{{
			Key: s.Key, Server: server, InternalID: s.InternalID, At: past.End, Reason: past.Reason,
		}}}
	}
	claim := store.Claim{
		MeetingKey: s.Key, Server: server, InternalID: s.InternalID, CreateTime: s.CreateTime, Placed: past.Start,
		Recorded: past.Recorded || s.Recorded, Hint: past.Hint, Why: past.Why, Alias: s.Alias, Signer: past.Signer, Back: past.Back,
	}
	claim.Name = nameToKeep(s.Name, claim.Recorded)
	return ClosingsKept{Vanished: true, Closings: []ClosingKept{{
		Key: s.Key, Server: server, InternalID: s.InternalID, At: past.End, Reason: past.Reason, Stay: &StayKept{Claim: claim},
	}}}
}

// AgainID is the ID of a session of a meeting that went on after its end was told, as its claim alone says it.
func AgainID(c store.Claim) string { return c.InternalID + again(c.Placed) }

func again(placed time.Time) string { return "~" + strconv.FormatInt(placed.UnixMilli(), 10) }

// cameBack tells whether a session that is stored is one of a meeting that went on after its end was told.
func cameBack(s store.Session) bool { return strings.HasSuffix(s.ID, again(s.Start)) }

// CameBack tells whether a stay is one of a meeting that went on although its end was told, as an earlier session of that meeting
// has it: it began after that end, or was seen after it.
func (f Finished) CameBack(earlier store.Session) bool {
	return MayComeBack(earlier.Reason) && earlier.Tenant == f.Claim.Tenant &&
		(!earlier.End.After(f.Claim.Placed) || f.Seen.After(earlier.End))
}
