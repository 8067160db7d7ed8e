package past_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/past"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// ledger is one with so many meetings.
type ledger struct {
	forecast.Names

	meetings []placement.Info
}

func (l ledger) Meetings() []placement.Info { return l.meetings }

// BenchmarkFind looks for a meeting among 200,000 past ones and as many recordings of 1,000 tenants, with 10,000 running, by each
// of the IDs that it has. Nobody has said whose it is.
func BenchmarkFind(b *testing.B) {
	tenants, many := 1_000, 200_000
	if testing.Short() {
		tenants, many = 10, 2_000
	}
	db, err := bolt.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	l := ledger{Names: forecast.Names{Key: []byte("key")}}
	fill(b, db, l, tenants, many)
	for i := range 10_000 {
		l.meetings = append(l.meetings, placement.Info{Claim: store.Claim{
			MeetingKey: store.MeetingKey{Tenant: tenantOf(i % tenants), MeetingID: fmt.Sprint("live-", i)}, InternalID: fmt.Sprint("l-", i),
		}})
	}
	f := past.Finder{Tenants: db.State(), Ledger: l, Sessions: db.Index(), Recordings: index{db.Index()}}
	for name, id := range map[string]func(i int) string{
		"meetingID": func(i int) string { return meetingID(i) }, "internal": func(i int) string { return internalID(i) },
		"running": func(i int) string { return fmt.Sprint("live-", i%10_000) }, "nothing": func(i int) string { return fmt.Sprint("no-", i) },
	} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				list, err := f.Find(b.Context(), "", id(i*7919%many))
				if err != nil || len(list) == 0 && name != "nothing" {
					b.Fatal(list, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/find")
		})
	}
}

func tenantOf(i int) string   { return fmt.Sprintf("tenant-%04d", i) }
func meetingID(i int) string  { return fmt.Sprintf("room-%d", i/5) }
func internalID(i int) string { return fmt.Sprintf("%040x-%013d", i, i) }

// index is one of the store, as the service of recordings shows it.
type index struct{ store.Index }

func (i index) Counts(ctx context.Context) ([]store.RecordingCount, error) {
	return i.CountRecordings(ctx)
}

func fill(b *testing.B, db *bolt.DB, l ledger, tenants, many int) {
	b.Helper()
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for i := range tenants {
		if _, err := db.State().CreateTenant(b.Context(), store.Tenant{ID: tenantOf(i)}); err != nil {
			b.Fatal(err)
		}
	}
	var writers sync.WaitGroup
	const writing = 400 // share their commits
	for first := range writing {
		writers.Go(func() {
			for i := first; i < many; i += writing {
				tenant := tenantOf(i / 5 % tenants)
				err := db.Index().AddSession(b.Context(), store.Session{
					ID: internalID(i), Tenant: tenant, Server: "bbb1", Start: at, End: at.Add(time.Duration(i) * time.Second),
					Meeting: l.Hash(store.MeetingKey{Tenant: tenant, MeetingID: meetingID(i)}),
				})
				if err == nil {
					err = db.Index().CreateRecording(b.Context(), store.Recording{
						RecordID: internalID(i), Tenant: tenant, MeetingID: meetingID(i), State: store.Published, Start: at,
					})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}
