package assembly_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// perRoom is how many recordings a room of the benchmark has.
const perRoom = 10

// BenchmarkGetRecordings asks for recordings as front ends do, over HTTP: by a meeting, and a page of a hundred of all, at a
// pool on bbolt and at one on PostgreSQL in turns. "x-bolt" is how long PostgreSQL takes as often as bbolt, at the median, and
// "x-bolt-quick" by what one call of ten undercuts: where others use the machine, that says more of two processes that wait for
// each other.
func BenchmarkGetRecordings(b *testing.B) {
	many := 200_000
	if once := flag.Lookup("test.benchtime"); testing.Short() || once != nil && once.Value.String() == "1x" {
		many = 2000
	}
	p := daemon.NewPostgres(b, "shared_buffers=1GB") // what an operator gives it who has so many
	b.Cleanup(p.Remove)
	onBolt := measure(b, options(b))
	url := p.URL(b)
	onPostgres := measure(b, shared(b, servers.Redis(b).URL(), p.Local(url)))
	onBolt.enlist(b)
	onPostgres.enlist(b)
	var filling sync.WaitGroup
	for _, m := range []*measured{onBolt, onPostgres} {
		filling.Go(func() { shelve(b, m.Stores.Index, many) })
	}
	filling.Wait()
	analyse(b, url)
	for _, c := range []struct {
		name  string
		query func(i int) string
	}{
		{"by-meeting", func(i int) string { return fmt.Sprintf("meetingID=room-%d", i*7919%(many/perRoom)) }},
		{"page", func(i int) string { return fmt.Sprintf("offset=%d&limit=100", i*100%1000) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			onBolt.taken, onPostgres.taken = nil, nil
			for i := range b.N {
				onBolt.make(b, "getRecordings", c.query(i))
				onPostgres.make(b, "getRecordings", c.query(i))
			}
			reference := median(onBolt.taken)
			b.ReportMetric(float64(reference.Microseconds()), "bolt-p50-us")
			b.ReportMetric(float64(median(onPostgres.taken))/float64(reference), "x-bolt")
			b.ReportMetric(float64(quick(onPostgres.taken))/float64(quick(onBolt.taken)), "x-bolt-quick")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// analyse lets the database look at what is in it, as it does by itself within minutes.
func analyse(b *testing.B, url string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	if _, err := conn.Exec(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

// quick is what one of ten calls takes at most.
func quick(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/10]
}

// shelve fills an index, some hundred recordings at a time.
func shelve(b *testing.B, index store.Index, many int) {
	b.Helper()
	const some = 500
	for first := 0; first < many; first += some {
		var ids []string
		at := map[string]int{}
		for i := first; i < first+some; i++ {
			id := fmt.Sprintf("%040x-%d", uint64(i+1)*0x9e3779b97f4a7c15, 1767600000000+i)
			ids, at[id] = append(ids, id), i
		}
		job := store.Job{ID: fmt.Sprint("job-", first), State: store.JobDone}
		_, err := index.Commit(b.Context(), job, ids, func(r *store.Recording) error {
			*r = lecture(r.RecordID, at[r.RecordID])
			return nil
		})
		if err != nil {
			b.Error(err)
			return
		}
	}
}

// lecture is a recording as a learning platform has it.
func lecture(id string, i int) store.Recording {
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 13 * time.Minute)
	r := store.Recording{
		RecordID: id, Tenant: store.DefaultTenant, MeetingID: fmt.Sprint("room-", i/perRoom), Name: "Lecture", State: store.Published,
		Start: start, End: start.Add(time.Hour), Participants: 31, RawSize: 1 << 30, Server: "bbb1", Imported: start, Changed: start,
		Meta: map[string]string{
			"bbb-origin": "moodle", "bbb-origin-version": "4.1", "bbb-context": fmt.Sprint("Course ", i/40), "bbb-context-label": "C",
			"bbb-recording-name": "Lecture", "bbb-recording-tags": "", "gl-listed": "true",
		},
	}
	for _, format := range []string{"presentation", "video"} {
		f := store.Format{Type: format, Path: "/playback/" + format + "/2.3/" + id, Length: time.Hour, Bytes: 1 << 28}
		for n := range 3 {
			f.Images = append(f.Images, store.Image{Width: 176, Height: 136, Alt: "A slide", Path: fmt.Sprintf("/presentation/thumb-%d.png", n)})
		}
		r.Formats = append(r.Formats, f)
	}
	return r
}
