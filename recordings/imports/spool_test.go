package imports_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// at puts an archive into the spool that was made at a time.
func (r *rig) at(t testing.TB, name string, content []byte, modified time.Time) (path string) {
	t.Helper()
	path = filepath.Join(r.Config.Spool, name)
	write(t, path, content)
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	return path
}

// An archive gets its job when it has rested, and not before: what grows, or is written anew, rests from then on. It gets one.
func TestSpool_Rest(t *testing.T) {
	r := newRig(t)
	r.Config.Rest, r.Config.Interval = 5*time.Second, time.Minute
	scan := r.Scan(t.Context())
	if again := scan(); again != time.Minute {
		t.Errorf("an empty spool: again after %s", again)
	}
	path := r.at(t, "a.tar", []byte("half"), monday)
	if again := scan(); again != 5*time.Second || r.Waits("a.tar") {
		t.Errorf("new: again after %s", again)
	}
	r.now = r.now.Add(3 * time.Second)
	if again := scan(); again != 2*time.Second {
		t.Errorf("resting: again after %s", again)
	}
	r.at(t, "a.tar", []byte("the whole"), monday) // at once after that, by a coarse clock
	r.now = r.now.Add(3 * time.Second)
	if again := scan(); again != 5*time.Second || r.Waits("a.tar") {
		t.Errorf("grown: again after %s", again)
	}
	r.now = r.now.Add(4 * time.Second)
	r.at(t, "a.tar", []byte("the other"), monday.Add(time.Second))
	r.now = r.now.Add(time.Second)
	if again := scan(); again != 5*time.Second || r.Waits("a.tar") {
		t.Errorf("written anew: again after %s", again)
	}
	r.now = r.now.Add(4950 * time.Millisecond)
	if again := scan(); again != 100*time.Millisecond { // news come together
		t.Errorf("nearly rested: again after %s", again)
	}
	r.now = r.now.Add(50 * time.Millisecond)
	if again := scan(); again != time.Minute || !r.Waits("a.tar") {
		t.Errorf("rested: again after %s", again)
	}
	want := r.job(t, "a.tar")
	if want.State != store.JobWaiting || want.Path != path || want.Source != "spool" || want.Bytes != 9 || !want.Created.Equal(r.now) {
		t.Errorf("%+v", want)
	}
	r.now = r.now.Add(time.Hour)
	scan()
	if got := r.job(t, "a.tar"); !got.Changed.Equal(want.Changed) {
		t.Errorf("noted again: %+v", got)
	}
	again := r.Scan(t.Context()) // as after a restart
	again()
	r.now = r.now.Add(time.Minute)
	again()
	if got := r.job(t, "a.tar"); !got.Changed.Equal(want.Changed) {
		t.Errorf("noted again after a restart: %+v", got)
	}
}

// noting is an index that tells of every job that is written.
type noting struct {
	imports.Index
	hear func(id string)
}

func (n *noting) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	j, err := n.Index.UpdateJob(ctx, id, change)
	n.hear(id)
	return j, err
}

// What was found together is noted the oldest first, which a crash in between must not turn round, and none of it is taken
// before all is noted: else an edition could be taken before the one that it is to replace.
func TestSpool_Order(t *testing.T) {
	r := newRig(t)
	first, second := recordID(1)+"-1.tar", recordID(1)+"-2.tar"
	r.at(t, "b.tar", nil, monday.Add(-time.Hour))
	r.at(t, "a.tar", nil, monday.Add(-time.Hour))
	r.at(t, second, nil, monday.Add(-time.Minute))
	r.at(t, first, nil, monday.Add(-2*time.Hour))
	var noted []string
	r.Index = &noting{r.Index, func(id string) {
		noted = append(noted, id)
		if taken, _ := r.Take(); taken != "" {
			t.Errorf("%s was taken when %s was noted", taken, noted)
		}
	}}
	r.Config.Rest = 0
	r.Scan(t.Context())()
	if want := []string{first, "a.tar", "b.tar", second}; !slices.Equal(noted, want) {
		t.Errorf("noted %v, want %v", noted, want)
	}
	var taken []string
	for id, giveUp := r.Take(); id != ""; id, giveUp = r.Take() {
		defer giveUp()
		taken = append(taken, id)
	}
	if want := []string{"b.tar", "a.tar", first}; !slices.Equal(taken, want) {
		t.Errorf("taken %v, want %v", taken, want)
	}
}

// An archive that replaces one which is at work, or whose files are being put in place, is taken when that is over.
func TestSpool_Replaced(t *testing.T) {
	r := newRig(t)
	r.Config.Rest = 0
	scan := r.Scan(t.Context())
	path := r.at(t, "a.tar", []byte("old"), monday.Add(-time.Hour))
	scan()
	id, giveUp := r.Take()
	r.at(t, "a.tar", []byte("a newer edition"), monday)
	scan()
	if j := r.job(t, id); j.Bytes != 3 {
		t.Errorf("changed while it was at work: %+v", j)
	}
	giveUp()
	r.put(t, store.Job{ID: id, Path: path, State: store.JobPlacing, Bytes: 3, Modified: monday.Add(-time.Hour)})
	scan()
	if j := r.job(t, id); j.State != store.JobPlacing || j.Bytes != 3 {
		t.Errorf("changed while it was being placed: %+v", j)
	}
	r.put(t, store.Job{ID: id, Path: path, State: store.JobDone, Bytes: 3, Modified: monday.Add(-time.Hour)})
	scan()
	if j := r.job(t, id); j.State != store.JobWaiting || j.Bytes != 15 || !r.Waits(id) {
		t.Errorf("not taken after that: %+v", j)
	}
}

// An archive that lies in the spool once more is imported once more, whether it was imported, dropped, or in quarantine. One
// that could not be removed, or not be moved to quarantine, has not come back: it has never been away.
func TestSpool_Back(t *testing.T) {
	for what, c := range map[string]struct {
		job  store.Job
		want store.JobState
	}{
		"imported":           {store.Job{State: store.JobDone}, store.JobWaiting},
		"not removed":        {store.Job{State: store.JobDone, Reason: "the archive cannot be removed"}, store.JobDone},
		"dropped":            {store.Job{State: store.JobDropped, Reason: "deleted"}, store.JobWaiting},
		"back from there":    {store.Job{State: store.JobFailed, Path: "/quarantine/a.tar", Reason: "bad"}, store.JobWaiting},
		"not in quarantine":  {store.Job{State: store.JobFailed, Reason: "the archive stays in the spool"}, store.JobFailed},
		"waiting, and known": {store.Job{State: store.JobWaiting, Reason: "no room"}, store.JobWaiting},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t)
			r.Config.Rest = 0
			path := r.at(t, "a.tar", []byte("x"), monday)
			c.job.ID, c.job.Attempts = "a.tar", 4
			if c.job.Path == "" {
				c.job.Path = path
			}
			c.job.Bytes, c.job.Modified = 1, monday
			r.put(t, c.job)
			r.Scan(t.Context())()
			j, renewed := r.job(t, "a.tar"), c.want != c.job.State
			if j.State != c.want || renewed != (j.Attempts == 0) || renewed != (j.Path == path && j.Reason == "") || r.Waits("a.tar") != renewed {
				t.Errorf("%+v", j)
			}
		})
	}
}

// What is no archive is not taken, nor is anything while the disk has a problem. That the spool cannot be looked through, or
// a job not be noted, is said, and tried again.
func TestSpool_NotTaken(t *testing.T) {
	r := newRig(t)
	r.Config.Rest = 0
	outside := filepath.Join(t.TempDir(), "real.tar")
	write(t, outside, nil)
	if err := errors.Join(
		os.Symlink(outside, filepath.Join(r.Config.Spool, "link.tar")), os.Mkdir(filepath.Join(r.Config.Spool, "dir.tar"), 0o750),
	); err != nil {
		t.Fatal(err)
	}
	r.at(t, ".hidden.tar", nil, monday)
	r.at(t, "a.zip", nil, monday)
	scan := r.Scan(t.Context())
	scan()
	if jobs, err := r.db.Jobs(t.Context(), store.JobFilter{}); len(jobs) != 0 || err != nil {
		t.Errorf("%+v %v", jobs, err)
	}
	r.at(t, "b.tar", nil, monday)
	r.disk.set("spool is not mounted", 0)
	if again := scan(); again != time.Second || r.Waits("b.tar") {
		t.Errorf("on a disk with a problem: again after %s", again)
	}
	r.disk.set("", 0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	r.Scan(ended)()
	if r.Waits("b.tar") || !strings.Contains(r.log.b.String(), `"archive":"b.tar","message":"note an archive"`) {
		t.Errorf("log: %s", r.log.b.String())
	}
	if scan(); !r.Waits("b.tar") {
		t.Error("not tried again")
	}
	if err := os.RemoveAll(r.Config.Spool); err != nil {
		t.Fatal(err)
	}
	if again := scan(); again != time.Second || !strings.Contains(r.log.b.String(), "look through the spool") {
		t.Errorf("again after %s, log: %s", again, r.log.b.String())
	}
}

// Whoever has reason to think so has the spool looked through at once.
func TestLook(t *testing.T) {
	r := newRig(t)
	r.Config.Interval = time.Hour
	r.disk.set("spool is not mounted", 0)
	id := recordID(1)
	r.drop(t, id+".tar", pack(t, id, "video"))
	r.run(t)
	r.Look()
	r.Look() // which does not wait
	if r.Waits(id + ".tar") {
		t.Error("taken from a disk with a problem")
	}
	r.disk.set("", 0)
	eventually(t, "it is taken", func() bool {
		r.Look()
		return r.job(t, id+".tar").State != ""
	})
}
