package admin_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	traces "github.com/bbbpool/bbbpool/placement/simulate"
	"github.com/bbbpool/bbbpool/store"
)

// chronicle are sessions in memory, in the order that a store has them in.
type chronicle struct {
	sessions
	list []store.Session
}

func (l chronicle) SessionsSince(_ context.Context, t time.Time, after string, limit int) (page []store.Session, err error) {
	slices.SortFunc(l.list, func(a, b store.Session) int { return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.ID, b.ID)) })
	for _, s := range l.list {
		if (s.End.After(t) || s.End.Equal(t) && s.ID > after) && len(page) < limit {
			page = append(page, s)
		}
	}
	return page, nil
}

// replay exports a history and replays it.
func (p *testPool) replay(t *testing.T, list []store.Session, change func(*traces.Options)) (traces.Report, error) {
	t.Helper()
	p.api.History.Sessions = chronicle{list: list}
	var out bytes.Buffer
	if _, err := p.History.Export(t.Context(), time.Time{}, time.Time{}, &out); err != nil {
		t.Fatal(err)
	}
	o := traces.Options{Trace: "-", Rules: []string{"c3", "scalelite"}, Seed: 1, Seeds: 1, Servers: 3, Capacity: 200}
	if change != nil {
		change(&o)
	}
	return traces.Run(t.Context(), o, &out, nil)
}

// annals makes up what may lie in a history after years: rooms that have moved, or were in two places at once, clocks
// that jumped, meetings that nobody came to, and rows of long ago.
type annals struct {
	*rand.Rand
	list []store.Session
}

func (a *annals) add(room string, start time.Time, length time.Duration) {
	peaks := []int{0, 1, a.IntN(30), a.IntN(300)}
	a.list = append(a.list, store.Session{
		ID: fmt.Sprintf("i-%04d", len(a.list)), Tenant: []string{"default", "school"}[a.IntN(2)], Meeting: room,
		Server: fmt.Sprint("s", a.IntN(4)), Start: start, End: start.Add(length), Peak: peaks[a.IntN(len(peaks))],
		Hint: []int{0, 20, 100_000}[a.IntN(3)], Reason: []string{"ended", "gone", "moved", "removed"}[a.IntN(4)],
	})
}

// span is a length from milliseconds to hours.
func (a *annals) span() time.Duration {
	return time.Duration(1+a.IntN(5000)) * []time.Duration{time.Millisecond, time.Second, 4 * time.Second}[a.IntN(3)]
}

// happen adds what belongs to one room on one day: most of it begins within the hours of day.
func (a *annals) happen(day time.Time) {
	room, start := fmt.Sprint("room-", a.IntN(5)), day.Add(6*time.Hour+time.Duration(a.IntN(16*3600_000))*time.Millisecond)
	length := a.span()
	a.add(room, start, length)
	last := len(a.list) - 1
	switch a.IntN(9) {
	case 0: // moved: the old copy lived on for a while, or longer than the new one
		a.add(room, start.Add(length-min(length, a.span())), a.span())
		a.list[last+1].Tenant = a.list[last].Tenant
	case 1: // both at once, as far as clocks tell
		a.add(room, start, a.span())
		a.list[last+1].Tenant = a.list[last].Tenant
	case 2: // on three servers
		for range 2 {
			a.add(room, start.Add(time.Duration(a.IntN(int(length)))), a.span())
		}
	case 3:
		a.add(room, start, 0)
	case 4: // the clock was set back
		a.add(room, start, -a.span())
	case 5:
		a.list[last].Why.Basis = string(placement.Pinned)
	case 6:
		a.list[last].Meeting = ""
	case 7: // the clock was wrong by years, or the end was never seen
		a.add(room, time.Unix(int64(a.IntN(1000)), 0), a.span())
		a.add(room, start, 30*24*time.Hour)
	}
}

// Whatever is exported can be replayed.
func TestClient_History_Replays(t *testing.T) {
	p := newTestPool(t)
	for seed := range uint64(30) {
		a := annals{Rand: rand.New(rand.NewPCG(seed, 11))}
		for day := range 3 {
			for range 5 + a.IntN(15) {
				a.happen(then.Truncate(24*time.Hour).AddDate(0, 0, day))
			}
		}
		lesson := past("lesson", 0, 0)
		lesson.Start = then.Truncate(24*time.Hour).AddDate(0, 0, 2).Add(12 * time.Hour)
		lesson.End = lesson.Start.Add(time.Hour)
		a.list = append(a.list, lesson)
		for _, from := range []string{"", then.Truncate(24 * time.Hour).Format(time.RFC3339)} {
			if _, err := p.replay(t, a.list, func(o *traces.Options) { o.From = from }); err != nil {
				t.Errorf("history %d from %q: %v", seed, from, err)
			}
		}
	}
}

// A room that has moved is replayed as one meeting for as long as any of its copies lived, with the people of the fuller
// one.
func TestClient_History_Overlap(t *testing.T) {
	p := newTestPool(t)
	first, second := past("first", 600, 120), past("second", 660, 120)
	first.Meeting, second.Meeting, second.Server, second.Peak = "room", "room", "b", 30
	report, err := p.replay(t, []store.Session{first, second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range report.Rules {
		if row.Measures.PeakMax != 30 {
			t.Errorf("%s had %g people on one server, want those of the fuller copy", name, row.Measures.PeakMax)
		}
	}
}

// A day that has only begun, or has breakout rooms alone, does not keep the one before from being replayed.
func TestClient_History_Night(t *testing.T) {
	p := newTestPool(t)
	noon := then.Truncate(24 * time.Hour).Add(12 * time.Hour)
	at := func(id string, start time.Time) store.Session {
		s := past(id, 0, 0)
		s.Start, s.End = start, start.Add(time.Hour)
		return s
	}
	night, rooms, nobody := at("night", noon.Add(13*time.Hour)), at("rooms", noon.Add(24*time.Hour)), at("nobody", noon.Add(24*time.Hour))
	rooms.Why.Basis, nobody.Peak = string(placement.Pinned), 0
	for name, late := range map[string]store.Session{"night": night, "breakout": rooms, "nobody": nobody} {
		if _, err := p.replay(t, []store.Session{at("lesson", noon), late}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
