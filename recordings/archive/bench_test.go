package archive_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
)

// BenchmarkUnpack unpacks a typical recording, in turns with tar(1): "ratio" is our throughput over that of tar. Times
// are medians, for the disk has work of its own.
func BenchmarkUnpack(b *testing.B) {
	if _, err := exec.LookPath("tar"); err != nil {
		b.Skip(err)
	}
	plain := typical(b)
	for name, packed := range map[string][]byte{"plain": plain, "gzip": gzipped(b, plain)} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			src := filepath.Join(dir, "archive.tar")
			if err := os.WriteFile(src, packed, 0o600); err != nil {
				b.Fatal(err)
			}
			var ours, tars []time.Duration
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				ours = append(ours, timed(b, dir, func(dst string) error {
					f, err := os.Open(src)
					if err != nil {
						return err
					}
					defer func() { _ = f.Close() }()
					_, err = archive.Unpack(b.Context(), f, dst, archive.Limits{})
					return err
				}))
				tars = append(tars, timed(b, dir, func(dst string) error {
					return exec.CommandContext(b.Context(), "tar", "-x", "-f", src, "-C", dst).Run()
				}))
			}
			b.ReportMetric(median(tars).Seconds()/median(ours).Seconds(), "ratio")
			b.ReportMetric(float64(median(ours).Milliseconds()), "ms/ours")
			b.ReportMetric(float64(median(tars).Milliseconds()), "ms/tar")
		})
	}
}

func timed(b *testing.B, dir string, work func(dst string) error) time.Duration {
	b.Helper()
	dst := filepath.Join(dir, "dst")
	if err := os.Mkdir(dst, 0o750); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := work(dst); err != nil {
		b.Fatal(err)
	}
	took := time.Since(start)
	if err := os.RemoveAll(dst); err != nil {
		b.Fatal(err)
	}
	return took
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Clone(d)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// typical is a presentation: two films of 40 MB, 300 thumbnails and some XML.
func typical(b *testing.B) []byte {
	list := []member{
		file("video/webcams.mp4", noise(40<<20)), file("deskshare/deskshare.mp4", noise(40<<20)),
		file("shapes.svg", strings.Repeat("<svg>shape</svg>\n", 120_000)), file("cursor.xml", strings.Repeat("<cursor/>\n", 30_000)),
		file("slides_new.xml", strings.Repeat("<chat/>\n", 15_000)), file("presentation_text.json", strings.Repeat("text ", 20_000)),
	}
	for i := range 300 {
		list = append(list, file(fmt.Sprintf("presentation/%d/thumbnails/thumb-%d.png", i/100, i), noise(8<<10)))
	}
	return pack(b, whole("presentation", id, list...)...)
}
