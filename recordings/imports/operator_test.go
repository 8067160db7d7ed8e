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

// What is imported is new, the same, or not wanted; the report tells which, and each archive stays where it is.
func TestImport_Again(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	id := recordID(1)
	tree(t, dir, id, "video")
	write(t, filepath.Join(dir, "a.tar"), pack(t, recordID(2), "presentation"))
	write(t, filepath.Join(dir, "bad.tar"), []byte("no archive"))
	report := r.take(t, imports.Options{Path: dir})
	slices.Sort(report.Imported)
	if !slices.Equal(report.Imported, []string{id, recordID(2)}) || len(report.Failed) != 1 || report.Same != 0 {
		t.Errorf("first: %+v", report)
	}
	if len(names(t, dir)) != 3 {
		t.Errorf("left: %v", names(t, dir))
	}
	if report = r.take(t, imports.Options{Path: dir}); report.Same != 2 || len(report.Imported) != 0 {
		t.Errorf("again: %+v", report)
	}
	if report = r.take(t, imports.Options{Path: dir, Force: true}); report.Same != 0 || len(report.Imported) != 2 {
		t.Errorf("by force: %+v", report)
	}
	for _, gone := range []string{id, recordID(2)} {
		if _, err := r.db.UpdateRecording(t.Context(), "default", gone, func(r *store.Recording) error {
			r.State, r.Formats = store.Deleted, nil
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	report = r.take(t, imports.Options{Path: dir})
	if len(report.Imported) != 0 || len(report.Skipped) != 2 || !strings.Contains(report.Skipped[0].Text, "was deleted here") {
		t.Errorf("deleted: %+v", report)
	}
}

// What an import cannot finish is said in its report, and goes on by itself.
func TestImport_Waits(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	path := filepath.Join(dir, "a.tar")
	write(t, path, pack(t, recordID(1), "video"))
	r.disk.set("", 1)
	report := r.take(t, imports.Options{Path: path})
	const want = "waits, and goes on by itself (bbbpool recording jobs): "
	if len(report.Failed) != 1 || report.Failed[0].Kind != "stuck" || !strings.HasPrefix(report.Failed[0].Text, want) {
		t.Errorf("%+v", report)
	}
	if j := r.job(t, path); j.State != store.JobWaiting || j.Attempts != 0 || !j.Keep {
		t.Errorf("%+v", j)
	}
	r.disk.set("published is full", 0)
	if _, err := r.Import(t.Context(), path, imports.Options{}, nil); err == nil || !strings.HasSuffix(err.Error(), "published is full") {
		t.Errorf("on a disk with a problem: %v", err)
	}
	r.disk.set("", 0)
	if _, err := r.Import(t.Context(), t.TempDir(), imports.Options{}, nil); err == nil || !strings.Contains(err.Error(), imports.ErrNothing.Error()) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := r.Import(t.Context(), filepath.Join(dir, "none"), imports.Options{}, nil); err == nil {
		t.Error("of what is not there")
	}
}

// An archive that is imported from quarantine leaves it.
func TestImport_FromQuarantine(t *testing.T) {
	r := newRig(t)
	r.run(t)
	id := recordID(1)
	good := pack(t, id, "video")
	r.drop(t, id+".tar", broken(good))
	eventually(t, "it is in quarantine", func() bool {
		j := r.job(t, id+".tar")
		return j.State == store.JobFailed && content(t, j.Path) != "" && filepath.Base(filepath.Dir(j.Path)) == "quarantine"
	})
	path := r.job(t, id+".tar").Path
	if paths, err := r.Quarantined(); err != nil || !slices.Equal(paths, []string{path}) {
		t.Errorf("%v %v", paths, err)
	}
	write(t, path, good)
	j := known(t, id+".tar", path)
	if _, err := r.db.UpdateJob(t.Context(), id+".tar", func(job *store.Job) error {
		job.Bytes, job.Modified = j.Bytes, j.Modified
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if report := r.take(t, imports.Options{Path: path}); !slices.Equal(report.Imported, []string{id}) {
		t.Errorf("%+v", report)
	}
	if r.job(t, id+".tar").State != "" || content(t, path) != "" {
		t.Errorf("still there: %+v", r.job(t, id+".tar"))
	}
}

// A recording in directories that holds more than it may is not imported, and one bad format does not take the others along.
func TestImport_Directories(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	id := recordID(1)
	tree(t, dir, id, "video")
	write(t, filepath.Join(dir, "podcast", id, "metadata.xml"), []byte("<recording"))
	report := r.take(t, imports.Options{Path: dir})
	if !slices.Equal(report.Imported, []string{id}) || len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Path, "podcast") {
		t.Errorf("%+v", report)
	}

	many := t.TempDir()
	tree(t, many, recordID(2), "video")
	r.Config.MaxFiles = 1
	report = r.take(t, imports.Options{Path: many})
	if len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Text, "has more files than --max-recording-files") {
		t.Errorf("too many files: %+v", report)
	}
	r.Config.MaxFiles, r.Config.MaxBytes = 1000, 10
	report = r.take(t, imports.Options{Path: many})
	if len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Text, "makes it more than 10 bytes") {
		t.Errorf("too large: %+v", report)
	}
}

// A path where nothing is has nothing to import.
func TestLocate(t *testing.T) {
	dir := t.TempDir()
	if _, err := imports.Locate(filepath.Join(dir, "none")); err == nil || !strings.HasPrefix(err.Error(), imports.ErrNothing.Error()) {
		t.Errorf("of nothing: %v", err)
	}
}
