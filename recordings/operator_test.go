package recordings_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// lay puts a recording into directories, as BigBlueButton has them.
func lay(t testing.TB, root string, m made) (dir string) {
	t.Helper()
	dir = filepath.Join(root, m.format, m.id)
	err := os.MkdirAll(dir, 0o750)
	for name, content := range map[string]string{"metadata.xml": m.metadata(), "media.txt": m.media} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (p *pool) importAll(t testing.TB, path string) recordings.ImportReport {
	t.Helper()
	report, err := p.Import(t.Context(), recordings.ImportOptions{Path: path}, func(recordings.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// told is what a report says of a path, "" for nothing.
func told(list []recordings.Finding, path string) string {
	for _, f := range list {
		if f.Path == path {
			return f.Text
		}
	}
	return ""
}

// Whatever is wrong with a recording of a foreign library, it is named with the reason, and the others are imported: also
// other formats of the same recording. A second run finds what is there and tells the same.
func TestImport_ForeignLibrary(t *testing.T) {
	p, root := start(t, nil), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	spoil := map[string]func(dir string) error{
		"is a symbolic link": func(dir string) error { return os.Symlink("media.txt", filepath.Join(dir, "again.txt")) },
		"is a FIFO":          func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) },
		"not as it should be": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "metadata.xml"), []byte("<recording><id>x"), 0o600)
		},
		"permission denied": func(dir string) error { return os.Chmod(dir, 0) },
	}
	if os.Geteuid() == 0 {
		delete(spoil, "permission denied")
	}
	n, want := 0, map[string]string{}
	for why, how := range spoil {
		lay(t, root, made{id: recordID(n), format: "video", meetingID: "room", media: "film"})
		bad := lay(t, root, made{id: recordID(n), format: "presentation", meetingID: "room", media: "slides"})
		alone := lay(t, root, made{id: recordID(100 + n), format: "podcast", meetingID: "room", media: "sound"})
		must(how(bad))
		must(how(alone))
		want[bad], want[alone] = why, why
		n++
	}
	must(os.WriteFile(filepath.Join(root, "b.TAR"), film(t, 200, 1), 0o600))
	must(os.WriteFile(filepath.Join(root, "c.tar.xz"), []byte("xz"), 0o600))
	must(os.Mkdir(filepath.Join(root, "d.tar"), 0o750))
	must(os.Symlink("/nowhere", filepath.Join(root, "e.tar")))
	elsewhere := lay(t, t.TempDir(), made{id: recordID(300), format: "video", meetingID: "room", media: "film"})
	must(os.Symlink(elsewhere, filepath.Join(root, "video", recordID(300))))
	want[filepath.Join(root, "d.tar")], want[filepath.Join(root, "e.tar")] = "is a directory", "is a link"
	for run, imported := range []int{n + 2, 0} {
		report := p.importAll(t, root)
		if len(report.Imported) != imported || report.Same != n+2-imported {
			t.Errorf("run %d: %d imported, want %d, %d there already", run, len(report.Imported), imported, report.Same)
		}
		for path, why := range want {
			if text := told(report.Failed, path); !strings.Contains(text, why) {
				t.Errorf("run %d: of %s it says %q, want %q", run, path, text, why)
			}
		}
		if len(report.Failed) != len(want) {
			t.Errorf("run %d: %d failed, want %d: %+v", run, len(report.Failed), len(want), report.Failed)
		}
		if why := told(report.Skipped, filepath.Join(root, "c.tar.xz")); !strings.Contains(why, ".xz") {
			t.Errorf("run %d: skipped %+v", run, report.Skipped)
		}
	}
	for i := range n {
		if p.media(t, recordID(i), "video") != "film" || p.media(t, recordID(i), "presentation") != "" {
			t.Errorf("recording %d does not play as it should", i)
		}
	}
	if p.media(t, recordID(300), "video") != "film" {
		t.Error("the linked recording was not imported")
	}
	if p.media(t, recordID(200), "video") == "" {
		t.Error("the archive in capitals was not imported")
	}
	p.sound(t)
}

// An import that was interrupted goes on where it was when it is run again, and what was deleted here is skipped without
// being unpacked.
func TestImport_Resumed(t *testing.T) {
	p, root := open(t, t.TempDir(), nil), t.TempDir()
	const all = 40
	for n := range all {
		if n%2 == 0 {
			lay(t, root, made{id: recordID(n), format: "video", meetingID: "room", media: "film"})
		} else if err := os.WriteFile(filepath.Join(root, recordID(n)+".tar"), film(t, n, 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	report, err := p.Import(ctx, recordings.ImportOptions{Path: root}, func(at recordings.Progress) {
		if at.Total != all {
			t.Errorf("%+v", at)
		}
		if at.Done == all/2 {
			cancel()
		}
	})
	if done := len(report.Imported); err == nil || done < all/2-1 || done > all/2 {
		t.Errorf("interrupted after %d: %v", done, err)
	}
	first := len(report.Imported)
	report = p.importAll(t, root)
	if len(report.Imported) != all-first || report.Same != first || len(report.Failed) != 0 {
		t.Errorf("run again: %d imported, %d there already, failed %+v", len(report.Imported), report.Same, report.Failed)
	}
	for n := range 2 {
		if _, err := p.Delete(t.Context(), "default", []string{recordID(n)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		report = p.importAll(t, root)
		if len(report.Imported) != 0 || report.Same != all-2 || len(report.Failed) != 0 || len(report.Skipped) != 2 {
			t.Errorf("after two were deleted: %+v", report)
		}
	}
	p.sound(t)
}

// What lies in the spool and nothing takes is listed among the jobs, with the reason, and told of in the status.
func TestSpool_Ignored(t *testing.T) {
	p := start(t, nil)
	at := func(name string) string { return filepath.Join(p.Config.Spool, name) }
	if err := errors.Join(
		os.WriteFile(at("a.tar.xz"), []byte("x"), 0o600), os.WriteFile(at("b.ZIP"), []byte("x"), 0o600),
		os.WriteFile(at("notes.txt"), []byte("x"), 0o600), os.Mkdir(at("d.tar"), 0o750), os.Symlink("/nowhere", at("e.tar")),
		os.Mkdir(at("quarantine"), 0o750), os.WriteFile(at(".f.tar.part"), []byte("x"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	p.drop(t, recordID(1)+".TAR", film(t, 1, 1))
	p.waitFor(t, recordID(1)+".TAR", store.JobDone)
	jobs, err := p.Jobs(t.Context(), store.JobFilter{States: []store.JobState{store.JobFailed, recordings.JobIgnored}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, j := range jobs {
		got = append(got, fmt.Sprint(j.ID, " ", j.State, ": ", strings.Join(strings.Fields(j.Reason)[:3], " ")))
	}
	want := []string{
		"a.tar.xz ignored: is packed as", "b.ZIP ignored: is packed as", "d.tar ignored: is a directory:", "e.tar ignored: is a link:",
		"notes.txt ignored: has not the",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if text := strings.Join(p.Trouble(), "\n"); !strings.Contains(text, "a.tar.xz") || !strings.Contains(text, "4 more") {
		t.Errorf("trouble: %q", text)
	}
	var paged []string
	for after := ""; ; {
		page, err := p.Jobs(t.Context(), store.JobFilter{After: after, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page {
			paged = append(paged, j.ID)
		}
		if len(page) < 2 {
			break
		}
		after = page[len(page)-1].ID
	}
	if !slices.Equal(paged, []string{recordID(1) + ".TAR", "a.tar.xz", "b.ZIP", "d.tar", "e.tar", "notes.txt"}) {
		t.Errorf("page by page: %q", paged)
	}
}
