package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

const (
	historyRooms = 40_000
	historyPage  = 5_000 // what a pool reads and removes at once
)

// BenchmarkHistory asks for what a large pool asks of ten weeks with 8,000 meetings on each day of work: all of it, page
// by page, as a pool does when it starts; a room; and the removal of a page. The reference is a bare cursor of bbolt over
// the same rows, in their order, that decodes nothing: what is left is finding the rows one by one, and reading them.
func BenchmarkHistory(b *testing.B) {
	many := 400_000
	if testing.Short() {
		many = 8_000
	}
	dir := b.TempDir()
	remembered(b, dir, many)
	var reference time.Duration
	b.Run("reference=cursor", func(b *testing.B) {
		for range b.N {
			bareCursor(b, dir, many)
		}
		reference = b.Elapsed() / time.Duration(b.N)
	})
	db := open(b, dir)
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			readAll(b, db, many)
		}
		each := b.Elapsed() / time.Duration(b.N)
		b.ReportMetric(float64(each)/float64(many), "ns/session")
		b.ReportMetric(float64(each)/float64(max(1, reference)), "references")
	})
	timed(b, "reference=one-by-id", func(b *testing.B, i int) {
		if _, err := db.Index().Session(b.Context(), pastSession(i*7919%many).ID); err != nil {
			b.Fatal(err)
		}
	})
	timed(b, "room", func(b *testing.B, i int) {
		s := pastSession(i * 7919 % many)
		list, err := db.Index().MeetingSessions(b.Context(), s.Tenant, s.Meeting, 10)
		if err != nil || len(list) == 0 {
			b.Fatal(len(list), err)
		}
	})
	timed(b, "add", func(b *testing.B, i int) {
		if err := db.Index().AddSession(b.Context(), pastSession(many+i)); err != nil {
			b.Fatal(err)
		}
	})
	for _, page := range []int{500, historyPage} {
		timed(b, fmt.Sprint("delete=", page), func(b *testing.B, _ int) {
			if _, err := db.Index().DeleteSessions(b.Context(), pastSession(2*many).End, page); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func readAll(b *testing.B, db *bolt.DB, many int) {
	at, after, read := time.Time{}, "", 0
	for {
		page, err := db.Index().SessionsSince(b.Context(), at, after, historyPage)
		if err != nil {
			b.Fatal(err)
		}
		read += len(page)
		if len(page) < historyPage {
			break
		}
		last := page[len(page)-1]
		at, after = last.End, last.ID
	}
	if read != many {
		b.Fatalf("%d sessions of %d", read, many)
	}
}

// bareCursor reads every byte of the rows once.
func bareCursor(b *testing.B, dir string, many int) {
	file, err := bbolt.Open(filepath.Join(dir, bolt.File), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	n, size, sum := 0, 0, 0
	err = file.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("v1")).Bucket([]byte("sessions")).ForEach(func(_, row []byte) error {
			n++
			size += len(row)
			for _, c := range row {
				sum += int(c)
			}
			return nil
		})
	})
	if err != nil || n != many || sum == 0 {
		b.Fatal(n, sum, err)
	}
	b.ReportMetric(float64(size)/float64(n), "bytes/row")
}

// remembered fills a database from as many callers as share a commit.
func remembered(b *testing.B, dir string, many int) {
	b.Helper()
	db := open(b, dir)
	start := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 512 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < many; i = int(next.Add(1)) - 1 {
				if err := db.Index().AddSession(b.Context(), pastSession(i)); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d sessions in %v", many, time.Since(start))
}

// pastSession is the i-th meeting to end. Each room has one of them in every forty thousand.
func pastSession(i int) store.Session {
	room := i % historyRooms
	random := rand.New(rand.NewPCG(uint64(i), 0))
	end := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC).Add(time.Duration(i)*11*time.Second + time.Duration(random.IntN(1e9)))
	return store.Session{
		ID: fmt.Sprintf("%016x%024x-%d", uint64(i+1)*0x9e3779b97f4a7c15, i, end.UnixMilli()), Tenant: "default",
		Server: fmt.Sprint("bbb", i%60), Start: end.Add(-time.Duration(random.IntN(2 * 3600e9))), End: end,
		Peak: random.IntN(90), Joins: random.IntN(120), Reason: "ended", Recorded: i%3 == 0,
		Meeting: fmt.Sprintf("%032x", uint64(room+1)*0x9e3779b97f4a7c15), Hint: i % 2 * 30,
		Why: store.Decision{
			Here: random.IntN(300), Expected: 100 * random.Float64(), Kept: float64(i % 5 * 20), Own: 60 * random.Float64(),
			Basis: "history", Weight: 1, Next: fmt.Sprint("bbb", (i+1)%60), NextAt: 500 * random.Float64(),
		},
	}
}
