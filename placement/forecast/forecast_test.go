package forecast_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

var monday = time.Date(2026, 1, 5, 10, 15, 0, 0, time.UTC)

func session(room string, start time.Time, peak int) store.Session {
	names := forecast.Names{Key: []byte("k")}
	return store.Session{
		Tenant: "t", Meeting: names.Hash(store.MeetingKey{Tenant: "t", MeetingID: room}), Server: "a",
		Start: start, End: start.Add(time.Hour), Peak: peak, Hint: 2 * peak,
	}
}

func known(sessions ...store.Session) *forecast.Forecast {
	f := forecast.New(forecast.Settings{Default: 15, Sessions: 3, Carry: 200, SeatMin: 50})
	for _, s := range sessions {
		f.Learn(s, time.UTC)
	}
	return f
}

// A room's name depends on the pool's key, on the tenant and on the ID, and is read back from the history.
func TestNames(t *testing.T) {
	key := store.MeetingKey{Tenant: "t", MeetingID: "m"}
	names := forecast.Names{Key: []byte("k")}
	if names.Hash(key) == (forecast.Names{}).Hash(key) || names.Hash(key) == names.Hash(store.MeetingKey{Tenant: "tm"}) {
		t.Error("two names are one")
	}
	if forecast.RoomOf(names.Hash(key)) != names.Room(key) || names.Room(key) == 0 {
		t.Errorf("room %d", names.Room(key))
	}
	for _, old := range []string{"", "m", "zz"} {
		if r := forecast.RoomOf(old); r != 0 {
			t.Errorf("%q is room %d", old, r)
		}
	}
}

// What was moved, or was over at once, tells nothing. A session that comes again, with more of it, counts once.
func TestForecast_Learn(t *testing.T) {
	moved := session("m", monday.AddDate(0, 0, -3), 90)
	moved.Reason = forecast.Moved
	short := session("m", monday.AddDate(0, 0, -2), 90)
	short.End = short.Start.Add(time.Minute)
	once := session("m", monday.AddDate(0, 0, -1), 20)
	again := once
	again.Peak, again.End = 30, again.End.Add(time.Hour)
	f := known(moved, short, once, again)
	room := forecast.RoomOf(once.Meeting)
	if people, basis := f.Expect("t", room, 0); people != 30 || basis != forecast.FromHistory {
		t.Errorf("expected %g by %s, want 30", people, basis)
	}
	if people, basis := f.Expect("t", 1, 0); people != 75./4 || basis != forecast.FromTenant {
		t.Errorf("expected %g by %s in another room, want (45 + 30)/4", people, basis)
	}
	if people, basis := f.Expect("u", 1, 0); people != 15 || basis != forecast.FromDefault {
		t.Errorf("expected %g by %s of another tenant", people, basis)
	}
}

// Due are the regular large meetings of these hours, the largest first, until they were not there for too long.
func TestForecast_Due(t *testing.T) {
	var past []store.Session
	for week := 2; week > 0; week-- {
		start := monday.AddDate(0, 0, -7*week)
		past = append(past, session("large", start, 60), session("larger", start.Add(5*time.Minute), 90), session("small", start, 20))
	}
	past = append(past, session("once", monday.AddDate(0, 0, -7), 99))
	f := known(past...)
	due := f.Due(monday.Add(-10*time.Minute), monday.Add(20*time.Minute))
	if len(due) != 2 || due[0].Size != 90 || due[1].Size != 60 || !due[1].Start.Equal(monday) || due[1].Server != "a" {
		t.Errorf("due %+v", due)
	}
	if due := f.Due(monday.Add(-2*time.Hour), monday.Add(-time.Hour)); due != nil {
		t.Errorf("two hours before: %+v", due)
	}
	f.Forget(monday.AddDate(0, 0, 60)) // the first visit is too long ago, and one is no habit
	if due := f.Due(monday.Add(-10*time.Minute), monday.Add(20*time.Minute)); due != nil {
		t.Errorf("after one was forgotten: %+v", due)
	}
	f.Forget(monday.AddDate(0, 0, 90))
	if _, basis := f.Expect("t", forecast.RoomOf(past[0].Meeting), 0); basis != forecast.FromTenant {
		t.Errorf("a room that was forgotten is expected by %s", basis)
	}
}

// The busiest hour is that of the fullest of the last weeks, with all meetings that went on at once, when it comes next.
func TestForecast_Busiest(t *testing.T) {
	last := monday.AddDate(0, 0, -7)
	f := known(session("m", last, 40), session("n", last.Add(30*time.Minute), 50), session("o", last.AddDate(0, 0, 2), 70))
	at, people, meetings := f.Busiest(monday, 7*24*time.Hour)
	if !at.Equal(monday.Add(30*time.Minute)) || people != 90 || meetings != 2 {
		t.Errorf("%d people in %d meetings at %s", people, meetings, at)
	}
	at, people, _ = f.Busiest(monday.Add(3*time.Hour), 24*time.Hour)
	if !at.IsZero() || people != 0 {
		t.Errorf("%d people at %s in a day without meetings", people, at)
	}
	if at, _, _ := known().Busiest(monday, 24*time.Hour); !at.IsZero() {
		t.Errorf("busy at %s, of which nothing is known", at)
	}
}

// Of a room its last sessions tell, of one that is new the announcement, bounded by what its tenant's meetings are like.
func TestForecast_Expect(t *testing.T) {
	var past []store.Session
	for i, peak := range []int{90, 10, 20, 60} {
		past = append(past, session("m", monday.AddDate(0, 0, i-10), peak))
	}
	m := forecast.RoomOf(past[0].Meeting)
	const mean = (45. + 180) / 7 // of the tenant's meetings, with three of the default
	for _, test := range []struct {
		name     string
		sessions int // that tell
		room     forecast.Room
		tenant   string
		hint     int
		people   float64
		basis    forecast.Basis
	}{
		{"the last three", 3, m, "t", 500, 30, forecast.FromHistory},
		{"the last one", 1, m, "t", 0, 60, forecast.FromHistory},
		{"as many as there are", 8, m, "t", 0, 45, forecast.FromHistory},
		{"none", 0, m, "t", 500, 15, forecast.FromDefault},
		{"half of what is announced", 3, 7, "t", 40, 20, forecast.FromHint},
		{"no more than five times the mean", 3, 7, "t", 1_000_000, 5 * mean, forecast.FromHint},
		{"half of what another tenant announces", 3, 7, "u", 40, 20, forecast.FromHint},
		{"no more than five times the default", 3, 7, "u", 1_000_000, 75, forecast.FromHint},
		{"the tenant's mean", 3, 7, "t", 0, mean, forecast.FromTenant},
		{"a room without a name", 3, 0, "t", 0, mean, forecast.FromTenant},
		{"nothing is known", 3, 7, "u", 0, 15, forecast.FromDefault},
	} {
		f := forecast.New(forecast.Settings{Default: 15, Sessions: test.sessions, Carry: 200, SeatMin: 50})
		for _, s := range past {
			f.Learn(s, time.UTC)
		}
		people, basis := f.Expect(test.tenant, test.room, test.hint)
		if math.Abs(people-test.people) > 1e-9 || basis != test.basis {
			t.Errorf("%s: %g people by %s, want %g by %s", test.name, people, basis, test.people, test.basis)
		}
	}
}

// A front end whose announcements turn out is believed more and more, and a server never that it had more people in one
// meeting than five could carry.
func TestForecast_Belief(t *testing.T) {
	f := known()
	for i := range 50 {
		s := session("m", monday.AddDate(0, 0, i-60), 40)
		s.Hint = 40
		f.Learn(s, time.UTC)
	}
	if people, _ := f.Expect("t", 7, 30); math.Abs(people-30*2050./2100) > 1e-9 {
		t.Errorf("%g people where 30 are announced", people)
	}
	f.Learn(session("huge", monday, 1_000_000), time.UTC)
	if people, _ := f.Expect("t", forecast.RoomOf(session("huge", monday, 0).Meeting), 0); people != 1000 {
		t.Errorf("%g people in a meeting of a million", people)
	}
}

// Of a room that was used very often the last 256 visits tell.
func TestForecast_ManyVisits(t *testing.T) {
	f := known()
	for weeks := 300; weeks > 0; weeks-- {
		peak := 60
		if weeks > 256 {
			peak = 600
		}
		f.Learn(session("m", monday.AddDate(0, 0, -7*weeks), peak), time.UTC)
	}
	due := f.Due(monday.Add(-time.Minute), monday.Add(time.Minute))
	if len(due) != 1 || due[0].Size != 60 || !due[0].Start.Equal(monday) {
		t.Errorf("due %+v", due)
	}
}

// What a forecast knows is handed over in pieces, and all of them together expect the same. What nobody can have known is left
// out.
func TestForecast_State(t *testing.T) {
	f := known()
	for i := range 3_000 {
		f.Learn(session(fmt.Sprint("m", i%1_500), monday.AddDate(0, 0, -14+7*(i/1_500)), 20+i%50), time.UTC)
	}
	pieces := f.State()
	if len(pieces) < 3 {
		t.Errorf("%d pieces", len(pieces))
	}
	other := known()
	for _, s := range pieces {
		other.Restore(s)
	}
	from, to := monday.Add(-10*time.Minute), monday.Add(20*time.Minute)
	if got, want := other.Due(from, to), f.Due(from, to); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d are due, want %d", len(got), len(want))
	}
	for i := range 1_600 {
		room := forecast.RoomOf(session(fmt.Sprint("m", i), monday, 0).Meeting)
		got, basis := other.Expect("t", room, 30)
		if want, its := f.Expect("t", room, 30); got != want || basis != its {
			t.Fatalf("room %d: %g by %s, want %g by %s", i, got, basis, want, its)
		}
	}
	at, people, meetings := other.Busiest(monday, 7*24*time.Hour)
	if when, many, rooms := f.Busiest(monday, 7*24*time.Hour); !at.Equal(when) || people != many || meetings != rooms {
		t.Errorf("busiest at %s with %d in %d, want %s, %d, %d", at, people, meetings, when, many, rooms)
	}
	strange := known()
	strange.Restore(forecast.State{
		Rooms: []uint64{1, 2, 3, 200, 4}, Weeks: []forecast.WeekState{{Number: -1}, {Number: 3_000, People: []uint32{1}}},
		Regulars: []forecast.RegularState{{Room: 1, Starts: make([]uint32, 5), Hours: make([]forecast.HourState, 9)}},
	})
	if people, basis := strange.Expect("t", 1, 0); people != 15 || basis != forecast.FromDefault {
		t.Errorf("expected %g by %s of what cannot be", people, basis)
	}
}
