package recordings_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
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
