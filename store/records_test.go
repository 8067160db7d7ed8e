package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// A session that is added once more is what was added, but for what the one that stands knows better.
func TestSession_GoOn(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC) }
	back, other := &store.Back{Ended: "https://a.example.edu/"}, &store.Back{Ended: "https://b.example.edu/"}
	base := store.Session{ID: "i", Tenant: "t", Server: "s"}
	with := func(change func(*store.Session)) store.Session {
		s := base
		change(&s)
		return s
	}
	why := store.Decision{Basis: "hint"}
	for name, c := range map[string]struct{ standing, added, want store.Session }{
		"what was added": {
			with(func(s *store.Session) { s.End, s.Reason, s.Meeting, s.Recorded = at(1), "moved", "m", true }),
			with(func(s *store.Session) { s.End, s.Reason = at(2), "ended" }),
			with(func(s *store.Session) { s.End, s.Reason = at(2), "ended" }),
		},
		"each count the larger": {
			with(func(s *store.Session) { s.Peak, s.Joins = 7, 1 }),
			with(func(s *store.Session) { s.Peak, s.Joins = 2, 9 }),
			with(func(s *store.Session) { s.Peak, s.Joins = 7, 9 }),
		},
		"the earlier start": {
			with(func(s *store.Session) { s.Start = at(1) }),
			with(func(s *store.Session) { s.Start = at(2) }),
			with(func(s *store.Session) { s.Start = at(1) }),
		},
		"a start that is earlier now": {
			with(func(s *store.Session) { s.Start = at(2) }),
			with(func(s *store.Session) { s.Start = at(1) }),
			with(func(s *store.Session) { s.Start = at(1) }),
		},
		"the start that is known": {with(func(s *store.Session) { s.Start = at(1) }), base, with(func(s *store.Session) { s.Start = at(1) })},
		"no start before":         {base, with(func(s *store.Session) { s.Start = at(1) }), with(func(s *store.Session) { s.Start = at(1) })},
		"why it was there, with its hint": {
			with(func(s *store.Session) { s.Why, s.Hint = why, 5 }),
			with(func(s *store.Session) { s.Hint = 8 }),
			with(func(s *store.Session) { s.Why, s.Hint = why, 5 }),
		},
		"why it is there now": {
			with(func(s *store.Session) { s.Why, s.Hint = store.Decision{Basis: "history"}, 5 }),
			with(func(s *store.Session) { s.Why, s.Hint = why, 0 }),
			with(func(s *store.Session) { s.Why, s.Hint = why, 0 }),
		},
		"where it is called back, and who signed": {
			with(func(s *store.Session) { s.Back, s.Signer = back, "old" }), base,
			with(func(s *store.Session) { s.Back, s.Signer = back, "old" }),
		},
		"a signer of its own": {
			with(func(s *store.Session) { s.Back, s.Signer = back, "old" }),
			with(func(s *store.Session) { s.Signer = "new" }),
			with(func(s *store.Session) { s.Back, s.Signer = back, "new" }),
		},
		"addresses of its own": {
			with(func(s *store.Session) { s.Back, s.Signer = back, "old" }),
			with(func(s *store.Session) { s.Back = other }),
			with(func(s *store.Session) { s.Back = other }),
		},
	} {
		if got, err := c.standing.GoOn(c.added); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got, c.want)
		}
	}
}

// A server that lies about its meetings does not rewrite the history of others.
func TestSession_GoOnOfOthers(t *testing.T) {
	standing := store.Session{ID: "i", Tenant: "t", Server: "s", Peak: 1}
	for _, added := range []store.Session{
		{ID: "i", Tenant: "u", Server: "s", Peak: 2}, {ID: "i", Tenant: "t", Server: "r", Peak: 2},
	} {
		if got, err := standing.GoOn(added); !errors.Is(err, store.ErrExists) || got.Peak != 1 {
			t.Errorf("%+v: %v, %+v", added, err, got)
		}
	}
}
