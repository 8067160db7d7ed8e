package recordings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// statuses is a disk whose directories are as a test says.
type statuses struct {
	*disk
	list []volume.Status
}

func (s *statuses) Known(context.Context) []volume.Status { return s.list }

func (s *statuses) Problems(context.Context) []problems.Problem { return volume.ProblemsOf(s.list) }

// full is a directory on a disk of a size that has no room left.
func full(name string, total int64) volume.Status {
	return volume.Status{
		Name: name, Path: "/mnt/" + name, Total: total, Problem: fmt.Sprintf("%s (/mnt/%s) is full: %d of them are free", name, name, total),
	}
}

// says are the problems in words, each behind its severity.
func (p *pool) says(t *testing.T) (list []string) {
	t.Helper()
	seen := map[string]bool{}
	var all problems.Registry
	all.Report(p)
	for _, problem := range all.List(t.Context()) {
		id := fmt.Sprint(problem.Subject, problem.Name)
		if seen[id] || problem.Name == "" {
			t.Errorf("not to be told from another one: %+v", problem)
		}
		seen[id] = true
		list = append(list, problem.Severity.String()+": "+problem.String())
	}
	return list
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Everything that is wrong with recordings is in one list, in the order and the words that operators know; that imports wait
// for a disk that is full goes without saying.
func TestProblems(t *testing.T) {
	disks := &statuses{}
	p := open(t, t.TempDir(), func(s *recordings.Service) {
		disks.disk = s.Disk.(*disk)
		s.Disk = disks
	})
	equal(t, "all is well", p.says(t))
	p.take(t, made{id: recordID(1), format: "video", meetingID: "room", media: "film"})
	p.take(t, made{id: recordID(2), format: "video", meetingID: "room", media: "film"})
	if err := os.RemoveAll(filepath.Join(p.Config.Published, "video", recordID(1))); err != nil { // and index and disk differ
		t.Fatal(err)
	}
	if _, err := p.db.UpdateRecording(t.Context(), "default", recordID(2), func(r *store.Recording) error {
		r.Behind = "permission denied"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.verify(t, recordings.VerifyOptions{})
	if err := os.WriteFile(filepath.Join(p.Config.Spool, "a.zip"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.ended(t, 3, time.Now().Add(-48*time.Hour))
	if _, err := p.db.UpdateJob(t.Context(), "bad.tar", func(j *store.Job) error {
		*j = store.Job{ID: "bad.tar", State: store.JobFailed, Reason: "truncated"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "b.tar")
	if err := os.WriteFile(path, pack(t, made{id: recordID(4), format: "video", meetingID: "room"}), 0o600); err != nil {
		t.Fatal(err)
	}
	p.disk.set("", errors.New("no room"))
	p.Now = func() time.Time { return monday.AddDate(1, 0, 0) } // so that the gate stays shut
	if _, err := p.Import(t.Context(), recordings.ImportOptions{Path: path}, func(recordings.Progress) {}); err != nil {
		t.Fatal(err)
	}
	const (
		differ  = "stuck: index and disk differ in 1 places: bbbpool recording verify lists them"
		crowded = "stuck: imports wait for room: bbbpool recording jobs says for how much"
		bad     = "late: 1 archive is in quarantine, and not imported: bad.tar (truncated); bbbpool recording jobs says more"
		ignored = "stuck: in the spool, and nothing takes it: a.zip is packed as .zip, which bbbpool does not read: want .tar, " +
			".tar.gz, .tgz or .tar.zst"
		overdue = "late: 1 recording is overdue: bbbpool recording list --owed says where they are"
	)
	behind := "stuck: files of recordings are not where their state says, and it is tried again: " + recordID(2) + ": permission denied"
	equal(t, "everything", p.says(t), differ, crowded, behind, ignored, bad, overdue)
	var words []string
	for _, text := range []string{differ, crowded, behind, ignored} {
		words = append(words, strings.TrimPrefix(text, "stuck: "))
	}
	equal(t, "in words", p.Trouble(), words...)

	disks.list = []volume.Status{full("published", 7), full("unpublished", 7), full("spool", 7), {Name: "good"}}
	const disk = "stuck: volume published (/mnt/published) is full: 7 of them are free; so it is with unpublished (/mnt/unpublished); so " +
		"it is with spool (/mnt/spool)"
	equal(t, "on a full disk", p.says(t), disk, differ, behind, ignored, bad, overdue)
	if got := p.Problems(t.Context())[0]; got.Name != "full" || got.Subject != (problems.Subject{Kind: problems.Volume, ID: "published"}) {
		t.Errorf("%+v", got)
	}
	if got := p.Volume(); len(got) != 4 {
		t.Errorf("%v", got)
	}
}

// Every metric that is written is declared, with what it says, and each that is declared is once.
func TestFamilies(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	p.take(t, made{id: recordID(1), format: "video", meetingID: "room", media: "film"})
	p.ended(t, 2, time.Now().Add(-48*time.Hour))
	p.servers.tell(on(recordID(2), store.Processing))
	if err := p.Pursue(t.Context()); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	p.WriteMetrics(&b)
	written := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		written[line[:strings.IndexAny(line, "{ ")]] = true
	}
	declared := map[string]bool{}
	for _, f := range recordings.Families {
		if declared[f.Name] || f.Help == "" || f.Type == "" {
			t.Errorf("%+v", f)
		}
		declared[f.Name] = true
		if !written[f.Name] && !strings.HasPrefix(f.Name, "bbbpool_volume_") {
			t.Errorf("%s is never written", f.Name)
		}
	}
	for name := range written {
		if !declared[name] {
			t.Errorf("%s is not declared", name)
		}
	}
	for _, want := range []string{
		`bbbpool_recordings{tenant="default",state="published"} 1`, `bbbpool_recordings_overdue{server="bbb1"} 1`,
		`bbbpool_recordings_owed{server="bbb1",step="ended"} 1`, "bbbpool_imports_total 1", "bbbpool_recordings_inconsistent 0",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if counts, err := p.Counts(t.Context()); err != nil || !slices.ContainsFunc(counts, func(c store.RecordingCount) bool {
		return c.State == store.Published && c.Count == 1
	}) {
		t.Errorf("%+v %v", counts, err)
	}
}
