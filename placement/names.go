package placement

import (
	"cmp"

	"github.com/bbbpool/bbbpool/store"
)

// index finds meetings by a name that only one may have in the whole pool.
type index struct {
	of     func(store.Claim) string // the name; "" for none
	by     map[string]*meeting
	shared int // meetings whose name another one has: none, unless they were stored like that
}

func newIndex(of func(store.Claim) string) index { return index{of: of, by: map[string]*meeting{}} }

// enter gives a meeting its name, unless another one has it.
func (x *index) enter(m *meeting) {
	name := x.of(m.claim)
	switch other := x.by[name]; {
	case name == "":
	case other == nil:
		x.by[name] = m
	case other != m:
		x.shared++
	}
}

// leave takes the name away from a meeting. If others are called like that, too, one of them has it from now on, which is the
// same in every book.
func (x *index) leave(m *meeting, all map[store.MeetingKey]*meeting) {
	name := x.of(m.claim)
	switch holder := x.by[name]; {
	case name == "" || holder == nil:
		return
	case holder != m:
		x.shared--
		return
	}
	delete(x.by, name)
	if x.shared == 0 {
		return
	}
	var heir *meeting
	for key, other := range all {
		if other != m && x.of(other.claim) == name && (heir == nil || compareKeys(key, heir.claim.MeetingKey) < 0) {
			heir = other
		}
	}
	if heir != nil {
		x.by[name] = heir
		x.shared--
	}
}

// others tells whether a meeting of another key has the name.
func (x *index) others(name string, key store.MeetingKey) bool {
	holder := x.by[name]
	return holder != nil && holder.claim.MeetingKey != key
}

// alias is what servers are to know a meeting by: a meeting that is known keeps it, also where it moves to. No two meetings
// have one, or the second would be let into the first.
func (w *places) alias(key store.MeetingKey, wish Wish) (string, error) {
	switch m := w.meetings[key]; {
	case m != nil:
		return m.claim.Alias, nil
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
	return w.ids.others(s.OnServer(), s.Key) && (unclaimed || w.ids.by[s.OnServer()].page == p)
}

// voice is the voice bridge of a meeting: a meeting keeps its own, and gets none that another one has.
func (w *places) voice(key store.MeetingKey, wish Wish) string {
	if m := w.meetings[key]; m != nil && m.claim.Voice != "" {
		return m.claim.Voice
	}
	if w.voices.others(wish.Voice, key) {
		return ""
	}
	return wish.Voice
}
