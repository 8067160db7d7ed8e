package bolt_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// perMeeting is how many recordings the meetings of the benchmarks have.
const perMeeting = 10

// BenchmarkOneTenant asks for what front ends ask for, of a tenant with 200,000 recordings. The first of its parts is
// what the others are to be held against: one recording, read by its ID.
func BenchmarkOneTenant(b *testing.B) {
	many := 200_000
	if testing.Short() {
		many = 20_000
	}
	db := recorded(b, 1, many)
	visible := []store.RecordingState{store.Published, store.Unpublished}
	read := func(b *testing.B, i int) {
		if _, err := db.Index().Recording(b.Context(), recordID(i%many)); err != nil {
			b.Fatal(err)
		}
	}
	ask := func(f func(i int) store.RecordingFilter) func(b *testing.B, i int) {
		return func(b *testing.B, i int) { asked(b, db, f(i)) }
	}
	always := func(f store.RecordingFilter) func(b *testing.B, i int) {
		return ask(func(int) store.RecordingFilter { return f })
	}
	meetings := func(i, n int) (ids []string) {
		for range n {
			i = (i*7919 + 1) % (many / perMeeting)
			ids = append(ids, meetingID(i))
		}
		return ids
	}
	timed(b, "reference=one-by-id", read)
	timed(b, "meeting", ask(func(i int) store.RecordingFilter {
		return store.RecordingFilter{MeetingIDs: meetings(i, 1), States: visible, Limit: 100}
	}))
	timed(b, "meetings=500", ask(func(i int) store.RecordingFilter {
		return store.RecordingFilter{MeetingIDs: meetings(i, 500), States: visible, Limit: 100}
	}))
	timed(b, "page", always(store.RecordingFilter{Limit: 100}))
	timed(b, "page-by-state", always(store.RecordingFilter{States: visible, Limit: 100}))
	timed(b, "page-by-state-deep", always(store.RecordingFilter{States: visible, Limit: 100, Offset: many / 2}))
	timed(b, "page-deleted", always(store.RecordingFilter{States: []store.RecordingState{store.Deleted}, Limit: 100}))
	for _, f := range metaFilters() {
		f.Limit, f.States = 100, visible
		timed(b, nameOf(f), always(f))
	}
	timed(b, "count", func(b *testing.B, _ int) {
		if _, err := db.Index().CountRecordings(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	timed(b, "publish", func(b *testing.B, i int) {
		_, err := db.Index().UpdateRecording(b.Context(), tenantOf(0), recordID(i*7919%many), func(r *store.Recording) error {
			if r.State == store.Published {
				r.State = store.Unpublished
			} else {
				r.State = store.Published
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkManyTenants asks the same of fifty tenants with 4,000 recordings each.
func BenchmarkManyTenants(b *testing.B) {
	tenants, many := 50, 200_000
	if testing.Short() {
		many = 20_000
	}
	db := recorded(b, tenants, many)
	filters := append(metaFilters(),
		store.RecordingFilter{}, store.RecordingFilter{RecordIDs: []string{"0"}},
		store.RecordingFilter{RecordIDs: []string{""}}, store.RecordingFilter{MeetingIDs: []string{meetingID(50)}},
		store.RecordingFilter{RecordIDs: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"}},
	)
	for _, f := range filters {
		for _, states := range [][]store.RecordingState{nil, {store.Published, store.Unpublished}} {
			f.States, f.Limit = states, 100
			timed(b, nameOf(f), func(b *testing.B, i int) {
				f.Tenant = tenantOf(i % tenants)
				asked(b, db, f)
			})
			f.AllTenants = true
			timed(b, "of-all/"+nameOf(f), func(b *testing.B, _ int) { asked(b, db, f) })
			f.AllTenants = false
		}
	}
}

// metaFilters select by the metadata that madeOf makes: all, few or no recordings.
func metaFilters() (filters []store.RecordingFilter) {
	for _, pairs := range [][]string{
		{"bbb-origin=moodle"},
		{"bbb-context-id=17"},
		{"bbb-context-id=1%"},
		{"bbb-context-id=%7"},
		{"bbb-context=%17%"},
		{"description=%"},
		{"description=%end of 17%"},
		{"nothing=%"},
		{"bbb-origin=moodle", "bbb-context-id=17"},
		{"bbb-origin=%", "bbb-context=%17%", "gl-listed=true"},
	} {
		var f store.RecordingFilter
		for _, pair := range pairs {
			key, value, _ := strings.Cut(pair, "=")
			f.Meta = append(f.Meta, store.MetaMatch{Key: key, Value: value})
		}
		filters = append(filters, f)
	}
	return filters
}

func nameOf(f store.RecordingFilter) string {
	name := fmt.Sprintf("ids=%d,meetings=%d,states=%d", len(f.RecordIDs), len(f.MeetingIDs), len(f.States))
	for _, m := range f.Meta {
		name += "," + m.Key + ":" + strings.ReplaceAll(m.Value, " ", "_")
	}
	return name
}

func asked(b *testing.B, db *bolt.DB, f store.RecordingFilter) {
	if f.Tenant == "" {
		f.Tenant = tenantOf(0)
	}
	if _, _, err := db.Index().Recordings(b.Context(), f); err != nil {
		b.Fatal(err)
	}
}

// timed reports how long the slowest of a hundred calls take, and of twenty.
func timed(b *testing.B, name string, call func(b *testing.B, i int)) {
	b.Run(name, func(b *testing.B) {
		times := make([]time.Duration, 0, b.N)
		for i := range b.N {
			start := time.Now()
			call(b, i)
			times = append(times, time.Since(start))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)*95/100])/1e6, "p95-ms")
		b.ReportMetric(float64(times[len(times)*99/100])/1e6, "p99-ms")
	})
}

func tenantOf(i int) string  { return fmt.Sprint("tenant", i) }
func meetingID(i int) string { return fmt.Sprintf("room-%d-of-some-front-end", i) }

// recordID scatters the IDs as hashes do.
func recordID(i int) string {
	return fmt.Sprintf("%016x%024x-17676%08d", uint64(i+1)*0x9e3779b97f4a7c15, i, i)
}

// recorded fills a database, a thousand recordings at a time.
func recorded(b *testing.B, tenants, many int) *bolt.DB {
	b.Helper()
	db := open(b, b.TempDir())
	start := time.Now()
	for first := 0; first < many; first += 1000 {
		index := map[string]int{}
		var ids []string
		for i := first; i < first+1000; i++ {
			ids = append(ids, recordID(i))
			index[recordID(i)] = i
		}
		job := store.Job{ID: strconv.Itoa(first), State: store.JobDone}
		_, err := db.Index().Commit(b.Context(), job, ids, func(r *store.Recording) error {
			*r = madeOf(index[r.RecordID], tenants)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d recordings of %d tenants in %v", many, tenants, time.Since(start))
	return db
}

// madeOf makes one of a hundred invisible, and one of ten unpublished.
func madeOf(i, tenants int) store.Recording {
	mine := i / tenants
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 13 * time.Minute)
	r := store.Recording{
		Tenant: tenantOf(i % tenants), MeetingID: meetingID(i / perMeeting), Name: "Lecture", State: store.Published,
		Start: start, End: start.Add(time.Hour), Participants: 31, RawSize: 1 << 30, Server: "bbb1", Imported: start,
		Changed: start,
		Meta: map[string]string{
			"bbb-origin": "moodle", "bbb-origin-version": "4.1", "bbb-origin-server-name": "moodle.example.org",
			"bbb-context": fmt.Sprint("Course ", mine/40), "bbb-context-id": strconv.Itoa(mine / 40),
			"bbb-context-label": "Course", "bbb-recording-name": "Lecture", "bbb-recording-tags": "",
			"gl-listed": strconv.FormatBool(i%2 == 0), "description": strings.Repeat("words ", 50) + "end of " + strconv.Itoa(mine),
		},
	}
	switch {
	case mine%100 == 0:
		r.State = store.Deleted
	case mine%10 == 0:
		r.State = store.Unpublished
	}
	for _, format := range []string{"presentation", "video"} {
		f := store.Format{Type: format, Path: "/playback/" + format + "/2.3/", Length: time.Hour, Size: 1 << 28, Bytes: 1 << 28}
		for n := range 3 {
			f.Images = append(f.Images, store.Image{
				Width: 176, Height: 136, Alt: "A slide", Path: fmt.Sprintf("/presentation/thumbnails/thumb-%d.png", n),
			})
		}
		r.Formats = append(r.Formats, f)
	}
	return r
}
