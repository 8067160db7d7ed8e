package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

const (
	perMeeting = 10
	tenants    = 4 // of which the first has all but a hundredth each
)

var among = flag.Int("among", 0, "how many recordings the benchmarks look among; 0 for as many as a large pool has")

// howMany is how many recordings the benchmarks look among: few where they are run for nothing but that they run.
func howMany() int {
	if *among > 0 {
		return *among
	}
	if once := flag.Lookup("test.benchtime"); testing.Short() || once != nil && once.Value.String() == "1x" {
		return 2000
	}
	return 200_000
}

// BenchmarkRecordings asks front ends' questions of the same recordings in PostgreSQL, in bbolt and, as Scalelite asks them,
// in its own tables. "x-scalelite" is how much quicker the page is; "x-bolt" is how long PostgreSQL takes, as often as bbolt.
//
// PostgreSQL is asked by its socket, as by a pool on the same machine, which is what bbolt can be compared with, and by TCP
// ("tcp-x-bolt"), as by a pool on another one. The difference is the way to the server and nothing of ours: a question by meeting
// is two round trips, short enough to be a large part of it. The time of an operation is that by the socket.
func BenchmarkRecordings(b *testing.B) {
	many := howMany()
	server := daemon.NewPostgres(b, "shared_buffers=1GB") // what an operator gives it who has so many
	b.Cleanup(server.Remove)
	url := server.URL(b)
	db := open(b, postgres.Config{URL: store.Secret(server.Local(url))})
	remote := open(b, postgres.Config{URL: store.Secret(url)})
	small, err := bolt.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = small.Close() }()
	var filling sync.WaitGroup
	for name, i := range map[string]store.Index{"bolt": small.Index(), "postgres": db.Index()} {
		filling.Go(func() {
			begun := time.Now()
			fill(b, i, many)
			b.Logf("%s: %d recordings in %v", name, many, time.Since(begun).Round(time.Millisecond))
		})
	}
	filling.Wait()
	if b.Failed() {
		b.FailNow()
	}
	run(b, url, "ANALYZE")
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	shown := []store.RecordingState{store.Published, store.Unpublished}
	for _, c := range []struct {
		name   string
		filter func(i int) store.RecordingFilter
	}{
		{"meeting", func(i int) store.RecordingFilter {
			return store.RecordingFilter{Tenant: "tenant0", MeetingIDs: []string{meetingID(i * 7919 % (many / perMeeting))}, States: shown}
		}},
		{"page", func(int) store.RecordingFilter {
			return store.RecordingFilter{Tenant: "tenant0", States: shown, Limit: 100}
		}},
		{"page-small-tenant", func(int) store.RecordingFilter {
			return store.RecordingFilter{Tenant: "tenant1", States: shown, Limit: 100}
		}},
		{"page-of-all", func(int) store.RecordingFilter { return store.RecordingFilter{AllTenants: true, Limit: 100} }},
		{"prefix", func(i int) store.RecordingFilter {
			return store.RecordingFilter{Tenant: "tenant0", RecordIDs: []string{recordID(i * 7919 % many)[:20]}, States: shown}
		}},
		{"meta", func(i int) store.RecordingFilter {
			return store.RecordingFilter{Tenant: "tenant0", Meta: []store.MetaMatch{{Key: "bbb-context-id", Value: strconv.Itoa(i % (many / 40))}}, States: shown}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			compared := compare(b, small.Index(), db.Index(), remote.Index(), c.filter)
			if c.name == "page" {
				b.ReportMetric(asScalelite(b, conn)/float64(compared), "x-scalelite")
			}
		})
	}
}

// compare times the same question at all, in turns, and returns how long it takes by the socket.
func compare(
	b *testing.B, reference, socket, tcp store.Index, filter func(i int) store.RecordingFilter,
) time.Duration {
	var times, remote, others []time.Duration
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		others = append(others, asked(b, reference, filter(i)))
		remote = append(remote, asked(b, tcp, filter(i)))
		b.StartTimer()
		times = append(times, asked(b, socket, filter(i)))
	}
	b.StopTimer()
	for name, list := range map[string][]time.Duration{"": times, "tcp-": remote} {
		b.ReportMetric(float64(quick(list))/float64(quick(others)), name+"x-bolt")
		b.ReportMetric(float64(median(list))/float64(median(others)), name+"median-x-bolt")
	}
	b.ReportMetric(float64(quick(others))/1e6, "bolt-ms")
	return quick(times)
}

// quick is what is undercut by one of ten alone: what a call takes where nothing else runs.
func quick(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/10]
}

// median is what a call takes on a machine as busy as this one.
func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

func asked(b *testing.B, i store.Index, f store.RecordingFilter) time.Duration {
	begun := time.Now()
	if _, _, err := i.Recordings(b.Context(), f); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

// asScalelite asks for the tenant's recordings as Scalelite does: all of them, with metadata, formats and thumbnails, since it
// knows no pages. It returns how long the database and the way from it take, in nanoseconds.
func asScalelite(b *testing.B, conn *pgx.Conn) float64 {
	begun := time.Now()
	var ids, formats []int64
	read := func(sql string, into *[]int64, args ...any) {
		rows, err := conn.Query(b.Context(), sql, args...)
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				b.Fatal(err)
			}
			if id, ok := values[0].(int64); ok && into != nil {
				*into = append(*into, id)
			}
		}
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
	}
	read(`SELECT recordings.* FROM recordings LEFT OUTER JOIN metadata ON metadata.recording_id = recordings.id
		WHERE metadata.key = 'tenant-id' AND metadata.value = 'tenant0' AND recordings.state IN ('published', 'unpublished')
		ORDER BY recordings.starttime DESC`, &ids)
	for some := range slices.Chunk(ids, 60_000) {
		read(`SELECT playback_formats.* FROM playback_formats WHERE playback_formats.recording_id = ANY($1) ORDER BY format ASC`, &formats, some)
		read(`SELECT metadata.* FROM metadata WHERE metadata.recording_id = ANY($1)`, nil, some)
	}
	for some := range slices.Chunk(formats, 60_000) {
		read(`SELECT thumbnails.* FROM thumbnails WHERE thumbnails.playback_format_id = ANY($1) ORDER BY sequence ASC`, nil, some)
	}
	return float64(time.Since(begun))
}

func meetingID(i int) string { return fmt.Sprintf("room-%d-of-some-front-end", i) }

// recordID scatters the IDs as hashes do.
func recordID(i int) string {
	return fmt.Sprintf("%016x%024x-17676%08d", uint64(i+1)*0x9e3779b97f4a7c15, i, i)
}

// fill makes recordings, some hundred at a time.
func fill(b *testing.B, i store.Index, many int) {
	b.Helper()
	const some = 500
	for first := 0; first < many; first += some {
		index := map[string]int{}
		var ids []string
		for i := first; i < first+some; i++ {
			ids = append(ids, recordID(i))
			index[recordID(i)] = i
		}
		_, err := i.Commit(b.Context(), store.Job{ID: strconv.Itoa(first), State: store.JobDone}, ids, func(r *store.Recording) error {
			*r = madeOf(index[r.RecordID])
			return nil
		})
		if err != nil {
			b.Error(err)
			return
		}
	}
}

// madeOf makes one of a hundred invisible, and one of ten unpublished.
func madeOf(i int) store.Recording {
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 13 * time.Minute)
	r := store.Recording{
		Tenant: "tenant0", MeetingID: meetingID(i / perMeeting), Name: "Lecture", State: store.Published,
		Start: start, End: start.Add(time.Hour), Participants: 31, RawSize: 1 << 30, Server: "bbb1", Imported: start, Changed: start,
		Meta: map[string]string{
			"bbb-origin": "moodle", "bbb-origin-version": "4.1", "bbb-origin-server-name": "moodle.example.org",
			"bbb-context": fmt.Sprint("Course ", i/40), "bbb-context-id": strconv.Itoa(i / 40), "bbb-context-label": "Course",
			"bbb-recording-name": "Lecture", "bbb-recording-tags": "", "gl-listed": strconv.FormatBool(i%2 == 0),
			"description": strings.Repeat("words ", 50) + "end of " + strconv.Itoa(i),
		},
	}
	if n := i % 100; n < tenants && n > 0 {
		r.Tenant = fmt.Sprint("tenant", n)
	}
	switch {
	case i%100 == 50:
		r.State = store.Deleted
	case i%10 == 0:
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
