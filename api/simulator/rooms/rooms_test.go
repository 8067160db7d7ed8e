package rooms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

var now = time.UnixMilli(1_760_000_000_123)

// house is rooms that note which meetings are over.
func house(over *[]string, taken ...string) *rooms.Rooms {
	return rooms.New(2*time.Second, rooms.Hooks{
		Over:  func(m *rooms.Meeting, _ time.Time) { *over = append(*over, m.ID) },
		Taken: func(internal string) bool { return slices.Contains(taken, internal) },
	})
}

func admit(t *testing.T, r *rooms.Rooms, want rooms.Wanted) *rooms.Meeting {
	t.Helper()
	m, repeated, failed := r.Admit(want, now)
	if failed != nil || repeated {
		t.Fatalf("admitted %+v: repeated %v, %v", want, repeated, failed)
	}
	return m
}

// A meeting has an ID of its own even if it is made in the same millisecond as one that has left a recording.
func TestAdmit_InternalID(t *testing.T) {
	var over []string
	first := rooms.SHA1("room") + "-1760000000123"
	m := admit(t, house(&over, first), rooms.Wanted{ID: "room"})
	if m.Internal != rooms.SHA1("room")+"-1760000000124" || m.Created.UnixMilli() != 1_760_000_000_124 {
		t.Errorf("the meeting is %s, created %d", m.Internal, m.Created.UnixMilli())
	}
	if len(m.AttendeePW) != 8 || len(m.ModeratorPW) != 8 || len(m.Voice) != 5 {
		t.Errorf("made up %q, %q, %q", m.AttendeePW, m.ModeratorPW, m.Voice)
	}
}

// What a meeting says of itself follows whoever comes and goes.
func TestMeeting_XML(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room", Metadata: rooms.Pairs{{Name: "a", Value: "1"}}})
	check := func(step string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(string(m.XML()), want) {
				t.Errorf("%s: no %s in %s", step, want, m.XML())
			}
		}
	}
	check("empty", "<running>false</running>", "<participantCount>0</participantCount>", "<metadata><a>1</a></metadata>")
	if err := r.AddPeople("room", rooms.Crowd{Count: 3, Voice: 2, Video: 1, Moderators: 1}, now); err != nil {
		t.Fatal(err)
	}
	check("crowd", "<running>true</running>", "<voiceParticipantCount>2</voiceParticipantCount>", "<moderatorCount>1</moderatorCount>")
	late := &rooms.Person{Meeting: m, Internal: "w_late", UserID: "late", Name: "Late"}
	r.LetIn(late, now, time.Second, false)
	check("on the way", "<participantCount>3</participantCount>")
	r.Pass(now.Add(time.Second))
	check("arrived", "<participantCount>4</participantCount>", "<fullName>Late</fullName>")
	if r.Session(late.Session) != late {
		t.Error("the session is lost")
	}
	r.Dismiss(late, now)
	check("left", "<participantCount>3</participantCount>")
	if err := r.Leave("room", 0, now); err != nil {
		t.Fatal(err)
	}
	check("all left", "<running>false</running>", "<hasUserJoined>true</hasUserJoined>")
	if _, err := r.AddBreakouts("room", rooms.Breakouts{Rooms: 1}, now, func(p bbb.Params) rooms.Wanted {
		return rooms.Wanted{ID: p.Get("meetingID"), Room: rooms.Room{Breakout: true, Parent: p.Get("parentMeetingID"), Sequence: 1}}
	}); err != nil {
		t.Fatal(err)
	}
	check("with a breakout room", "<breakoutRooms><breakout>")
}

// A guest at the door is let go after a while, and so is the session.
func TestPass_Guests(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room"})
	guest := &rooms.Person{Meeting: m, Internal: "w_guest", UserID: "guest"}
	r.LetIn(guest, now, 0, true)
	r.Pass(now.Add(29 * time.Second))
	if r.Session(guest.Session) == nil || m.View().Waiting != 1 {
		t.Error("gone too early")
	}
	r.Pass(now.Add(30 * time.Second))
	if r.Session(guest.Session) != nil || m.View().Waiting != 0 {
		t.Error("the guest waits for ever")
	}
}

// Only so many ended meetings are remembered; those forgotten are told of, each once, the oldest first.
func TestForget(t *testing.T) {
	var over []string
	r := house(&over)
	for range 1_200 {
		r.End(admit(t, r, rooms.Wanted{ID: "room-" + rooms.RandomText(12, rooms.Lowercase)}), now)
	}
	if len(over) == 0 || len(r.All()) > 1_100 || r.Count() != 0 {
		t.Errorf("%d are remembered, %d told of", len(r.All()), len(over))
	}
	r.Pass(now.Add(2 * time.Second))
	if len(over) != 1_200 || len(r.All()) != 0 {
		t.Errorf("%d told of, %d remembered", len(over), len(r.All()))
	}
	seen := map[string]bool{}
	for _, id := range over {
		if seen[id] {
			t.Errorf("%s is told of twice", id)
		}
		seen[id] = true
	}
	r.Clear()
	if r.Find("room") != nil || len(over) != 1_200 {
		t.Error("a crash tells")
	}
}

// What is there no longer, or too much, is refused with what it was about.
func TestRefused(t *testing.T) {
	var over []string
	r := house(&over)
	m := admit(t, r, rooms.Wanted{ID: "room", Voice: "12345"})
	for _, c := range []struct {
		err  error
		says string
	}{
		{r.AddPeople("none", rooms.Crowd{Count: 1}, now), `meeting "none": there is none`},
		{r.Leave("none", 0, now), `meeting "none": there is none`},
		{r.EndByID("none", now), `meeting "none": there is none`},
		{r.AddPeople("room", rooms.Crowd{Count: rooms.MaxPeople + 1}, now), "the limit is 10000"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v, want %s", c.err, c.says)
		}
	}
	if _, err := r.AddBreakouts("room", rooms.Breakouts{Rooms: 101}, now, nil); err == nil || !strings.Contains(err.Error(), "want from 1 to 100") {
		t.Errorf("101 rooms: %v", err)
	}
	if _, _, failed := r.Admit(rooms.Wanted{ID: "other", Voice: "12345"}, now); failed != rooms.ErrVoiceBridgeUse {
		t.Errorf("the same number: %v", failed)
	}
	if _, _, failed := r.Admit(rooms.Wanted{ID: "room", AttendeePW: "x"}, now); failed != rooms.ErrNotUnique {
		t.Errorf("another password: %v", failed)
	}
	if again, repeated, failed := r.Admit(rooms.Wanted{ID: "room"}, now); again != m || !repeated || failed != nil {
		t.Errorf("the same again: %v %v", repeated, failed)
	}
}
