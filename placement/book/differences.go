package book

import (
	"maps"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/owing"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// Differences returns the changes that bring a book in line with what a store has, which is the truth: the book was kept by
// following another one, up to some moment, or is empty. What is under way in it is over then, as the store has it.
//
// What the store alone has is entered. What the book alone has was never written down, and is as if it had not been; or it was
// closed, and may be gone on with if a server shows that it lasts. Where both have a meeting the store says where it is, and
// the book who is in it.
func (b Record) Differences(
	now time.Time, claims []store.Claim, endings []store.Ending, room func(store.MeetingKey) forecast.Room,
) (list []Change) {
	list = b.endingDifferences(endings)
	stored := make(map[store.MeetingKey]store.Claim, len(claims))
	for _, c := range claims {
		stored[c.MeetingKey] = c
		if b.where.meetings[c.MeetingKey] == nil {
			list = append(list, ClaimLoaded{At: now, Claim: c, Room: room(c.MeetingKey)})
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(b.where.meetings), CompareKeys) {
		m := b.where.meetings[key]
		if c, stands := stored[key]; stands {
			list = append(list, m.stands(now, c)...)
		} else {
			list = append(list, m.unwritten(now))
		}
		if m.creating {
			list = append(list, CreateOver{Key: key})
		}
	}
	return list
}

// stands brings a meeting in line with the claim that the store has.
func (m *meeting) stands(now time.Time, c store.Claim) (list []Change) {
	if m.isAt(c) {
		if m.claim.InternalID == "" && c.InternalID != "" {
			list = append(list, ClaimLoaded{At: now, Claim: c, Room: m.room})
		}
		if m.claim.Marks != c.Marks && m.claim.InternalID == c.InternalID { // and not those of the one before
			list = append(list, ClaimMarked{Claim: c})
		}
		return list
	}
	for i := len(m.replaced) - 1; i >= 0; i-- {
		list = append(list, ClaimTakenBack{At: now, Key: c.MeetingKey})
		if m.replaced[i].isAt(c) {
			return list
		}
	}
	return []Change{ClaimLoaded{At: now, Claim: c, Room: m.room}}
}

// unwritten takes away a meeting that the store does not know.
func (m *meeting) unwritten(now time.Time) Change {
	if m.claim.InternalID == "" && len(m.replaced) > 0 && m.replaced[0].claim.Server == "" {
		return ClaimTakenBack{At: now, Key: m.claim.MeetingKey, Every: true}
	}
	return ClaimClosed{At: now, Claim: m.claim, Reason: Forgotten}
}

// isAt tells whether a stay is the one that a claim is of.
func (s *stay) isAt(c store.Claim) bool {
	return s.claim.Server == c.Server && s.claim.Placed.Equal(c.Placed)
}

func (b Record) endingDifferences(endings []store.Ending) (list []Change) {
	owed := map[store.MeetingKey]map[owing.Copy]bool{}
	for _, e := range endings {
		if owed[e.MeetingKey] == nil {
			owed[e.MeetingKey] = map[owing.Copy]bool{}
		}
		owed[e.MeetingKey][owing.CopyOf(e)] = true
		if old, known := b.owed.Of(e.MeetingKey)[owing.CopyOf(e)]; !known || !old.Asked.Equal(e.Asked) {
			list = append(list, EndingOwed{e})
		}
	}
	for _, e := range b.Endings() {
		if !owed[e.MeetingKey][owing.CopyOf(e)] {
			list = append(list, EndingForgotten{e})
		}
	}
	return list
}

// Recalled tells whether the book has the history, and when meetings were begun within the last hour.
func (b Record) Recalled() bool { return b.recalled }

// HistoryEmptied forgets what is known of the past, of which some is missing: it is read again, whole.
type HistoryEmptied struct{ At time.Time }

func (c HistoryEmptied) apply(b *Book) {
	b.forecast, b.recalled = newForecast(b.config), false
	for _, t := range b.where.tenants {
		t.Begun = quota.Hour{}
	}
	for _, m := range b.where.meetings {
		if !m.begun.IsZero() {
			m.tenant.Begun.Add(m.begun, c.At)
		}
	}
}
