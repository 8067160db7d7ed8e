package recordings_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// BenchmarkImport imports a typical recording: unpacked, compressed, durable, in the index, in place. In turns with it
// tar(1) unpacks the same archive on the same disk, and unpacks it and makes it durable: "ratio" is our throughput over
// that of the first, "ratio-durable" over that of the second. Times are medians.
func BenchmarkImport(b *testing.B) {
	dir := b.TempDir()
	p := open(b, dir, nil)
	path := filepath.Join(dir, "typical.tar")
	id := recordID(1)
	if err := os.WriteFile(path, typical(b, id), 0o600); err != nil {
		b.Fatal(err)
	}
	var ours, tars, durable []time.Duration
	timed := func(times *[]time.Duration, do func() error) {
		begun := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		*times = append(*times, time.Since(begun))
	}
	unpack := func(sync bool) func() error {
		to := filepath.Join(dir, "tar")
		if err := os.RemoveAll(to); err != nil {
			b.Fatal(err)
		}
		if err := os.Mkdir(to, 0o750); err != nil {
			b.Fatal(err)
		}
		return func() error {
			err := exec.CommandContext(b.Context(), "tar", "-x", "-f", path, "-C", to).Run()
			if err == nil && sync {
				err = exec.CommandContext(b.Context(), "sync", "-f", to).Run()
			}
			return err
		}
	}
	for b.Loop() {
		if _, err := p.Delete(b.Context(), "default", []string{id}); err != nil { // so that each is a new one
			b.Fatal(err)
		}
		timed(&ours, func() error {
			_, err := p.Import(b.Context(), recordings.ImportOptions{Path: path, Force: true}, func(recordings.Progress) {})
			return err
		})
		timed(&tars, unpack(false))
		timed(&durable, unpack(true))
	}
	if len(p.get(b, id).Formats) != 2 {
		b.Error("not imported")
	}
	median := func(d []time.Duration) float64 { return slices.Sorted(slices.Values(d))[len(d)/2].Seconds() }
	b.ReportMetric(median(tars)/median(ours), "ratio")
	b.ReportMetric(median(durable)/median(ours), "ratio-durable")
	b.ReportMetric(1000*median(ours), "ms/ours")
	b.ReportMetric(1000*median(tars), "ms/tar")
	b.ReportMetric(1000*median(durable), "ms/tar-durable")
}

// typical is a lesson: two films of 40 MB, 300 thumbnails and some XML.
func typical(b *testing.B, id string) []byte {
	b.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	noise := func(n int) string {
		buf := make([]byte, n)
		_, _ = rand.New(rand.NewSource(1)).Read(buf) // the same in every run
		return string(buf)
	}
	add := func(format, name, content string) {
		err := w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: format + "/" + id + "/" + name, Mode: 0o644, Size: int64(len(content)),
		})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, format := range []string{"presentation", "video"} {
		add(format, "metadata.xml", made{id: id, format: format, meetingID: "room"}.metadata())
		add(format, "video/webcams.mp4", noise(40<<20))
	}
	add("presentation", "shapes.svg", strings.Repeat("<svg><path d=\"M10 20\"/></svg>\n", 70_000))
	add("presentation", "cursor.xml", strings.Repeat("<event x=\"0.5\"/>\n", 30_000))
	thumb := noise(8 << 10)
	for n := range 300 {
		add("presentation", fmt.Sprintf("presentation/%d/thumbnails/thumb-%d.png", n/100, n), thumb)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkProblems asks what is wrong in a pool with 200,000 recordings, 1,000 of them owed, in the middle of a backlog of
// 10,000 archives that cannot be imported: what the program does every five seconds.
func BenchmarkProblems(b *testing.B) {
	p := open(b, b.TempDir(), nil)
	p.Now = time.Now
	var group errgroup.Group
	group.SetLimit(1000)
	for n := range 200_000 {
		group.Go(func() error {
			r := store.Recording{
				RecordID: recordID(n), Tenant: "default", MeetingID: "room", Name: "Algebra", State: store.Published, Imported: monday,
				Start: monday, End: monday, Server: "bbb1", Formats: []store.Format{{Type: "presentation", Bytes: 1 << 20}},
			}
			if n%200 == 0 {
				r.State, r.Formats, r.Imported = store.Processing, nil, time.Time{}
				r.Owed = &store.Owed{Server: "bbb1", Ended: monday, Step: store.OwedProcessing, Since: monday}
			}
			return p.db.CreateRecording(context.Background(), r)
		})
	}
	for n := range 10_000 {
		path := filepath.Join(p.Config.Spool, recordID(n)+".tar")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		group.Go(func() error {
			_, err := p.db.UpdateJob(context.Background(), filepath.Base(path), func(j *store.Job) error {
				j.Path, j.State, j.Attempts, j.Reason = path, store.JobWaiting, 3, "cannot be read: permission denied"
				if n%10 == 0 {
					j.State = store.JobFailed
				}
				return nil
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := p.Pursue(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if list := p.Problems(b.Context()); len(list) != 3 {
			b.Fatalf("%v", list)
		}
	}
}
