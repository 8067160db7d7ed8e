package forecast_test

import (
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
