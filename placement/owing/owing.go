// Package owing keeps what servers owe of meetings that were ended: the end of each copy, until the server is seen without it. It
// finds them by meeting, by the ID that servers know a meeting by, and by server. Who owes what, and what follows, its caller
// says; it asks no server and stores nothing.
package owing

import (
	"fmt"
	"maps"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Copy tells copies of a meeting apart.
type Copy struct{ Server, InternalID string }

// Owed is what servers owe: the end of each of these copies, until they are seen without it.
type Owed struct {
	of   map[store.MeetingKey]map[Copy]store.Ending
	keys map[string]map[store.MeetingKey]int // how many copies of each meeting, by the ID that servers know them by
}

// New returns what nobody owes anything of yet.
func New() Owed {
	return Owed{map[store.MeetingKey]map[Copy]store.Ending{}, map[string]map[store.MeetingKey]int{}}
}

// CopyOf is the copy whose end is owed.
func CopyOf(e store.Ending) Copy { return Copy{e.Server, e.InternalID} }

// Add enters endings, in the place of older ones of the same copies.
func (o Owed) Add(list ...store.Ending) {
	for _, e := range list {
		o.Drop(o.of[e.MeetingKey][CopyOf(e)])
		if o.of[e.MeetingKey] == nil {
			o.of[e.MeetingKey] = map[Copy]store.Ending{}
		}
		o.of[e.MeetingKey][CopyOf(e)] = e
		if o.keys[e.OnServer()] == nil {
			o.keys[e.OnServer()] = map[store.MeetingKey]int{}
		}
		o.keys[e.OnServer()][e.MeetingKey]++
	}
}

// Drop takes out an ending, if there is one.
func (o Owed) Drop(e store.Ending) {
	endings, keys := o.of[e.MeetingKey], o.keys[e.OnServer()]
	if _, has := endings[CopyOf(e)]; !has {
		return
	}
	if delete(endings, CopyOf(e)); len(endings) == 0 {
		delete(o.of, e.MeetingKey)
	}
	if keys[e.MeetingKey]--; keys[e.MeetingKey] == 0 {
		delete(keys, e.MeetingKey)
	}
	if len(keys) == 0 {
		delete(o.keys, e.OnServer())
	}
}

// Has tells whether a server owes the end of that very copy.
func (o Owed) Has(key store.MeetingKey, c Copy) bool {
	_, has := o.of[key][c]
	return has
}

// HasAny tells whether a server owes the end of that very copy of a meeting, or of another one that servers know by the
// same ID: without scopes it may have been another tenant's.
func (o Owed) HasAny(key store.MeetingKey, onServer string, c Copy) bool {
	if o.Has(key, c) {
		return true
	}
	for other := range o.keys[onServer] {
		if o.Has(other, c) {
			return true
		}
	}
	return false
}

// Forget drops an ending that still stands as given.
func (o Owed) Forget(e store.Ending) {
	if old, has := o.of[e.MeetingKey][CopyOf(e)]; has && old.Asked.Equal(e.Asked) {
		o.Drop(old)
	}
}

// Servers returns those that may have a copy still of the meeting, although it was ended.
func (o Owed) Servers(key store.MeetingKey) (list []string) {
	for c := range o.of[key] {
		list = append(list, c.Server)
	}
	return list
}

// Foreign returns the servers that may have a copy still of another meeting that was ended and that they know by an ID.
func (o Owed) Foreign(key store.MeetingKey, onServer string) (list []string) {
	for other := range o.keys[onServer] {
		if other == key {
			continue
		}
		for c, e := range o.of[other] {
			if e.OnServer() == onServer {
				list = append(list, c.Server)
			}
		}
	}
	return list
}

// About returns what is owed of one copy, and of copies on its server that nobody knew.
func (o Owed) About(key store.MeetingKey, known Copy) (list []store.Ending) {
	for _, c := range []Copy{known, {Server: known.Server}} {
		if e, has := o.of[key][c]; has {
			list = append(list, e)
		}
	}
	return list
}

// Of returns what is owed of a meeting, copy by copy. Nobody changes it.
func (o Owed) Of(key store.MeetingKey) map[Copy]store.Ending { return o.of[key] }

// Meetings returns of how many meetings something is owed.
func (o Owed) Meetings() int { return len(o.of) }

// All returns everything that is owed, in no order.
func (o Owed) All() (list []store.Ending) {
	for _, endings := range o.of {
		for _, e := range endings {
			list = append(list, e)
		}
	}
	return list
}

// By returns what a server owes.
func (o Owed) By(server string) (list []store.Ending) {
	for _, endings := range o.of {
		for c, e := range endings {
			if c.Server == server {
				list = append(list, e)
			}
		}
	}
	return list
}

// Longest is how long a server owes the end of a copy that it does not show, where its answers can never be read whole.
const Longest = 24 * time.Hour

// Seen is what a poll of a server saw of what it owes.
type Seen struct {
	Server   string
	Began    time.Time
	Complete bool          // what is not listed is not there
	Listed   map[Copy]bool // over, and still on the server
}

// Paid returns what a poll shows to be over: copies that were owed before it began and that its server lists no more, not
// even as over; what is owed of any copy, once it lists none, or has not been seen for too long.
func (o Owed) Paid(p Seen, now time.Time) (list []store.Ending) {
	for _, endings := range o.of {
		for c, e := range endings {
			before := e.Asked.Before(p.Began) || e.Asked.After(now) // by a clock that was set back before a restart
			late := p.Began.Sub(e.Asked) > Longest
			switch {
			case c.Server != p.Server:
				if late && c.InternalID == "" {
					list = append(list, e)
				}
			case before && (p.Complete || late) && !p.listed(c, endings):
				list = append(list, e)
			}
		}
	}
	return list
}

// listed tells whether a copy was seen or, of one that nobody knew, any.
func (p Seen) listed(c Copy, endings map[Copy]store.Ending) bool {
	if c.InternalID != "" {
		return p.Listed[c]
	}
	for other := range endings {
		if p.Listed[other] {
			return true
		}
	}
	return false
}

// Check compares the endings by meeting with those by the ID that servers know.
func (o Owed) Check() error {
	named := map[string]map[store.MeetingKey]int{}
	for key, endings := range o.of {
		if len(endings) == 0 {
			return fmt.Errorf("nothing is owed of %v, and an entry is left", key)
		}
		for c, e := range endings {
			if c != CopyOf(e) || e.MeetingKey != key {
				return fmt.Errorf("%+v is entered as %v of %v", e, c, key)
			}
			if named[e.OnServer()] == nil {
				named[e.OnServer()] = map[store.MeetingKey]int{}
			}
			named[e.OnServer()][key]++
		}
	}
	if !maps.EqualFunc(named, o.keys, maps.Equal) {
		return fmt.Errorf("owed by their IDs on servers: %v, counted again: %v", o.keys, named)
	}
	return nil
}
