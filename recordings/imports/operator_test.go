package imports_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

func link(t testing.TB, target, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
}

// What lies behind links is found as if it lay there, once, and not far behind them; links that lead in a circle, or nowhere,
// are told.
func TestSurvey_Links(t *testing.T) {
	dir, outside := imports.Resolved(t.TempDir()), imports.Resolved(t.TempDir())
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	out := func(name string) string { return filepath.Join(outside, filepath.FromSlash(name)) }
	tree(t, out("old/published"), recordID(1), "video")
	write(t, out("old/published/video/1/2/3/deep.tar"), nil)
	write(t, out("film.tar"), nil)
	write(t, out("film.zip"), nil)
	tree(t, in("here"), recordID(2), "video")
	link(t, out("old"), in("linked"))
	link(t, out("old/published"), in("linked-again"))
	link(t, out("film.tar"), in("a.tar"))
	link(t, out("film.zip"), in("b.zip"))
	link(t, dir, in("loop"))
	link(t, in("here"), in("there"))
	link(t, filepath.Dir(dir), in("up"))
	link(t, out("none"), in("No format/nowhere"))
	link(t, out("none.tar"), in("nowhere.tar"))
	link(t, out("none"), in("here/video/"+recordID(3)))
	sources, failed, skipped := found(t, dir)
	if diff := cmp.Diff([]string{"a.tar", "here#" + recordID(2), "linked/published#" + recordID(1)}, sources); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	slices.Sort(failed)
	if diff := cmp.Diff([]string{recordID(3) + " is a link that leads nowhere", "nowhere.tar is a link that leads nowhere"}, failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	slices.Sort(skipped)
	if diff := cmp.Diff([]string{
		"2 lies too deep: name it to import it",
		"b.zip is packed as .zip, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"up is a link to what this lies in",
	}, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// What lies in a directory that is called unpublished does not play, nor when its server sends it again: where its description
// says otherwise, that was somebody's choice.
func TestImport_Unpublished(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	tree(t, filepath.Join(dir, "unpublished"), recordID(1), "video", "presentation")
	tree(t, filepath.Join(dir, "published"), recordID(2), "video")
	again := filepath.Join(t.TempDir(), "again")
	for n, state := range map[int]store.RecordingState{1: store.Unpublished, 2: store.Published} {
		write(t, filepath.Join(again, fmt.Sprint(n, ".tar")), pack(t, recordID(n), "podcast"))
		for _, path := range []string{dir, again} {
			r.take(t, imports.Options{Path: path})
			got, err := r.db.Recording(t.Context(), recordID(n))
			if err != nil || got.State != state || got.Edits.State != (state == store.Unpublished) {
				t.Errorf("from %s: %+v %v", filepath.Base(path), got, err)
			}
		}
		if places, err := r.lib.Formats(recordID(n)); err != nil || !slices.Contains(places[state], "podcast") || len(places) != 1 {
			t.Errorf("%v %v", places, err)
		}
	}
}

// A format that is here and differs, or is gone from the disk, is imported again; what is the same costs a look.
func TestImport_Changed(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	id := recordID(1)
	tree(t, dir, id, "video")
	count := func(what string, imported, same int) {
		t.Helper()
		if report := r.take(t, imports.Options{Path: dir}); len(report.Imported) != imported || report.Same != same || len(report.Failed) != 0 {
			t.Errorf("%s: %+v", what, report)
		}
	}
	count("new", 1, 0)
	count("the same", 0, 1)
	write(t, filepath.Join(dir, "video", id, "media.txt"), []byte("a longer film"))
	count("changed", 1, 0)
	count("the same again", 0, 1)
	tree(t, dir, id, "presentation")
	count("one more format", 1, 0)
	path, ok := r.lib.Path(id, "presentation")
	if err := os.RemoveAll(path); err != nil || !ok {
		t.Fatal(err)
	}
	count("gone from the disk", 1, 0)
	count("and back", 0, 1)
	if got, err := r.db.Recording(t.Context(), id); err != nil || len(got.Formats) != 2 {
		t.Errorf("%+v %v", got, err)
	}
}

// An archive that was imported is the same until it changes, or what came of it is gone.
func TestImport_SameArchive(t *testing.T) {
	r, path := newRig(t), filepath.Join(t.TempDir(), "a.tar")
	count := func(what string, imported, same int) {
		t.Helper()
		if report := r.take(t, imports.Options{Path: path}); len(report.Imported) != imported || report.Same != same || len(report.Failed) != 0 {
			t.Errorf("%s: %+v", what, report)
		}
	}
	write(t, path, pack(t, recordID(1), "video"))
	count("new", 1, 0)
	count("the same", 0, 1)
	write(t, path, pack(t, recordID(1), "video", "presentation"))
	count("changed", 1, 0)
	if err := r.db.DeleteRecording(t.Context(), recordID(1)); err != nil {
		t.Fatal(err)
	}
	count("not in the index any more", 1, 0)
	place, _ := r.lib.Path(recordID(1), "video")
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	count("not on the disk any more", 1, 0)
}

// What is at work is not imported beside, and the rest goes on. An import ends with whoever asked for it, and with the disk.
func TestImport_Ends(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	for n := range 3 {
		write(t, filepath.Join(dir, fmt.Sprint(n, ".tar")), pack(t, recordID(n), "video"))
	}
	busy := filepath.Join(dir, "0.tar")
	giveUp := r.Begin(busy)
	var told []record.Progress
	ctx, cancel := context.WithCancel(t.Context())
	report, err := r.Import(ctx, dir, imports.Options{}, func(p record.Progress) {
		if told = append(told, p); p.Done == 1 {
			cancel() // before the second
		}
	})
	giveUp()
	if !errors.Is(err, context.Canceled) || len(report.Imported) != 0 || len(report.Failed) != 1 {
		t.Errorf("%+v %v", report, err)
	}
	if f := report.Failed[0]; f.Path != busy || f.Text != imports.ErrBusy.Error() || f.Kind != "unreadable" {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff([]record.Progress{
		{Total: 3, Current: "0.tar"}, {Total: 3, Current: busy, Problem: "is being imported just now"}, {Done: 1, Total: 3, Current: "1.tar"},
	}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	report, err = r.Import(t.Context(), dir, imports.Options{}, func(p record.Progress) {
		if p.Done == 2 {
			r.disk.set("published is not mounted", 0)
		}
	})
	if !errors.Is(err, volume.ErrUnusable) || len(report.Imported) != 2 {
		t.Errorf("%+v %v", report, err)
	}
	r.disk.set("", 0)
	if report = r.take(t, imports.Options{Path: dir}); len(report.Imported) != 1 || report.Same != 2 {
		t.Errorf("goes on: %+v", report)
	}
}

// An operator's archive that was committed already goes on where it was, and one whose recordings were deleted comes only by
// force.
func TestImport_Placing(t *testing.T) {
	r, path := newRig(t), filepath.Join(t.TempDir(), "a.tar")
	s := r.stepped()
	write(t, path, pack(t, recordID(1), "video"))
	s.fail = func(step string) error {
		if step == "place" {
			return errStore
		}
		return nil
	}
	report := r.take(t, imports.Options{Path: path})
	if len(report.Failed) != 1 || report.Failed[0].Text != "waits, and goes on by itself (bbbpool recording jobs): "+errStore.Error() {
		t.Errorf("%+v", report)
	}
	s.fail, s.done = nil, nil
	if report = r.take(t, imports.Options{Path: path}); !slices.Equal(report.Imported, []string{recordID(1)}) {
		t.Errorf("%+v", report)
	}
	if !slices.Equal(s.done, []string{"place", "discard"}) {
		t.Errorf("from the start: %v", s.done)
	}
	if _, err := r.db.UpdateRecording(t.Context(), "default", recordID(1), func(r *store.Recording) error {
		r.State, r.Formats = store.Deleted, nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "b.tar") // which was never imported
	write(t, elsewhere, pack(t, recordID(1), "video"))
	report = r.take(t, imports.Options{Path: elsewhere})
	if len(report.Skipped) != 1 || !strings.HasPrefix(report.Skipped[0].Text, "all that is in it was deleted here") || content(t, elsewhere) == "" {
		t.Errorf("%+v", report)
	}
	report = r.take(t, imports.Options{Path: elsewhere, Force: true})
	if got, err := r.db.Recording(t.Context(), recordID(1)); err != nil || got.State != store.Published || len(report.Imported) != 1 {
		t.Errorf("by force: %+v, %+v %v", report, got, err)
	}
}
