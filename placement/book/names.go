package book

import (
	"cmp"
	"maps"

	"github.com/bbbpool/bbbpool/placement/names"
	"github.com/bbbpool/bbbpool/placement/settings"
	"github.com/bbbpool/bbbpool/store"
)

// index finds meetings by a name that only one may have in the whole pool.
type index struct{ *names.Index[*meeting] }

func (w *places) newIndex(of func(store.Claim) string) index {
	before := func(a, b *meeting) bool { return CompareKeys(a.claim.MeetingKey, b.claim.MeetingKey) < 0 }
	return index{names.New(func(m *meeting) string { return of(m.claim) }, maps.Values(w.meetings), before)}
}

// others tells whether a meeting of another key has the name.
func (x index) others(name string, key store.MeetingKey) bool {
	holder, found := x.Holder(name)
	return found && holder.claim.MeetingKey != key
}

// alias is what servers are to know a meeting by: a meeting that is known keeps it, also where it moves to. No two meetings
// have one, or the second would be let into the first.
func (w *places) alias(known *meeting, key store.MeetingKey, wish *Wish) (string, error) {
	switch {
	case known != nil:
		return known.claim.Alias, nil
	case !w.ids.others(cmp.Or(wish.Alias, key.MeetingID), key):
		return wish.Alias, nil
	case wish.Spare != "" && !w.ids.others(wish.Spare, key):
		return wish.Spare, nil
	}
	return "", ErrForeign
}

// foreign tells whether a sighting has an ID by which servers know another meeting. It is not adopted then, and on the server
// that the other one is on it is no copy of its own that could be ended.
func (w *places) foreign(s Sighting, unclaimed bool, p *page) bool {
	holder, found := w.ids.Holder(s.OnServer())
	return found && holder.claim.MeetingKey != s.Key && (unclaimed || holder.page == p)
}

// voice is the voice bridge of a meeting: a meeting keeps its own, and gets none that another one has. Where the pool gives out
// bridges there is one that no other meeting has, or ErrVoice.
func (w *places) voice(give *settings.Bridges, known *meeting, key store.MeetingKey, asked string) (string, error) {
	switch {
	case known != nil && known.claim.Voice != "":
		return known.claim.Voice, nil
	case give.On() && (!give.External || !dialled(asked)):
		return w.freeVoice(give, key)
	case asked == "" || !w.voices.others(asked, key):
		return asked, nil
	case give.On():
		return "", ErrVoice
	}
	return "", nil
}

// freeVoice returns the first of a meeting's voice bridges that no other one has.
func (w *places) freeVoice(give *settings.Bridges, key store.MeetingKey) (string, error) {
	for number := range give.Numbers(key.MeetingID, give.Length) {
		if !w.voices.others(number, key) {
			return number, nil
		}
	}
	return "", ErrVoice
}

// ByVoice returns the meeting that has a voice bridge, or ErrUnknown.
func (b *Book) ByVoice(number string) (Found, error) {
	m, _ := b.where.voices.Holder(number)
	return found(m)
}
