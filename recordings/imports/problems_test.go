package imports_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// say returns the texts of what is wrong, and checks what every problem of imports has.
func (r *rig) say(t testing.TB) (list []string) {
	t.Helper()
	for _, p := range r.Problems(t.Context()) {
		if p.Subject != (problems.Subject{Kind: problems.Import}) || p.Name == "" {
			t.Errorf("%+v", p)
		}
		list = append(list, p.Severity.String()+": "+p.String())
	}
	return list
}

// Everything that can be wrong with imports is said in the words that operators know.
func TestProblems(t *testing.T) {
	r := newRig(t)
	if got := r.say(t); got != nil {
		t.Errorf("all is well: %q", got)
	}
	write(t, filepath.Join(r.Config.Spool, "a.zip"), nil)
	const zip = "stuck: in the spool, and nothing takes it: a.zip is packed as .zip, which bbbpool does not read: want .tar, " +
		".tar.gz, .tgz or .tar.zst"
	if diff := cmp.Diff([]string{zip}, r.say(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	write(t, filepath.Join(r.Config.Spool, "b.txt"), nil)
	r.put(t, store.Job{ID: "one.tar", State: store.JobFailed, Reason: "truncated"})
	r.put(t, store.Job{ID: "closed.tar", State: store.JobWaiting, Attempts: 2, Reason: strings.Repeat("ä", 130)})
	r.put(t, store.Job{ID: "new.tar", State: store.JobWaiting})
	r.put(t, store.Job{ID: "old.tar", State: store.JobDone, Attempts: 2, Reason: "x"})
	want := []string{
		zip + ", and 1 more (bbbpool recording jobs)",
		"late: 1 archive is in quarantine, and not imported: one.tar (truncated); bbbpool recording jobs says more",
		"late: 1 archive cannot be imported, and is tried again: closed.tar (" + strings.Repeat("ä", 120) +
			"…); bbbpool recording jobs says more",
	}
	if diff := cmp.Diff(want, r.say(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for n := range 4 {
		r.put(t, store.Job{ID: fmt.Sprint("f", n, ".tar"), State: store.JobFailed})
		r.put(t, store.Job{ID: fmt.Sprint("w", n, ".tar"), State: store.JobWaiting, Attempts: 1, Reason: "r"})
	}
	const none = " (no reason is known)"
	want[1] = "late: 5 archives are in quarantine, and not imported: f0.tar" + none + ", f1.tar" + none + ", f2.tar" + none +
		" and 2 more; bbbpool recording jobs says more"
	want[2] = "late: 5 archives cannot be imported, and are tried again: closed.tar (" + strings.Repeat("ä", 120) +
		"…), w0.tar (r), w1.tar (r) and 2 more; bbbpool recording jobs says more"
	if diff := cmp.Diff(want, r.say(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range r.Problems(ended) { // nobody waits for the store, nor for the disk
		if p.Severity == problems.Late {
			t.Errorf("%+v", p)
		}
	}
}

// While there are very many jobs, what is wrong with them is read every fifteen seconds, and told meanwhile; what lies in the
// spool, and few jobs, are looked at each time.
func TestProblems_Many(t *testing.T) {
	r := newRig(t)
	counted := &counting{Index: r.Index}
	r.Index = counted
	r.say(t)
	if r.say(t); counted.read.Load() != 4 { // the failed, and those that wait
		t.Errorf("of none: %d times", counted.read.Load())
	}
	for n := range 1001 {
		counted.more = append(counted.more, store.Job{ID: fmt.Sprint(n), State: store.JobFailed})
	}
	counted.read.Store(0)
	want := []string{
		"late: 1001 archives are in quarantine, and not imported: 0 (no reason is known), 1 (no reason is known), " +
			"2 (no reason is known) and 998 more; bbbpool recording jobs says more",
	}
	for range 3 {
		if diff := cmp.Diff(want, r.say(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		r.now = r.now.Add(5 * time.Second)
	}
	if counted.read.Load() != 2 {
		t.Errorf("of many: %d times", counted.read.Load())
	}
	counted.more = counted.more[:1]
	write(t, filepath.Join(r.Config.Spool, "a.txt"), nil)
	if got := r.say(t); len(got) != 2 || !strings.Contains(got[0], "a.txt") || !strings.Contains(got[1], "1 archive is in quarantine") {
		t.Errorf("in its time: %q", got)
	}
}

// counting is an index that has more failed jobs than the store, and counts how often it is asked for jobs.
type counting struct {
	imports.Index
	more []store.Job
	read atomic.Int64
}

func (c *counting) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error) {
	c.read.Add(1)
	list, err := c.Index.Jobs(ctx, f)
	if slices.Contains(f.States, store.JobFailed) {
		list = append(list, c.more...)
	}
	return list, err
}

// That imports wait for room is said until one has found some.
func TestProblems_Crowded(t *testing.T) {
	r, path := newRig(t), filepath.Join(t.TempDir(), "a.tar")
	write(t, path, pack(t, recordID(1), "video"))
	r.disk.set("", 1)
	r.take(t, imports.Options{Path: path})
	want := []string{"stuck: imports wait for room: bbbpool recording jobs says for how much"}
	if diff := cmp.Diff(want, r.say(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.disk.set("", 0)
	r.take(t, imports.Options{Path: path})
	if got := r.say(t); got != nil {
		t.Errorf("once there is room: %q", got)
	}
}
