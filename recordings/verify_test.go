package recordings_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// many is how many recordings the index is made again from.
func many() int {
	if testing.Short() {
		return 200
	}
	return 800
}

func (p *pool) verify(t testing.TB, o recordings.VerifyOptions) recordings.VerifyReport {
	t.Helper()
	report, err := p.Verify(t.Context(), o, func(recordings.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func kinds(report recordings.VerifyReport) (list []string) {
	for _, f := range report.Findings {
		list = append(list, f.Kind)
	}
	slices.Sort(list)
	return list
}

// everything is the whole index, in one list.
func (p *pool) everything(t testing.TB) []store.Recording {
	t.Helper()
	list, _, err := p.Recordings(t.Context(), store.RecordingFilter{Tenant: "default"})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// An index that is lost is made again from the disk as it was: states, metadata, formats, and what people changed. Doing
// it again changes nothing.
func TestVerify_LostIndex(t *testing.T) {
	data := t.TempDir()
	p := open(t, data, nil)
	ctx, lot := t.Context(), []made{}
	for n := range many() {
		lot = append(lot, made{id: recordID(n), format: "presentation", meetingID: fmt.Sprint("room", n%7), media: fmt.Sprint(n)})
		if n%5 == 0 {
			lot = append(lot, made{id: recordID(n), format: "video", meetingID: fmt.Sprint("room", n%7), media: "film"})
		}
	}
	for some := range slices.Chunk(lot, 300) {
		p.take(t, some...)
	}
	for n := range 30 {
		id := recordID(3 * n)
		if _, err := p.Publish(ctx, "default", []string{id}, n%2 == 0); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Update(ctx, "default", []string{id}, map[string]string{"note": fmt.Sprint(n), "meetingName": ""}, new(n%3 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	before := p.everything(t)
	p.stop()
	if err := os.Remove(filepath.Join(data, "bbbpool.db")); err != nil {
		t.Fatal(err)
	}
	p = open(t, data, nil)
	if got := p.verify(t, recordings.VerifyOptions{}); len(got.Findings) != len(lot) || got.Findings[0].Kind != "orphan" {
		t.Errorf("%d findings, want %d orphans", len(got.Findings), len(lot))
	}
	if got := p.verify(t, recordings.VerifyOptions{Adopt: true}); got.Repaired != len(lot) {
		t.Errorf("%d adopted of %d: %+v", got.Repaired, len(lot), got.Findings[0])
	}
	after := p.everything(t)
	for _, list := range [][]store.Recording{before, after} {
		for i := range list {
			list[i].Changed = time.Time{} // known to the index alone
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the index after the rescan:\n%.3000s", diff)
	}
	if got := p.verify(t, recordings.VerifyOptions{Adopt: true, Repair: true}); len(got.Findings) != 0 {
		t.Errorf("again: %+v", got.Findings)
	}
}

// Index and disk are compared both ways. Nothing is mended unasked.
func TestVerify(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	for n := range 4 {
		p.take(t, made{id: recordID(n), format: "video", meetingID: "room", media: fmt.Sprint(n)})
	}
	dir := func(n int) string { return filepath.Join(p.Config.Published, "video", recordID(n)) }
	move := func(from, to string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(dir(0), filepath.Join(p.Config.Unpublished, "video", recordID(0))) // somebody has tidied up
	move(dir(1), filepath.Join(t.TempDir(), "gone"))
	if err := os.CopyFS(filepath.Join(p.Config.Published, "podcast", recordID(2)), os.DirFS(dir(2))); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Library.Stage("broken"); err != nil {
		t.Fatal(err)
	}
	want := []string{"leftover", "misplaced", "missing", "orphan"}
	for range 2 {
		if got := kinds(p.verify(t, recordings.VerifyOptions{})); !slices.Equal(got, want) {
			t.Errorf("found %v, want %v", got, want)
		}
	}
	if err := p.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kinds(p.verify(t, recordings.VerifyOptions{})); !slices.Equal(got, []string{"missing", "orphan"}) {
		t.Errorf("after the daily round: %v", got)
	}
	p.disk.set("not mounted", nil)
	if _, err := p.Verify(t.Context(), recordings.VerifyOptions{Repair: true}, func(recordings.Progress) {}); err == nil {
		t.Error("compared with an empty mount point")
	}
	p.disk.set("", nil)
	if got := p.verify(t, recordings.VerifyOptions{Repair: true, Adopt: true}); got.Repaired != 2 {
		t.Errorf("repair: %+v", got)
	}
	if p.get(t, recordID(1)).RecordID != "" || p.get(t, recordID(0)).State != store.Published || p.media(t, recordID(0), "video") != "0" {
		t.Error("not as it should be")
	}
}

// Recordings of Scalelite, or of a bare BigBlueButton, are taken over from their directories: those of others are copied
// and stay.
func TestImport_Directories(t *testing.T) {
	from := open(t, t.TempDir(), nil)
	for n := range 5 {
		from.take(t, made{id: recordID(n), format: "presentation", meetingID: "room", media: fmt.Sprint(n)},
			made{id: recordID(n), format: "video", meetingID: "room", media: "film"})
	}
	if _, err := from.Publish(t.Context(), "default", []string{recordID(2)}, false); err != nil {
		t.Fatal(err)
	}
	p := open(t, t.TempDir(), nil)
	for round, want := range []int{5, 0} {
		var last recordings.Progress
		report, err := p.Import(t.Context(), recordings.ImportOptions{Path: from.Config.Root}, func(at recordings.Progress) { last = at })
		if err != nil || len(report.Imported) != want || report.Same != 5-want || len(report.Failed) != 0 {
			t.Errorf("round %d: %+v %v", round, report, err)
		}
		if last.Done != last.Total || last.Total == 0 {
			t.Errorf("progress %+v", last)
		}
	}
	if p.media(t, recordID(3), "presentation") != "3" || from.media(t, recordID(3), "presentation") != "3" {
		t.Error("not copied")
	}
	if got := p.get(t, recordID(2)).State; got != store.Unpublished {
		t.Errorf("what was unpublished is %s", got)
	}
	p.sound(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Import(ctx, recordings.ImportOptions{Path: from.Config.Root, Force: true}, func(recordings.Progress) {}); err == nil {
		t.Error("nobody waits for it, and it goes on")
	}
}

// The oldest go first, by age or by size, a tenant at a time or all; a dry run says the same, and what its metadata
// protect stays.
func TestPrune(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	for n := range 4 {
		m := made{id: recordID(n), format: "video", meetingID: "room", media: string(make([]byte, 1000))}
		if n == 0 {
			m.meta = map[string]string{recordings.Keep: "true"}
		}
		p.take(t, m)
		if _, err := p.db.UpdateRecording(t.Context(), "default", m.id, func(r *store.Recording) error {
			r.End = monday.Add(time.Duration(n) * 24 * time.Hour)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	p.Now = func() time.Time { return monday.Add(60*time.Hour + 3*24*time.Hour) }
	size := p.get(t, recordID(1)).Formats[0].Bytes
	nothing := func(recordings.Progress) {}
	for _, dry := range []bool{true, false} {
		for _, o := range []recordings.PruneOptions{
			{OlderThan: quantity.Age(100 * time.Hour), DryRun: dry},
			{KeepUnder: 2*p.get(t, recordID(0)).Formats[0].Bytes + size, DryRun: dry, Tenant: "default"},
		} {
			report, err := p.Prune(t.Context(), o, nothing)
			if err != nil {
				t.Fatal(err)
			}
			if !dry && o.KeepUnder > 0 {
				if len(report.Deleted) != 0 {
					t.Errorf("after the first rule: %+v", report)
				}
				continue
			}
			if len(report.Deleted) != 1 || report.Deleted[0].RecordID != recordID(1) || report.Protected != 1 || report.Bytes != size {
				t.Errorf("%+v: %+v", o, report)
			}
		}
	}
	if _, err := p.Prune(t.Context(), recordings.PruneOptions{}, nothing); err == nil {
		t.Error("pruned without a limit")
	}
	if p.get(t, recordID(1)).State != store.Deleted || p.media(t, recordID(0), "video") == "" {
		t.Error("not as reported")
	}
	p.sound(t)
}
