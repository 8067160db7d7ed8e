package volume_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

// guard watches one real directory, of which little is asked.
func guard(path, marker string) *volume.Guard {
	c := config()
	c.MinFree, c.MinInodes, c.Timeout = 1, 1, time.Minute
	return volume.New(c, time.Now, volume.Dir{Name: "library", Path: path, Marker: marker})
}

// A directory that can be used has no problem, and nothing is left in it.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	g := guard(dir, "")
	g.Check(t.Context())
	wantProblem(t, g)
	s := g.Status()[0]
	if s.Free <= 0 || s.Total < s.Free || s.At.IsZero() || s.Latency <= 0 || s.Hung {
		t.Errorf("%+v", s)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, ".bbbpool")); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	mentions(t, g.Room(1<<60), "no room for 1048576TiB")
}

// A directory that is not there, or no directory, is said to be so.
func TestProbe_NotThere(t *testing.T) {
	dir := t.TempDir()
	g := guard(filepath.Join(dir, "none"), "")
	g.Check(t.Context())
	wantProblem(t, g, filepath.Join(dir, "none"), "is not there")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g = guard(file, "")
	g.Check(t.Context())
	wantProblem(t, g, "fails", "not a directory")
}

// Where directories must not lie elsewhere, links in their place are named, whether they lead somewhere or not. Links to
// files, and hidden ones, are no matter.
func TestProbe_Links(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	file := filepath.Join(outside, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(name, target string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := config()
	c.MinFree, c.MinInodes, c.Timeout = 1, 1, time.Minute
	whole := volume.New(c, time.Now, volume.Dir{Name: "library", Path: dir, Whole: true})
	link("film.mp4", file)
	link(".hidden", outside)
	whole.Check(t.Context())
	wantProblem(t, whole)
	link("presentation", outside)
	link("gone", filepath.Join(outside, "none"))
	whole.Check(t.Context())
	wantProblem(t, whole, `library (`+dir+`) has links in it, which are not followed: "gone", "presentation"; mount there`)
	if whole.Gone() || whole.Status()[0].Free == 0 {
		t.Errorf("what is there cannot be read: %+v", whole.Status())
	}
	spool := guard(dir, "")
	spool.Check(t.Context())
	wantProblem(t, spool)
}

// An empty mount point and another volume are told from the right one, and nothing is written to them.
func TestProbe_Marker(t *testing.T) {
	dir := t.TempDir()
	g := guard(dir, "right")
	g.Check(t.Context())
	wantProblem(t, g, "is not mounted", filepath.Join(dir, ".bbbpool/volume"), "right", "--mark")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("written: %v, %v", entries, err)
	}
	for _, id := range []string{"other", "right"} {
		if err := volume.Mark(dir, id); err != nil {
			t.Fatal(err)
		}
		if got, err := volume.MarkerOf(dir); err != nil || got != id {
			t.Errorf("marker %q, %v", got, err)
		}
		g.Check(t.Context())
		if g.Gone() != (id == "other") {
			t.Errorf("%s volume: gone %t", id, g.Gone())
		}
		if id == "other" {
			wantProblem(t, g, "is another volume", "other", "right")
		}
	}
	wantProblem(t, g)
	if entries, err := os.ReadDir(filepath.Join(dir, ".bbbpool")); err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// Only plain IDs are written, and only to directories that are there.
func TestMark(t *testing.T) {
	dir := t.TempDir()
	for _, bad := range []string{"", " ", "a b", "a\n", "-", strings.Repeat("a", 101)} {
		mentions(t, volume.Mark(dir, bad), "is no ID")
	}
	none := filepath.Join(dir, "none")
	mentions(t, volume.Mark(none, "id"), none)
	if id, err := volume.MarkerOf(dir); id != "" || err != nil {
		t.Errorf("unmarked: %q, %v", id, err)
	}
	_, err := volume.MarkerOf(none)
	mentions(t, err, none)
}

// What a marker says is bounded, and a link out of the directory is not followed.
func TestMarkerOf_Hostile(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".bbbpool"), 0o700); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(dir, ".bbbpool/volume")
	if err := os.Link(outside, marker); err != nil {
		t.Fatal(err)
	}
	if id, err := volume.MarkerOf(dir); err != nil || len(id) > 200 {
		t.Errorf("%d bytes, %v", len(id), err)
	}
	if err := os.Remove(marker); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, marker); err != nil {
		t.Fatal(err)
	}
	_, err := volume.MarkerOf(dir)
	mentions(t, err, "escapes")
}
