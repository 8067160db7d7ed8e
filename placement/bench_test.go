package placement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// nowhere is a store that keeps nothing, to measure what is not the store.
type nowhere struct{ loaded []store.Claim }

func (n nowhere) Claims(context.Context) ([]store.Claim, error) { return n.loaded, nil }

func (nowhere) Endings(context.Context) ([]store.Ending, error)   { return nil, nil }
func (nowhere) AddEndings(context.Context, ...store.Ending) error { return nil }
func (nowhere) DeleteEnding(context.Context, store.Ending) error  { return nil }

func (nowhere) CreateClaim(_ context.Context, c store.Claim) (store.Claim, error) { return c, nil }

func (nowhere) UpdateClaim(context.Context, store.MeetingKey, func(*store.Claim) error) (store.Claim, error) {
	return store.Claim{}, nil
}

func (nowhere) DeleteClaim(context.Context, store.Claim) error { return nil }

func (nowhere) Remember(context.Context, store.Claim, store.Session) error { return nil }

// largeLedger has so many servers with so many meetings, a third of them young enough that people are expected.
func largeLedger(b *testing.B, servers, meetings int) *placement.Ledger {
	b.Helper()
	now := time.Now()
	var claims []store.Claim
	for i := range meetings {
		claims = append(claims, store.Claim{
			MeetingKey: key(fmt.Sprint("live", i)), Server: fmt.Sprint("bbb", i%servers), Expected: 15,
			InternalID: fmt.Sprint(i), Placed: now.Add(-time.Duration(i) * time.Hour / time.Duration(meetings)),
		})
	}
	var ids []string
	for i := range servers {
		ids = append(ids, fmt.Sprint("bbb", i))
	}
	l, err := placement.OpenLedger(b.Context(), placement.Parts{
		Config: all, State: nowhere{claims}, Remember: nowhere{}.Remember, Servers: ids, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 4 * meetings { // of each room, one of twenty with a seat to be held for it now
		start := now.AddDate(0, 0, -7*(4-i/meetings))
		l.Learn(store.Session{
			Tenant: "t", Meeting: l.Hash(key(fmt.Sprint("past", i%meetings))), Start: start, End: start.Add(time.Hour),
			Peak: 10 + 50*max(0, i%20-18), Hint: 30,
		})
	}
	for _, id := range ids {
		l.SetServer(placement.Server{ID: id, Weight: 1, Standing: placement.Open})
	}
	b.ReportAllocs()
	b.ResetTimer()
	return l
}

// A decision, its record and its withdrawal: what the pool adds to a create beside the store.
func BenchmarkPlace(b *testing.B) {
	for _, size := range []struct{ servers, meetings int }{{10, 500}, {100, 5_000}, {1_000, 50_000}} {
		b.Run(fmt.Sprintf("servers=%d", size.servers), func(b *testing.B) {
			l := largeLedger(b, size.servers, size.meetings)
			for b.Loop() {
				c, err := l.Begin(b.Context(), key("new"))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Place(b.Context(), fifteen, nil); err != nil {
					b.Fatal(err)
				}
				_ = c.GiveUp(b.Context())
				c.End()
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	l := largeLedger(b, 1_000, 50_000)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Find(b.Context(), key("live7"), time.Minute); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkJoined(b *testing.B) {
	l := largeLedger(b, 1_000, 50_000)
	for i := 1; b.Loop(); i++ {
		l.Joined(key("live7"), placement.Person(i%4_000))
	}
}

// One poll of a server with 50 meetings.
func BenchmarkReconcile(b *testing.B) {
	l := largeLedger(b, 1_000, 50_000)
	var seen []placement.Sighting
	for _, m := range l.Meetings() {
		if m.Server == "bbb7" {
			seen = append(seen, placement.Sighting{Key: m.MeetingKey, InternalID: m.InternalID, People: 20})
		}
	}
	for b.Loop() {
		l.BeginPoll("bbb7")
		if _, err := l.Reconcile(b.Context(), placement.Poll{
			Server: "bbb7", Began: time.Now(), Complete: true, Meetings: seen,
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// Telling a follower of the book as it stands: 500 servers, 5,000 meetings with 50,000 people on their way, 100,000 past
// sessions. The lock is held for the first part of it.
func BenchmarkTell(b *testing.B) {
	const servers, meetings = 500, 5_000
	l := largeLedger(b, servers, meetings)
	for i := range 10 * meetings {
		l.Joined(key(fmt.Sprint("live", i%meetings)), placement.Person(1+i))
	}
	for i := range 100_000 - 4*meetings {
		start := time.Now().AddDate(0, 0, -i%60)
		l.Learn(store.Session{
			Tenant: "t", Meeting: l.Hash(key(fmt.Sprint("room", i))), Start: start, End: start.Add(time.Hour), Peak: 10,
		})
	}
	b.Run("snapshot", func(b *testing.B) { // under the lock
		for b.Loop() {
			_ = l.Book().Snapshot()
		}
	})
	b.Run("tell", func(b *testing.B) {
		sent, frames := 0, 0
		for b.Loop() {
			sent, frames = 0, 0
			l.Tell(func(frame []byte) { sent, frames = sent+len(frame), frames+1 })()
		}
		b.ReportMetric(float64(sent), "B/told")
		b.ReportMetric(float64(frames), "frames")
	})
	var told [][]byte
	l.Tell(func(frame []byte) { told = append(told, frame) })()
	b.Run("hear", func(b *testing.B) {
		f, err := placement.OpenLedger(b.Context(), placement.Parts{
			Config: all, State: nowhere{}, Remember: nowhere{}.Remember, Now: time.Now, Follows: true,
		})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			for i, frame := range told {
				if err := f.Hear(frame, i == 0); err != nil {
					b.Fatal(err)
				}
			}
		}
		if f.Count() != l.Count() {
			b.Errorf("%d meetings heard, %d told", f.Count(), l.Count())
		}
	})
}

// A join while somebody follows, and while nobody does.
func BenchmarkJoined_Told(b *testing.B) {
	l := largeLedger(b, 1_000, 50_000)
	defer l.Tell(func([]byte) {})()
	b.ResetTimer()
	for i := 1; b.Loop(); i++ {
		l.Joined(key("live7"), placement.Person(i%4_000))
	}
}
