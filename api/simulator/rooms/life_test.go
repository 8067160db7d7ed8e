package rooms_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// A meeting ends by itself for each of four reasons, at its time and not before, and where no time is set not for that
// reason at all.
func TestPass_Expiry(t *testing.T) {
	const minute = time.Minute
	come := func(r *rooms.Rooms, moderators int) {
		_ = r.AddPeople("room", rooms.Crowd{Count: 2, Moderators: moderators}, now)
	}
	leave := func(r *rooms.Rooms, count int, after time.Duration) { _ = r.Leave("room", count, now.Add(after)) }
	for name, c := range map[string]struct {
		expiry rooms.Expiry
		before func(r *rooms.Rooms)
		ends   time.Duration // 0: it goes on
	}{
		"nothing":       {rooms.Expiry{}, func(*rooms.Rooms) {}, 0},
		"duration":      {rooms.Expiry{Duration: 7 * minute, Deserted: minute}, func(r *rooms.Rooms) { come(r, 1) }, 7 * minute},
		"never joined":  {rooms.Expiry{NeverJoined: 5 * minute, Deserted: minute}, func(*rooms.Rooms) {}, 5 * minute},
		"somebody came": {rooms.Expiry{NeverJoined: 5 * minute}, func(r *rooms.Rooms) { come(r, 0) }, 0},
		"deserted":      {rooms.Expiry{NeverJoined: minute, Deserted: 3 * minute}, func(r *rooms.Rooms) { come(r, 0); leave(r, 0, minute) }, 4 * minute},
		"came back":     {rooms.Expiry{Deserted: 3 * minute}, func(r *rooms.Rooms) { come(r, 0); leave(r, 0, minute); come(r, 0) }, 0},
		"no moderator": {rooms.Expiry{NoModerator: 2 * minute}, func(r *rooms.Rooms) {
			_ = r.AddPeople("room", rooms.Crowd{Count: 1}, now)
			come(r, 2)
			leave(r, 2, minute)
		}, 3 * minute},
		"never one":      {rooms.Expiry{NoModerator: 2 * minute}, func(r *rooms.Rooms) { come(r, 0) }, 0},
		"another one":    {rooms.Expiry{NoModerator: 2 * minute}, func(r *rooms.Rooms) { come(r, 2); leave(r, 1, minute) }, 0},
		"one comes back": {rooms.Expiry{NoModerator: 2 * minute}, func(r *rooms.Rooms) { come(r, 0); come(r, 2); leave(r, 2, minute); come(r, 1) }, 0},
	} {
		var over []string
		r := house(&over)
		m := admit(t, r, rooms.Wanted{ID: "room", Expiry: c.expiry})
		c.before(r)
		if c.ends == 0 {
			if r.Pass(now.Add(1000 * time.Hour)); m.IsOver() {
				t.Errorf("%s: it has ended", name)
			}
			continue
		}
		if r.Pass(now.Add(c.ends - 1)); m.IsOver() {
			t.Errorf("%s: it has ended too early", name)
		}
		if r.Pass(m.Created.Add(c.ends)); !m.IsOver() || !m.EndedAt().Equal(m.Created.Add(c.ends)) || r.Count() != 0 {
			t.Errorf("%s: it ended at %v", name, m.EndedAt())
		}
	}
}

// openBreakouts opens breakout rooms as a server does, and returns them.
func openBreakouts(t *testing.T, r *rooms.Rooms, id string, count int) (list []*rooms.Meeting) {
	t.Helper()
	ids, err := r.AddBreakouts(id, rooms.Breakouts{Rooms: count}, now, func(p bbb.Params) rooms.Wanted {
		sequence, _ := strconv.Atoi(p.Get("sequence"))
		return rooms.Wanted{
			ID: p.Get("meetingID"), Name: p.Get("name"), Record: true,
			Room: rooms.Room{Breakout: p.Get("isBreakout") == "true", Parent: p.Get("parentMeetingID"), Sequence: sequence},
		}
	})
	if err != nil || len(ids) != count {
		t.Fatalf("opened %v, %v", ids, err)
	}
	for _, room := range ids {
		list = append(list, r.Find(room))
	}
	return list
}

// Whoever ends a meeting ends its breakout rooms, takes the sessions of all who are in, and frees its numbers; it is
// remembered until it has lingered, and told of then.
func TestEnd(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room", Name: "Maths", Voice: "12345", WebVoice: "web", Record: true})
	someone := &rooms.Person{Meeting: m, Internal: "w_1", UserID: "1"}
	coming := &rooms.Person{Meeting: m, Internal: "w_2", UserID: "2"}
	guest := &rooms.Person{Meeting: m, Internal: "w_3", UserID: "3"}
	r.LetIn(someone, now, 0, false)
	r.LetIn(coming, now, time.Minute, false)
	r.LetIn(guest, now, 0, true)
	if !someone.IsIn() || coming.IsIn() || guest.IsIn() || m.View().Waiting != 2 {
		t.Errorf("in: %v, %v, %v; %+v", someone.IsIn(), coming.IsIn(), guest.IsIn(), m.View())
	}
	list := openBreakouts(t, r, "room", 2)
	second := list[1].View()
	if second.Name != "Maths (Room 2)" || second.ParentID != m.Internal || !second.Breakout || list[1].Room.Sequence != 2 ||
		second.MeetingID == second.InternalID || !strings.HasSuffix(second.InternalID, "-1760000000123") {
		t.Errorf("the second room is %+v", second)
	}
	if text := string(list[1].XML()); !strings.Contains(text, "<parentMeetingID>"+m.Internal+"</parentMeetingID><sequence>2</sequence>") {
		t.Errorf("the second room says %s", text)
	}
	if next := openBreakouts(t, r, "room", 1); next[0].Room.Sequence != 3 {
		t.Errorf("the next one is number %d", next[0].Room.Sequence)
	}
	r.End(list[0], now)
	if text := string(m.XML()); strings.Contains(text, list[0].Internal) || !strings.Contains(text, list[1].Internal) {
		t.Errorf("a room has ended, and the meeting says %s", text)
	}

	if err := r.EndByID("room", now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if !m.IsOver() || m.GoesOn() || !list[1].IsOver() || r.Count() != 0 || len(m.People.In()) != 0 || m.View().Waiting != 0 {
		t.Errorf("after the end: %+v, %d go on", m.View(), r.Count())
	}
	for _, p := range []*rooms.Person{someone, coming, guest} {
		if r.Session(p.Session) != nil {
			t.Errorf("%s still has a session", p.UserID)
		}
	}
	r.End(m, now.Add(time.Minute))
	if !m.EndedAt().Equal(now.Add(time.Second)) {
		t.Errorf("ended again, at %v", m.EndedAt())
	}
	if r.Pass(now.Add(3*time.Second - 1)); r.Find("room") != m || slices.Contains(over, "room") {
		t.Errorf("forgotten too early: %v", over)
	}
	r.Pass(now.Add(3 * time.Second))
	if r.Find("room") != nil || r.Find(m.Internal) != nil || len(r.All()) != 0 || len(over) != 4 {
		t.Errorf("after it has lingered, %d are there, told of are %v", len(r.All()), over)
	}
	admit(t, r, rooms.Wanted{ID: "room", Voice: "12345", WebVoice: "web"})
}

// A meeting with the ID of one that has ended is a new one, which the end of the old one does not take away.
func TestForget_NewerMeeting(t *testing.T) {
	var over []string
	r := house(&over)
	old := admit(t, r, rooms.Wanted{ID: "room"})
	r.End(old, now)
	young := admit(t, r, rooms.Wanted{ID: "room"})
	if young == old || young.Internal == old.Internal || r.Find("room") != young || r.Find(old.Internal) != old {
		t.Errorf("%s after %s", young.Internal, old.Internal)
	}
	r.Pass(now.Add(2 * time.Second))
	if r.Find("room") != young || r.Find(old.Internal) != nil || len(over) != 1 {
		t.Errorf("told of are %v", over)
	}
}

// A recording comes of a meeting that is to be recorded, if somebody was there or has ended it; never of a probe.
func TestMeeting_IsRecorded(t *testing.T) {
	probe := rooms.Pairs{{Name: bbb.ProbeMark, Value: "true"}}
	for name, c := range map[string]struct {
		want  rooms.Wanted
		come  bool
		order bool
		is    bool
	}{
		"attended":         {rooms.Wanted{Record: true}, true, false, true},
		"ended by order":   {rooms.Wanted{Record: true}, false, true, true},
		"nobody came":      {rooms.Wanted{Record: true}, false, false, false},
		"not to be":        {rooms.Wanted{}, true, true, false},
		"a probe":          {rooms.Wanted{Record: true, Metadata: probe}, true, true, false},
		"other metadata":   {rooms.Wanted{Record: true, Metadata: rooms.Pairs{{Name: "x", Value: "true"}}}, true, false, true},
		"a probe, of none": {rooms.Wanted{Metadata: probe}, false, false, false},
	} {
		var over []string
		r := house(&over)
		c.want.ID = "room"
		m := admit(t, r, c.want)
		if c.come {
			_ = r.AddPeople("room", rooms.Crowd{Count: 1}, now)
		}
		if c.order {
			r.End(m, now)
		}
		if m.IsRecorded() != c.is {
			t.Errorf("%s: %v", name, m.IsRecorded())
		}
	}
}

// Somebody with a new session is the same person; the old session is nobody's.
func TestRenew(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room"})
	someone := &rooms.Person{Meeting: m, Internal: "w_1"}
	r.LetIn(someone, now, 0, false)
	first := someone.Session
	r.Renew(someone)
	if r.Session(first) != nil || r.Session(someone.Session) != someone || len(m.People.In()) != 1 || r.Session("") != nil {
		t.Errorf("%q was renewed as %q, of %d people", first, someone.Session, len(m.People.In()))
	}
	if err := r.Leave("room", 1, now); err != nil || r.Session(someone.Session) != nil {
		t.Errorf("who has left still has a session: %v", err)
	}
}

// A breakout room needs a parent that goes on, and an ID that no other room has.
func TestAdmit_Breakout(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room"})
	ended := admit(t, r, rooms.Wanted{ID: "ended"})
	r.End(ended, now)
	room := rooms.Room{Breakout: true, Parent: m.Internal, Sequence: 1}
	admit(t, r, rooms.Wanted{ID: "abc-1", Room: room})
	for name, c := range map[string]struct {
		id, parent, key string
	}{
		"no parent":     {"abc-2", "", "parentMeetingIDMissing"},
		"unknown":       {"abc-2", "other", "parentMeetingDoesNotExist"},
		"over":          {"abc-2", "ended", "parentMeetingDoesNotExist"},
		"the same ID":   {"abc-1", "room", "idNotUnique"},
		"by meeting ID": {"abc-2", "room", ""},
	} {
		_, _, failed := r.Admit(rooms.Wanted{ID: c.id, Room: rooms.Room{Breakout: true, Parent: c.parent, Sequence: 2}}, now)
		if failed == nil && c.key != "" || failed != nil && failed.Key != c.key {
			t.Errorf("%s: %v", name, failed)
		}
	}
	if r.Count() != 3 {
		t.Errorf("%d go on", r.Count())
	}
	if _, err := r.AddBreakouts("room", rooms.Breakouts{Rooms: 1}, now, func(bbb.Params) rooms.Wanted {
		return rooms.Wanted{ID: "x", Room: rooms.Room{Breakout: true}}
	}); err == nil || !strings.Contains(err.Error(), `breakout room 3 of "room": `) {
		t.Errorf("a room without a parent: %v", err)
	}
}

// A server has a limit of meetings that go on, and those that have ended do not count.
func TestAdmit_Full(t *testing.T) {
	var over []string
	r := house(&over)
	for i := range rooms.MaxMeetings {
		number := strconv.Itoa(i)
		admit(t, r, rooms.Wanted{ID: number, Voice: "v" + number, AttendeePW: "ap", ModeratorPW: "mp"})
	}
	if _, _, failed := r.Admit(rooms.Wanted{ID: "more"}, now); failed == nil || failed.Key != "maxMeetingsReached" {
		t.Errorf("one more: %v", failed)
	}
	if _, repeated, failed := r.Admit(rooms.Wanted{ID: "7"}, now); !repeated || failed != nil {
		t.Errorf("one that is there: %v", failed)
	}
	r.End(r.Find("7"), now)
	admit(t, r, rooms.Wanted{ID: "more"})
}
