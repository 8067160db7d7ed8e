package recordings_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings"
)

// oneFilm is a format of a recording.
func oneFilm(n int, format string) made {
	return made{id: recordID(n), format: format, meetingID: "room", media: "film"}
}

// link links to what lies elsewhere, from its place.
func link(t testing.TB, target, place string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o750), os.Symlink(target, place)); err != nil {
		t.Fatal(err)
	}
}

// What an operator has moved to another disk, and linked to from its place, is imported: a recording, a format of it, all
// recordings of a format, all that are unpublished, an archive.
func TestImport_Linked(t *testing.T) {
	p := start(t, nil)
	old, disk := filepath.Join(t.TempDir(), "published"), t.TempDir()
	lay(t, old, oneFilm(1, "presentation"))
	for n, format := range []string{2: "presentation", 1: "video", 3: "podcast", 4: "notes"} {
		if format != "" {
			lay(t, disk, oneFilm(n, format))
		}
	}
	link(t, disk+"/presentation/"+recordID(2), old+"/presentation/"+recordID(2))
	link(t, disk+"/video/"+recordID(1), old+"/video/"+recordID(1))
	link(t, disk+"/podcast", old+"/podcast")
	lay(t, filepath.Join(disk, "tree"), oneFilm(5, "presentation"))
	link(t, disk+"/tree", old+"/more")
	if err := os.WriteFile(disk+"/a.tar", pack(t, made{id: recordID(6), format: "video", media: "film"}), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, disk+"/a.tar", old+"/a.tar")
	link(t, old, old+"/again") // which is found already
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: old}, func(recordings.Progress) {})
	if err != nil || len(report.Failed) > 0 || len(report.Imported) != 5 {
		t.Fatalf("%+v, %v", report, err)
	}
	for n, format := range map[int]string{1: "video", 2: "presentation", 3: "podcast", 5: "presentation", 6: "video"} {
		if p.media(t, recordID(n), format) != "film" {
			t.Errorf("recording %d has no %s", n, format)
		}
	}
	if p.media(t, recordID(1), "presentation") != "film" {
		t.Error("the format beside the linked one is missing")
	}
}

// A link in the place of a recording is named, wherever it leads; in the library itself links are not followed.
func TestImport_LinkedNowhere(t *testing.T) {
	p := start(t, nil)
	old := filepath.Join(t.TempDir(), "published")
	link(t, "/none", old+"/presentation/"+recordID(1))
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: old}, func(recordings.Progress) {})
	if text := said(report, err); !strings.Contains(text, "is a link that leads nowhere") {
		t.Errorf("%+v, %v", report, err)
	}
	disk := t.TempDir()
	lay(t, disk, oneFilm(2, "presentation"))
	place := filepath.Join(p.Config.Published, "presentation", recordID(2))
	link(t, filepath.Join(disk, "presentation", recordID(2)), place)
	report, err = p.Import(t.Context(), recordings.ImportOptions{Path: p.Config.Published}, func(recordings.Progress) {})
	if err != nil || len(report.Failed) != 1 || report.Failed[0].Path != place || !strings.Contains(report.Failed[0].Text, "is a link") {
		t.Errorf("%+v, %v", report, err)
	}
	if found := kinds(p.verify(t, recordings.VerifyOptions{})); !slices.Equal(found, []string{"unreadable"}) {
		t.Errorf("verify finds %v", found)
	}
}

// said is all that an import says about what has failed.
func said(report recordings.ImportReport, err error) string {
	var all strings.Builder
	for _, f := range report.Failed {
		all.WriteString(f.Text + "\n")
	}
	if err != nil {
		all.WriteString(err.Error())
	}
	return all.String()
}

// What lies behind links is as what lies in the directory: archives, packed ones that nothing reads, recordings, directories
// that are thrown away or broken; links that lead around in a circle do no harm, and nothing is passed over in silence.
func TestImport_BehindLinks(t *testing.T) {
	p := start(t, nil)
	old, disk := t.TempDir(), t.TempDir()
	for name, content := range map[string][]byte{
		"more/a.tar": pack(t, made{id: recordID(1), format: "video", media: "film"}), "more/b.tar.xz": []byte("packed"),
		"deleted/video/" + recordID(2) + "/metadata.xml": []byte("gone"), "presentation/" + recordID(3) + "/a.txt": []byte("raw"),
	} {
		path := filepath.Join(disk, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	link(t, disk, old+"/disk")
	link(t, disk, disk+"/more/circle")
	link(t, old, disk+"/more/back")
	link(t, disk+"/more", old+"/zmore")
	link(t, disk+"/more/b.tar.xz", old+"/c.zip")
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: old}, func(recordings.Progress) {})
	if err != nil || len(report.Failed) > 0 || len(report.Imported) != 1 || p.media(t, recordID(1), "video") != "film" {
		t.Fatalf("%+v, %v", report, err)
	}
	var skipped []string
	for _, f := range report.Skipped {
		skipped = append(skipped, strings.TrimPrefix(f.Path, old))
		if f.Kind != "skipped" {
			t.Errorf("%+v is skipped", f)
		}
	}
	slices.Sort(skipped)
	want := []string{"/c.zip", "/disk/deleted", "/disk/more/b.tar.xz", "/disk/presentation/" + recordID(3)}
	if !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
}

// Whoever imports what lies in the library is told what is wrong with it, and not what could be done to import it.
func TestImport_InPlaceBroken(t *testing.T) {
	p := start(t, nil)
	path := filepath.Join(p.Config.Published, "video", recordID(1), "metadata.xml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte("<recording>"), 0o600)); err != nil {
		t.Fatal(err)
	}
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: p.Config.Published}, func(recordings.Progress) {})
	if text := said(report, err); !strings.Contains(text, "metadata.xml is not as it should be") || strings.Contains(text, "--adopt") {
		t.Errorf("%+v, %v", report, err)
	}
}
